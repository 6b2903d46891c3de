// The guest debugs itself with breakpoints, watchpoints, steps and BRKs, and says what its vectors get for each.
// Events for the outer debugger come in between.

#include "events.h"

// MARK: Breakpoints

static void try_breakpoint(
    const char *name, unsigned n, uint64_t control, uint64_t mdscr_value, bool masked,
    const uint8_t *code) {
  set_breakpoint(n, (uint64_t)code + 4, control);
  try_code(name, mdscr_value, masked, code);
}

static void try_linked(const char *name, unsigned n, unsigned context, uint64_t seen) {
  // BT 0b0011: the context, linked; BT 0b0001: the address, linked to it.
  set_breakpoint(context, 0x55, BREAK_EL1 | 3 << 20);
  WRITE(contextidr_el1, seen);
  try_breakpoint(name, n, BREAK_EL1 | context << 16 | 1 << 20, MDSCR_BOTH, false, event_code);
}

static void run_breakpoints(void) {
  begin_events();
  for (unsigned n = 0; n < 6; n++) {
    say("breakpoint %d", (uint64_t)n);
    try_breakpoint("EL1", n, BREAK_EL1, MDSCR_BOTH, false, event_code);
    try_breakpoint("EL1, both levels", n, BREAK_BOTH, MDSCR_BOTH, false, event_code);
    try_breakpoint("EL0, KDE 0, D 1", n, BREAK_EL0, MDSCR_MDE, true, event_code_el0);
    try_breakpoint("EL0, both levels", n, BREAK_BOTH, MDSCR_BOTH, false, event_code_el0);
  }
  try_breakpoint("EL1, KDE 0", 1, BREAK_EL1, MDSCR_MDE, false, event_code);
  try_breakpoint("EL1, D 1", 1, BREAK_EL1, MDSCR_BOTH, true, event_code);
  try_breakpoint("EL1, MDE 0", 1, BREAK_EL1, MDSCR_KDE, false, event_code);
  try_breakpoint("EL1, E 0", 1, BREAK_EL1 & ~1ul, MDSCR_BOTH, false, event_code);
  try_breakpoint("EL1, for EL0", 1, BREAK_EL0, MDSCR_BOTH, false, event_code);
  try_breakpoint("EL0, for EL1", 1, BREAK_EL1, MDSCR_BOTH, false, event_code_el0);
  try_linked("linked, the context is right", 0, 5, 0x55);
  try_linked("linked, the context is wrong", 0, 5, 0x56);
  try_linked("linked, the other one", 3, 4, 0x55);
}

const struct topic nested_breakpoints = {"nested-breakpoints", run_breakpoints};

// MARK: BRK

static void run_brk(void) {
  begin_events();
  try_code("BRK at EL1", 0, false, event_brk);
  try_code("BRK at EL1, D 1", MDSCR_BOTH, true, event_brk);
  try_code("BRK at EL0", 0, false, event_brk_el0);
  try_code("BRK at EL0, D 1", MDSCR_BOTH, true, event_brk_el0);
  try_code("UDF at EL0", MDSCR_BOTH, false, event_udf_el0);
}

const struct topic nested_brk = {"nested-brk", run_brk};

// MARK: Steps

static void run_steps(void) {
  begin_events();
  for (unsigned round = 0; round < 2; round++) {
    say("at EL1");
    my_events()->origin = event_steps;
    WRITE(mdscr_el1, round ? MDSCR_BOTH : MDSCR_KDE);
    unmask_debug();
    ((function)event_steps)();
    mask_debug();
    meet_debugger();

    say("at EL0");
    my_events()->origin = event_steps_el0;
    WRITE(mdscr_el1, MDSCR_SS | (round ? MDSCR_MDE : 0));
    call_at_el0((function)event_steps_el0, EL0_MASKED | SPSR_SS);
    WRITE(mdscr_el1, 0);
    meet_debugger();
  }
  say("word %d", (uint64_t)event_word[0]);
}

const struct topic nested_steps = {"nested-steps", run_steps};

// MARK: Watchpoints

static void run_watched_bytes(void) {
  begin_events();
  WRITE(mdscr_el1, MDSCR_BOTH);
  my_events()->is_quiet = true;
  uint64_t base = (uint64_t)event_word;
  for (unsigned low = 0; low < 8; low++)
    for (unsigned high = low; high < 8; high++) {
      unsigned bas = (0xffu << low & 0xffu >> (7 - high)) & 0xff;
      uint64_t n = (low + high) % 4, seen = 0;
      for (unsigned byte = 0; byte < 10; byte++)
        if (fires((unsigned)n, base + 8, WATCH_EL1(ACCESSES, bas, 0), store_byte, base + 7 + byte))
          seen |= 1ul << byte;
      // Bit 0 is the byte below the doubleword, bit 9 the one above.
      say("watchpoint %d BAS %x bytes %x", n, (uint64_t)bas, seen);
      meet_debugger();
    }
  for (unsigned mask = 3; mask <= 24; mask++) {
    uint64_t start = 0x45000000, size = 1ul << mask, seen = 0;
    uint64_t places[] = {start - 1, start, start + size / 2, start + size - 1, start + size};
    for (unsigned n = 0; n < 5; n++)
      if (fires(mask % 4, start, WATCH_EL1(ACCESSES, 0xff, mask), load_byte, places[n]))
        seen |= 1ul << n;
    say("watchpoint %d MASK %d places %x", (uint64_t)mask % 4, (uint64_t)mask, seen);
    meet_debugger();
  }
}

