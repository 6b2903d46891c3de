// The guest steps its own kernel as Linux does.

#include "events.h"
#include "gic.h"

// MARK: Past a breakpoint

// Linux steps past a breakpoint in its own code: the handler turns the breakpoint off and MDSCR_EL1.SS on, and
// the step exception restores both. An interrupt in between is taken first, and its handler clears
// PSTATE.D (Linux: DAIF_PROCCTX_NOIRQ in el1_interrupt), which makes the step exception due there, before
// the instruction at the breakpoint has run. The breakpoint is then hit once more.

#define INTERRUPT 3
#define CALLS 8

// Whether the handler of the next breakpoint is interrupted: the interrupt comes while it runs, masked.
static bool is_interrupted;
static unsigned breakpoints, steps, interrupts;

static void arm(bool on) {
  comparators[COMPARATORS].write(on ? BREAK_EL1 : 0);
  WRITE(mdscr_el1, MDSCR_BOTH | (on ? 0 : MDSCR_SS));
}

static void step_past(unsigned vector, struct frame *frame) {
  struct event event = {(uint64_t)vector * 128, frame->esr, frame->elr, 0, frame->spsr};
  say_event(&event);
  switch (exception_class(frame)) {
    case 0x31:
      breakpoints++;
      if (is_interrupted) {
        send_sgi(INTERRUPT, 0);
        while (READ(ICC_HPPIR1_EL1) != INTERRUPT) pause_a_moment();
        is_interrupted = false;
      }
      arm(false);
      frame->spsr |= SPSR_SS;
      break;
    case 0x33:
      steps++;
      arm(true);
      frame->spsr &= ~SPSR_SS;
      break;
    default: fail("an exception that nothing here brings about");
  }
}

static void take_interrupt(void) {
  say("interrupt elr %x spsr %x", READ(elr_el1), READ(spsr_el1));
  unmask_debug();
  mask_debug();
  end_of_interrupt(acknowledge());
  interrupts++;
}

static void run_interrupted(void) {
  begin_events();
  start_distributor();
  start_cpu_interface();
  set_bit(ISENABLER, INTERRUPT);
  this_cpu()->on_exception = step_past;
  this_cpu()->on_interrupt = take_interrupt;
  breakpoints = steps = interrupts = 0;
  comparators[0].write((uint64_t)event_code + 4);
  arm(true);
  for (unsigned n = 0; n < CALLS; n++) {
    say("call %d", (uint64_t)n);
    is_interrupted = n % 2;
    unmask_debug();
    unmask_interrupts();
    ((function)event_code)();
    mask_interrupts();
    mask_debug();
  }
  WRITE(mdscr_el1, 0);
  disable_comparators();
  say("calls %d breakpoints %d steps %d interrupts %d", (uint64_t)CALLS, (uint64_t)breakpoints,
      (uint64_t)steps, (uint64_t)interrupts);
}

const struct topic nested_interrupted = {"nested-interrupted", run_interrupted};

// MARK: As a kernel debugger does

// kgdb keeps MDSCR_EL1.SS on from one step to the next, and its handler talks to the user in between with
// PSTATE.D = 1. Here the handler executes this number of instructions.
#define CONVERSATION 1000
#define STEPS 3

extern const uint8_t conversation_code[];
static unsigned conversation;
static struct event seen[STEPS];

static void converse(unsigned vector, struct frame *frame) {
  // Two instructions a round.
  unsigned long rounds = conversation / 2;
  if (rounds) __asm__ volatile("1: subs %0, %0, #1\n b.ne 1b" : "+r"(rounds) : : "cc");
  switch (exception_class(frame)) {
    case 0x3c:
      frame->elr += 4;
      WRITE(mdscr_el1, MDSCR_KDE | MDSCR_SS);
      frame->spsr |= SPSR_SS;
      break;
    case 0x33:
      seen[steps++] = (struct event){(uint64_t)vector * 128, frame->esr,
                                     frame->elr - (uint64_t)conversation_code, 0, frame->spsr};
      if (steps < STEPS) {
        frame->spsr |= SPSR_SS;
      } else {
        WRITE(mdscr_el1, MDSCR_KDE);
        frame->spsr &= ~SPSR_SS;
      }
      break;
    default: fail("an exception that nothing here brings about");
  }
}

static void run_conversations(void) {
  begin_events();
  this_cpu()->on_exception = converse;
  WRITE(mdscr_el1, MDSCR_KDE);
  for (unsigned round = 0; round < 2; round++) {
    wait_at_gate(round ? "long" : "short");
    conversation = round ? CONVERSATION : 0;
    steps = 0;
    unmask_debug();
    ((function)conversation_code)();
    mask_debug();
    for (unsigned n = 0; n < steps; n++) say_event(&seen[n]);
  }
  wait_at_gate("done");
}

const struct topic nested_conversations = {"nested-conversations", run_conversations};
