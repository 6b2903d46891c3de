// Every kind of access against watchpoints of every kind: loads, stores, both; of EL1's, of EL0's, of
// both; of one byte in the middle of what is accessed, of its first, of its last, and of those beside it.

#include "events.h"

extern void load_unprivileged(volatile void *), store_unprivileged(volatile void *),
    load_writeback(volatile void *), store_writeback(volatile void *),
    load_pair_words(volatile void *), store_pair_writeback(volatile void *),
    load_pair_acquire(volatile void *), load_register_offset(volatile void *),
    load_quad(volatile void *), store_quad(volatile void *), store_pair_quad(volatile void *),
    load_structure(volatile void *), store_lane(volatile void *), zero_block(volatile void *),
    clean_line(volatile void *), prefetch(volatile void *);

static const struct {
  const char *name;
  access access;
  int size;
} rows[] = {
    {"LDRB", load_byte, 1},
    {"STRH", store_half, 2},
    {"LDR W", load_word, 4},
    {"STR X", store_doubleword, 8},
    {"LDR X, writeback", load_writeback, 8},
    {"STR X, writeback", store_writeback, 8},
    {"LDR X, register offset", load_register_offset, 8},
    {"LDTR", load_unprivileged, 8},
    {"STTR", store_unprivileged, 8},
    {"LDP", load_pair, 16},
    {"STP", store_pair, 16},
    {"LDPSW", load_pair_words, 8},
    {"STP, writeback", store_pair_writeback, 16},
    {"LDAR", load_acquire, 8},
    {"STLR", store_release, 8},
    {"LDXR and STXR", exclusive, 8},
    {"LDAXP", load_pair_acquire, 16},
    {"LDR Q", load_quad, 16},
    {"STR Q", store_quad, 16},
    {"STP Q", store_pair_quad, 32},
    {"LD2", load_structure, 32},
    {"ST1 of a lane", store_lane, 4},
    {"DC ZVA", zero_block, 64},
    {"DC CVAC and CIVAC", clean_line, 64},
    {"PRFM", prefetch, 64},
};

static void try_byte(unsigned n, const char *name, access access, uint64_t at, uint64_t byte) {
  say("%s, watchpoint %d, byte %d", name, (uint64_t)n, byte - at);
  for (unsigned lsc = LOADS; lsc <= ACCESSES; lsc++)
    // PAC: EL1, EL0, both.
    for (uint64_t pac = 1; pac <= 3; pac++) {
      uint64_t bas = 1ul << byte % 8;
      uint64_t control = (WATCH_EL1(lsc, bas, 0) & ~6ul) | pac << 1;
      if (!fires(n, byte & ~7ul, control, access, at)) continue;
      const struct event *event = &my_events()->last;
      say("%s LSC %d PAC %d: %d, esr %x elr %x far %x", name, (uint64_t)lsc, pac,
          my_events()->count, event->esr, event->elr, event->far - at);
    }
}

static void run(void) {
  begin_events();
  my_events()->is_quiet = true;
  WRITE(mdscr_el1, MDSCR_BOTH);
  uint64_t at = (uint64_t)event_word + 64;
  for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++) {
    uint64_t size = (uint64_t)rows[n].size;
    uint64_t bytes[] = {at - 1, at, at + size / 2, at + size - 1, at + size};
    for (unsigned place = 0; place < 5; place++)
      try_byte((n + place) % 4, rows[n].name, rows[n].access, at, bytes[place]);
    meet_debugger();
  }
  // DC ZVA may be given any address in its block.
  try_byte(1, "DC ZVA of its middle", zero_block, at + 36, at);
  try_byte(2, "DC ZVA of its middle", zero_block, at + 36, at + 63);
  // The same over ranges of eight bytes and more.
  for (unsigned mask = 3; mask <= 6; mask++)
    for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++)
      if (fires(n % 4, at, WATCH_EL1(ACCESSES, 0xff, mask), rows[n].access, at))
        say("%s MASK %d: %d, esr %x far %x", rows[n].name, (uint64_t)mask, my_events()->count,
            my_events()->last.esr, my_events()->last.far - at);
}

const struct topic nested_accesses = {"nested-accesses", run};
