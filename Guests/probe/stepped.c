// What a debugger steps through: see stepped.S.

#include "gic.h"

extern void stepped_code(uint64_t *results, uint64_t distributor), interrupted_code(uint64_t *results),
    acknowledging_code(uint64_t *results);

static uint64_t results[32], notes[64];
static unsigned note_count;

static void note(unsigned vector, struct frame *frame) {
  notes[note_count++] = vector;
  notes[note_count++] = frame->esr;
  notes[note_count++] = frame->elr;
  notes[note_count++] = frame->spsr;
  if (exception_class(frame) != 0x15) frame->elr += 4;
}

static void begin(void) {
  note_count = 0;
  for (unsigned n = 0; n < sizeof results / sizeof *results; n++) results[n] = 0;
  this_cpu()->on_exception = note;
}

static void say_all(void) {
  for (unsigned n = 0; n < sizeof results / sizeof *results; n++)
    if (results[n]) say("result %d %x", (uint64_t)n, results[n]);
  for (unsigned n = 0; n < note_count; n += 4)
    say("vector %x esr %x elr %x spsr %x", notes[n] * 128, notes[n + 1], notes[n + 2],
        notes[n + 3]);
}

static void run_instructions(void) {
  start_distributor();
  start_cpu_interface();
  set_bit(ISENABLER, 27);
  begin();
  WRITE(oslar_el1, 0);
  stepped_code(results, GICD);
  say_all();
}

const struct topic stepped_instructions = {"stepped-instructions", run_instructions};

static volatile uint64_t interrupts;

static void count_interrupt(void) {
  unsigned number = acknowledge();
  WRITE(cntv_ctl_el0, 0);
  interrupts++;
  end_of_interrupt(number);
}

static void run_interrupted(void) {
  start_distributor();
  start_cpu_interface();
  begin();
  interrupts = 0;
  this_cpu()->on_interrupt = count_interrupt;
  set_bit(ISENABLER, 27);
  WRITE(cntv_cval_el0, 0);
  WRITE(cntv_ctl_el0, 1);
  interrupted_code(results);
  unmask_interrupts();
  for (unsigned n = 0; n < 1000; n++) pause_a_moment();
  mask_interrupts();
  say_all();
  say("interrupts %d", interrupts);
}

const struct topic stepped_interrupted = {"stepped-interrupted", run_interrupted};

static void run_acknowledge(void) {
  start_distributor();
  start_cpu_interface();
  begin();
  set_bit(ISENABLER, 27);
  WRITE(cntv_cval_el0, 0);
  WRITE(cntv_ctl_el0, 1);
  // The line has to reach the CPU interface.
  while (READ(ICC_HPPIR1_EL1) != 27) pause_a_moment();
  acknowledging_code(results);
  say_all();
}

const struct topic stepped_acknowledge = {"stepped-acknowledge", run_acknowledge};
