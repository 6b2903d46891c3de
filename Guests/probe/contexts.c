// Breakpoints and watchpoints that are linked to a context: CONTEXTIDR_EL1 as a context-aware breakpoint
// has it. Of six breakpoints the last two are context-aware.

#include "events.h"

#define CONTEXT 0x55
#define BT_LINKED_ADDRESS (1ul << 20)
#define BT_CONTEXT (2ul << 20)
#define BT_LINKED_CONTEXT (3ul << 20)
#define BREAK_LBN(n) ((uint64_t)(n) << 16)
#define WATCH_LINKED(n) (1ul << 20 | (uint64_t)(n) << 16)

// How many events `code` takes at either level, with CONTEXTIDR_EL1 as `seen`.
static uint64_t count_events(const uint8_t *code, uint64_t seen) {
  struct events *events = my_events();
  WRITE(contextidr_el1, seen);
  WRITE(mdscr_el1, MDSCR_BOTH);
  events->origin = code;
  events->count = 0;
  if (runs_at_el0(code)) {
    call_at_el0((function)code, EL0_MASKED);
  } else {
    unmask_debug();
    ((function)code)();
    mask_debug();
  }
  disable_comparators();
  WRITE(mdscr_el1, 0);
  return events->count;
}

static void try_breakpoint(unsigned n, unsigned context, uint64_t partner, uint64_t seen) {
  uint64_t fired[2];
  static const struct {
    const uint8_t *code;
    uint64_t control;
  } levels[] = {{event_code, BREAK_EL1}, {event_code_el0, BREAK_EL0}};
  for (unsigned level = 0; level < 2; level++) {
    set_breakpoint(context, CONTEXT, partner);
    set_breakpoint(n, (uint64_t)levels[level].code + 4,
                   levels[level].control | BT_LINKED_ADDRESS | BREAK_LBN(context));
    fired[level] = count_events(levels[level].code, seen);
  }
  say("breakpoint %d linked to %d, %x, context %x: EL1 %d EL0 %d", (uint64_t)n, (uint64_t)context,
      partner, seen, fired[0], fired[1]);
  meet_debugger();
}

static void store_at_el1(volatile void *at) { store_byte(at); }

static void try_watchpoint(unsigned n, unsigned context, uint64_t partner, uint64_t seen) {
  uint64_t word = (uint64_t)event_word;
  set_breakpoint(context, CONTEXT, partner);
  WRITE(contextidr_el1, seen);
  WRITE(mdscr_el1, MDSCR_BOTH);
  bool el1 = fires(n, word, WATCH_EL1(STORES, 1, 0) | WATCH_LINKED(context), store_at_el1, word);
  set_breakpoint(context, CONTEXT, partner);
  set_watchpoint(n, word, WATCH_EL0(STORES, 1, 0) | WATCH_LINKED(context));
  uint64_t el0 = count_events(store_byte_el0, seen);
  say("watchpoint %d linked to %d, %x, context %x: EL1 %d EL0 %d", (uint64_t)n, (uint64_t)context,
      partner, seen, (uint64_t)el1, el0);
  meet_debugger();
}

static void run(void) {
  begin_events();
  my_events()->is_quiet = true;
  for (unsigned context = 4; context < 6; context++) {
    for (unsigned wrong = 0; wrong < 2; wrong++) {
      for (unsigned n = 0; n < 6; n++)
        // The partner's own privilege fields do not matter; that it is enabled does.
        if (n != context)
          try_breakpoint(n, context, BREAK_BOTH | BT_LINKED_CONTEXT, CONTEXT + wrong);
      for (unsigned n = 0; n < 4; n++)
        try_watchpoint(n, context, BREAK_BOTH | BT_LINKED_CONTEXT, CONTEXT + wrong);
    }
    try_breakpoint(0, context, (BREAK_BOTH & ~1ul) | BT_LINKED_CONTEXT, CONTEXT);
    try_watchpoint(0, context, (BREAK_BOTH & ~1ul) | BT_LINKED_CONTEXT, CONTEXT);
    // Two that are linked to the same one, and the link changed under way.
    set_breakpoint(context, CONTEXT, BREAK_BOTH | BT_LINKED_CONTEXT);
    set_breakpoint(1, (uint64_t)event_code + 4, BREAK_EL1 | BT_LINKED_ADDRESS | BREAK_LBN(context));
    set_breakpoint(2, (uint64_t)event_code, BREAK_EL1 | BT_LINKED_ADDRESS | BREAK_LBN(context));
    say("two linked to %d: %d at %x", (uint64_t)context, count_events(event_code, CONTEXT),
        my_events()->last.elr);
    meet_debugger();
  }
  WRITE(contextidr_el1, 0);
}

const struct topic nested_contexts = {"nested-contexts", run};
