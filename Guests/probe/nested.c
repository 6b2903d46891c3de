// The guest debugs itself: its own breakpoints, watchpoints, steps and BRKs, with what its vectors are
// told of each. In between there is always something for a debugger of the outer kind.

#include "debug.h"

extern uint8_t event_code[], event_code_el0[], event_brk[], event_brk_el0[], event_udf_el0[],
    event_steps[], event_steps_el0[], store_byte_el0[];
extern volatile uint8_t event_word[64];

typedef void (*function)(void);
typedef void (*access)(volatile void *);

#define SPSR_SS (1ul << 21)

static uint64_t debugger_events;

static void meet_debugger(void) {
  debugger_place();
  debugger_word = ++debugger_events;
}

static inline void unmask_debug(void) { __asm__ volatile("msr daifclr, #8" : : : "memory"); }
static inline void mask_debug(void) { __asm__ volatile("msr daifset, #8" : : : "memory"); }

// MARK: What the vectors are told

static const uint8_t *origin;
static unsigned events;
static bool is_quiet;

static void disable_comparators(void) {
  for (unsigned n = 0; n < 6; n++) comparators[COMPARATORS + n].write(0);
  for (unsigned n = 0; n < 4; n++) comparators[3 * COMPARATORS + n].write(0);
  ISB();
}

static void note(unsigned vector, struct frame *frame) {
  unsigned class = exception_class(frame);
  unsigned immediate = frame->esr & 0xffff;
  bool has_far = class == 0x34 || class == 0x35;
  events++;
  if (!is_quiet) {
    say("vector %x esr %x elr %x far %x spsr %x", (uint64_t)vector * 128, frame->esr,
        frame->elr - (uint64_t)origin, has_far ? frame->far : 0, frame->spsr);
  }
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
    case 0x15: break;  // SVC has executed
    default: frame->elr += 4; break;
  }
}

static void begin(void) {
  WRITE(oslar_el1, 0);
  disable_comparators();
  this_cpu()->on_exception = note;
}

// One event, which may or may not come. `name` says what was set up.
static void try_code(const char *name, uint64_t mdscr_value, bool masked, const uint8_t *code) {
  bool at_el0 = code == event_code_el0 || code == event_brk_el0 || code == event_udf_el0;
  say("%s", name);
  origin = code;
  events = 0;
  WRITE(mdscr_el1, mdscr_value);
  if (at_el0) {
    call_at_el0((function)code, EL0_MASKED | (masked ? 1 << 9 : 0));
  } else {
    if (!masked) unmask_debug();
    ((function)code)();
    mask_debug();
  }
  if (!events) say("nothing");
  disable_comparators();
  WRITE(mdscr_el1, 0);
  meet_debugger();
}

// MARK: Breakpoints

#define AT_EL1 0x1e3ul
#define AT_EL0 0x1e5ul
#define AT_BOTH 0x1e7ul
#define BOTH (MDSCR_MDE | MDSCR_KDE)

static void try_breakpoint(
    const char *name, unsigned n, uint64_t control, uint64_t mdscr_value, bool masked,
    const uint8_t *code) {
  set_breakpoint(n, (uint64_t)code + 4, control);
  try_code(name, mdscr_value, masked, code);
}

static void try_linked(const char *name, unsigned n, unsigned context, uint64_t seen) {
  // BT 0b0011: the context, linked; BT 0b0001: the address, linked to it.
  set_breakpoint(context, 0x55, AT_EL1 | 3 << 20);
  WRITE(contextidr_el1, seen);
  try_breakpoint(name, n, AT_EL1 | context << 16 | 1 << 20, BOTH, false, event_code);
}

static void run_breakpoints(void) {
  begin();
  for (unsigned n = 0; n < 6; n++) {
    say("breakpoint %d", (uint64_t)n);
    try_breakpoint("EL1", n, AT_EL1, BOTH, false, event_code);
    try_breakpoint("EL1, both levels", n, AT_BOTH, BOTH, false, event_code);
    try_breakpoint("EL0, KDE 0, D 1", n, AT_EL0, MDSCR_MDE, true, event_code_el0);
    try_breakpoint("EL0, both levels", n, AT_BOTH, BOTH, false, event_code_el0);
  }
  try_breakpoint("EL1, KDE 0", 1, AT_EL1, MDSCR_MDE, false, event_code);
  try_breakpoint("EL1, D 1", 1, AT_EL1, BOTH, true, event_code);
  try_breakpoint("EL1, MDE 0", 1, AT_EL1, MDSCR_KDE, false, event_code);
  try_breakpoint("EL1, E 0", 1, AT_EL1 & ~1ul, BOTH, false, event_code);
  try_breakpoint("EL1, for EL0", 1, AT_EL0, BOTH, false, event_code);
  try_breakpoint("EL0, for EL1", 1, AT_EL1, BOTH, false, event_code_el0);
  try_linked("linked, the context is right", 0, 5, 0x55);
  try_linked("linked, the context is wrong", 0, 5, 0x56);
  try_linked("linked, the other one", 3, 4, 0x55);
}