const struct topic nested_watched_bytes = {"nested-watched-bytes", run_watched_bytes};

static void run_watchpoints(void) {
  begin_events();
  WRITE(mdscr_el1, MDSCR_BOTH);
  uint64_t word = (uint64_t)event_word + 16;
  static const struct {
    const char *name;
    access access;
    int offset;
  } rows[] = {
      {"LDRB", load_byte, 0},          {"STRB", store_byte, 0},
      {"LDRH", load_half, -1},         {"STRH", store_half, 2},
      {"LDR W", load_word, -2},        {"STR W", store_word, 4},
      {"LDR X", load_doubleword, -4},  {"STR X", store_doubleword, 0},
      {"LDP", load_pair, -8},          {"STP", store_pair, -8},
      {"LDAR", load_acquire, 0},       {"STLR", store_release, 0},
      {"LDXR and STXR", exclusive, 0}, {"STR X below", store_doubleword, -8},
      {"LDR X above", load_doubleword, 8},
  };
  for (unsigned lsc = LOADS; lsc <= ACCESSES; lsc++)
    for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++) {
      say("LSC %d %s", (uint64_t)lsc, rows[n].name);
      if (!fires(n % 4, word, WATCH_EL1(lsc, 0xff, 0), rows[n].access,
                 word + (uint64_t)(int64_t)rows[n].offset))
        say("nothing");
      meet_debugger();
    }
  say("at EL0");
  my_events()->origin = store_byte_el0;
  set_watchpoint(2, (uint64_t)event_word, WATCH_EL0(STORES, 1, 0));
  call_at_el0((function)store_byte_el0, EL0_MASKED);
  meet_debugger();
  say("KDE 0");
  WRITE(mdscr_el1, MDSCR_MDE);
  if (!fires(0, word, WATCH_EL1(ACCESSES, 0xff, 0), store_byte, word)) say("nothing");
  meet_debugger();
}

const struct topic nested_watchpoints = {"nested-watchpoints", run_watchpoints};

// MARK: The same address, the same bytes

#define MEETINGS 20

static void run_same(void) {
  begin_events();
  uint64_t count = 0;
  my_events()->is_quiet = true;
  WRITE(mdscr_el1, MDSCR_BOTH);
  for (unsigned n = 0; n < MEETINGS; n++) {
    set_breakpoint(n % 6, (uint64_t)event_code + 4, BREAK_EL1);
    my_events()->count = 0;
    unmask_debug();
    ((function)event_code)();
    mask_debug();
    count += my_events()->count;
  }
  say("breakpoints %d", count);
  count = 0;
  for (unsigned n = 0; n < MEETINGS; n++)
    // The value changes: GDB does not report a store of the same value.
    for (unsigned value = 0; value < 2; value++) {
      set_watchpoint(n % 4, (uint64_t)event_word, WATCH_EL1(STORES, 1, 0));
      my_events()->count = 0;
      unmask_debug();
      event_word[0] = (uint8_t)(value + 1);
      mask_debug();
      count += my_events()->count;
    }
  say("watchpoints %d", count);
}

const struct topic nested_same = {"nested-same", run_same};

// MARK: Locked, and full

static void run_locked(void) {
  // The OS Lock has its reset value.
  for (unsigned n = 0; n < MEETINGS; n++) meet_debugger();
  say("events %d", debugger_meetings);
  say("locked %x", oslsr.read());
}

const struct topic nested_locked = {"nested-locked", run_locked};

static void run_full(void) {
  begin_events();
  my_events()->is_quiet = true;
  WRITE(mdscr_el1, MDSCR_BOTH);
  // One more comparator each time, until the debugger's are needed as well.
  for (unsigned used = 0; used <= 6; used++) {
    for (unsigned n = 0; n < used; n++) set_breakpoint(n, (uint64_t)event_code + 4, BREAK_EL1);
    for (unsigned n = 0; n < used && n < 4; n++)
      set_watchpoint(n, (uint64_t)event_word, WATCH_EL1(STORES, 1, 0));
    if (used == 6) wait_at_gate("full");
    debugger_place();
    my_events()->count = 0;
    unmask_debug();
    ((function)event_code)();
    mask_debug();
    say("breakpoints in use %d events %d", (uint64_t)used, my_events()->count);
  }
  // The event has disabled all of them.
  debugger_place();
}

const struct topic nested_full = {"nested-full", run_full};
