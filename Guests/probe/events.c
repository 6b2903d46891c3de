// Debug exceptions that a vCPU causes and takes.

#include "events.h"

struct events events_of[CPU_COUNT];
uint64_t debugger_meetings;

void meet_debugger(void) {
  debugger_place();
  debugger_word = ++debugger_meetings;
}

void disable_comparators(void) {
  for (unsigned n = 0; n < 6; n++) comparators[COMPARATORS + n].write(0);
  for (unsigned n = 0; n < 4; n++) comparators[3 * COMPARATORS + n].write(0);
  ISB();
}

void say_event(const struct event *event) {
  const char *prefix = my_events()->prefix;
  say("%svector %x esr %x elr %x far %x spsr %x", prefix ? prefix : "", event->vector, event->esr,
      event->elr, event->far, event->spsr);
}

static bool has_far(unsigned class) {
  return class == 0x34 || class == 0x35 || (class >= 0x20 && class <= 0x25);
}

// A handler that debugs itself: its instructions with debug exceptions unmasked are stepped as well, if the code that
// it was called from was stepped.
static void step_in_handler(void) {
  __asm__ volatile("msr daifclr, #8\n nop\n mrs x0, daif\n msr daifset, #8" : : : "x0", "memory");
}

static void take_event(unsigned vector, struct frame *frame) {
  struct events *events = my_events();
  unsigned class = exception_class(frame);
  unsigned immediate = frame->esr & 0xffff;
  struct event event = {(uint64_t)vector * 128, frame->esr, frame->elr - (uint64_t)events->origin,
                        has_far(class) ? frame->far : 0, frame->spsr};
  if (events->count < events->room) events->log[events->count] = event;
  events->count++;
  events->last = event;
  if (!events->is_quiet) say_event(&event);
  switch (class) {
    case 0x30:  // breakpoints and watchpoints report before the instruction
    case 0x31:
    case 0x34:
    case 0x35: disable_comparators(); break;
    case 0x32:  // a step; and the next
    case 0x33: frame->spsr |= SPSR_SS; break;
    case 0x3c:
      frame->elr += 4;
      if (immediate == STEPS_BEGIN) {
        WRITE(mdscr_el1, READ(mdscr_el1) | MDSCR_SS);
        frame->spsr |= SPSR_SS;
      } else if (immediate == STEPS_END) {
        WRITE(mdscr_el1, READ(mdscr_el1) & ~MDSCR_SS);
        frame->spsr &= ~SPSR_SS;
      }
      break;
    case 0x15:  // SVC has executed
      if (immediate == STEPS_NESTED) step_in_handler();
      break;
    case 0x20:  // a call of an address without code
    case 0x21: frame->elr = frame->x[30]; break;
    default: frame->elr += 4; break;
  }
}

void begin_events(void) {
  WRITE(oslar_el1, 0);
  disable_comparators();
  struct events *events = my_events();
  events->is_quiet = false;
  events->prefix = NULL;
  events->room = 0;
  this_cpu()->on_exception = take_event;
}

bool runs_at_el0(const uint8_t *code) {
  return code == event_code_el0 || code == event_brk_el0 || code == event_udf_el0 ||
         code == store_byte_el0;
}

void try_code(const char *name, uint64_t mdscr_value, bool masked, const uint8_t *code) {
  struct events *events = my_events();
  say("%s", name);
  events->origin = code;
  events->count = 0;
  WRITE(mdscr_el1, mdscr_value);
  if (runs_at_el0(code)) {
    call_at_el0((function)code, EL0_MASKED | (masked ? SPSR_D : 0));
  } else {
    if (!masked) unmask_debug();
    ((function)code)();
    mask_debug();
  }
  if (!events->count) say("%snothing", events->prefix ? events->prefix : "");
  disable_comparators();
  WRITE(mdscr_el1, 0);
  meet_debugger();
}

bool fires(unsigned n, uint64_t value, uint64_t control, access access, uint64_t at) {
  struct events *events = my_events();
  set_watchpoint(n, value, control);
  events->count = 0;
  events->origin = (const uint8_t *)access;
  unmask_debug();
  access((volatile void *)at);
  mask_debug();
  disable_comparators();
  return events->count > 0;
}
