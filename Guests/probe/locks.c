// The guest's debug exceptions under its locks. Only BRK passes the locks.

#include "events.h"

static uint64_t word_address(void) { return (uint64_t)event_word; }

static void try_all(void) {
  struct events *events = my_events();
  const char *prefix = events->prefix;
  // What is set is set before the lock, for OSLAR_EL1 does not matter to the comparators' registers.
  for (unsigned n = 0; n < 6; n++) {
    say("breakpoint %d", (uint64_t)n);
    set_breakpoint(n, (uint64_t)event_code + 4, BREAK_EL1);
    try_code("EL1", MDSCR_BOTH, false, event_code);
    set_breakpoint(n, (uint64_t)event_code_el0 + 4, BREAK_EL0);
    try_code("EL0", MDSCR_MDE, false, event_code_el0);
  }
  for (unsigned n = 0; n < 4; n++) {
    say("watchpoint %d", (uint64_t)n);
    WRITE(mdscr_el1, MDSCR_BOTH);
    if (!fires(n, word_address(), WATCH_EL1(STORES, 1, 0), store_byte, word_address()))
      say("%snothing", prefix);
    WRITE(mdscr_el1, 0);
    set_watchpoint(n, word_address(), WATCH_EL0(STORES, 1, 0));
    try_code("EL0", MDSCR_MDE, false, store_byte_el0);
  }
  say("step");
  try_code("EL0", MDSCR_SS, false, event_code_el0);
  events->prefix = NULL;
  try_code("BRK at EL1", MDSCR_BOTH, false, event_brk);
  try_code("BRK at EL0", MDSCR_BOTH, false, event_brk_el0);
}

static void run(void) {
  begin_events();
  say("OSLSR_EL1 %x OSDLR_EL1 %x", oslsr.read(), osdlr.read());
  my_events()->prefix = "OS Lock: ";
  WRITE(oslar_el1, 1);
  try_all();
  WRITE(oslar_el1, 0);
  my_events()->prefix = "OS Double Lock: ";
  osdlr.write(1);
  ISB();
  try_all();
  say("OSLSR_EL1 %x OSDLR_EL1 %x", oslsr.read(), osdlr.read());
  osdlr.write(0);
  my_events()->prefix = "unlocked: ";
  try_all();
}

const struct topic nested_locks = {"nested-locks", run};