const struct topic nested_breakpoints = {"nested-breakpoints", run_breakpoints};

// MARK: BRK

static void run_brk(void) {
  begin();
  try_code("BRK at EL1", 0, false, event_brk);
  try_code("BRK at EL1, D 1", BOTH, true, event_brk);
  try_code("BRK at EL0", 0, false, event_brk_el0);
  try_code("BRK at EL0, D 1", BOTH, true, event_brk_el0);
  try_code("UDF at EL0", BOTH, false, event_udf_el0);
}

const struct topic nested_brk = {"nested-brk", run_brk};

// MARK: Steps

static void run_steps(void) {
  begin();
  for (unsigned round = 0; round < 2; round++) {
    say("at EL1");
    origin = event_steps;
    WRITE(mdscr_el1, round ? BOTH : MDSCR_KDE);
    unmask_debug();
    ((function)event_steps)();
    mask_debug();
    meet_debugger();

    say("at EL0");
    origin = event_steps_el0;
    WRITE(mdscr_el1, MDSCR_SS | (round ? MDSCR_MDE : 0));
    call_at_el0((function)event_steps_el0, EL0_MASKED | SPSR_SS);
    WRITE(mdscr_el1, 0);
    meet_debugger();
  }
  say("word %d", (uint64_t)event_word[0]);
}

const struct topic nested_steps = {"nested-steps", run_steps};

// MARK: Watchpoints

#define WATCH_EL1(lsc, bas, mask) \
  (1ul | 1ul << 1 | (uint64_t)(lsc) << 3 | (uint64_t)(bas) << 5 | (uint64_t)(mask) << 24)
enum { LOADS = 1, STORES = 2, ACCESSES = 3 };

extern void load_byte(volatile void *), store_byte(volatile void *), load_half(volatile void *),
    store_half(volatile void *), load_word(volatile void *), store_word(volatile void *),
    load_doubleword(volatile void *), store_doubleword(volatile void *), load_pair(volatile void *),
    store_pair(volatile void *), load_acquire(volatile void *), store_release(volatile void *),
    exclusive(volatile void *);

// Whether the access at `at` fires watchpoint n.
static bool fires(unsigned n, uint64_t value, uint64_t control, access access, uint64_t at) {
  set_watchpoint(n, value, control);
  events = 0;
  origin = (const uint8_t *)access;
  unmask_debug();
  access((volatile void *)at);
  mask_debug();
  disable_comparators();
  return events > 0;
}

static void run_watched_bytes(void) {
  begin();
  WRITE(mdscr_el1, BOTH);
  is_quiet = true;
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
  begin();
  WRITE(mdscr_el1, BOTH);
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
  origin = store_byte_el0;
  set_watchpoint(2, (uint64_t)event_word, WATCH_EL1(STORES, 1, 0) ^ 3 << 1);
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
  begin();
  uint64_t count = 0;
  is_quiet = true;
  WRITE(mdscr_el1, BOTH);
  for (unsigned n = 0; n < MEETINGS; n++) {
    set_breakpoint(n % 6, (uint64_t)event_code + 4, AT_EL1);
    events = 0;
    unmask_debug();
    ((function)event_code)();
    mask_debug();
    count += events;
  }
  say("breakpoints %d", count);
  count = 0;
  for (unsigned n = 0; n < MEETINGS; n++)
    // It changes: GDB does not tell of a store that does not.
    for (unsigned value = 0; value < 2; value++) {
      set_watchpoint(n % 4, (uint64_t)event_word, WATCH_EL1(STORES, 1, 0));
      events = 0;
      unmask_debug();
      event_word[0] = (uint8_t)(value + 1);
      mask_debug();
      count += events;
    }
  say("watchpoints %d", count);
}

const struct topic nested_same = {"nested-same", run_same};

// MARK: Locked, and full

static void run_locked(void) {
  // The OS Lock is as reset left it.
  for (unsigned n = 0; n < MEETINGS; n++) meet_debugger();
  say("events %d", debugger_events);
  say("locked %x", oslsr.read());
}

const struct topic nested_locked = {"nested-locked", run_locked};

static void run_full(void) {
  begin();
  is_quiet = true;
  WRITE(mdscr_el1, BOTH);
  // One more of its comparators each time, the debugger's among them.
  for (unsigned used = 0; used <= 6; used++) {
    for (unsigned n = 0; n < used; n++) set_breakpoint(n, (uint64_t)event_code + 4, AT_EL1);
    for (unsigned n = 0; n < used && n < 4; n++)
      set_watchpoint(n, (uint64_t)event_word, WATCH_EL1(STORES, 1, 0));
    if (used == 6) wait_at_gate("full");
    debugger_place();
    events = 0;
    unmask_debug();
    ((function)event_code)();
    mask_debug();
    say("breakpoints in use %d events %d", (uint64_t)used, (uint64_t)events);
  }
  // The event has disabled them all.
  debugger_place();
}

const struct topic nested_full = {"nested-full", run_full};
