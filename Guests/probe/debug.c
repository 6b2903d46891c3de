// The debug registers by name.

#include "debug.h"

#define ACCESSORS(register_)                                       \
  static uint64_t read_##register_(void) { return READ(register_); } \
  static void write_##register_(uint64_t value) { WRITE(register_, value); }

#define BANK(prefix)                                                                          \
  ACCESSORS(prefix##0_el1)                                                                    \
  ACCESSORS(prefix##1_el1)                                                                    \
  ACCESSORS(prefix##2_el1)                                                                    \
  ACCESSORS(prefix##3_el1)                                                                    \
  ACCESSORS(prefix##4_el1)                                                                    \
  ACCESSORS(prefix##5_el1)                                                                    \
  ACCESSORS(prefix##6_el1)                                                                    \
  ACCESSORS(prefix##7_el1)                                                                    \
  ACCESSORS(prefix##8_el1)                                                                    \
  ACCESSORS(prefix##9_el1)                                                                    \
  ACCESSORS(prefix##10_el1)                                                                   \
  ACCESSORS(prefix##11_el1)                                                                   \
  ACCESSORS(prefix##12_el1)                                                                   \
  ACCESSORS(prefix##13_el1)                                                                   \
  ACCESSORS(prefix##14_el1)                                                                   \
  ACCESSORS(prefix##15_el1)

BANK(dbgbvr)
BANK(dbgbcr)
BANK(dbgwvr)
BANK(dbgwcr)

#define ENTRY(register_) {#register_, read_##register_, write_##register_}
#define ENTRIES(prefix)                                                                        \
  ENTRY(prefix##0_el1), ENTRY(prefix##1_el1), ENTRY(prefix##2_el1), ENTRY(prefix##3_el1),      \
      ENTRY(prefix##4_el1), ENTRY(prefix##5_el1), ENTRY(prefix##6_el1), ENTRY(prefix##7_el1),  \
      ENTRY(prefix##8_el1), ENTRY(prefix##9_el1), ENTRY(prefix##10_el1),                       \
      ENTRY(prefix##11_el1), ENTRY(prefix##12_el1), ENTRY(prefix##13_el1),                     \
      ENTRY(prefix##14_el1), ENTRY(prefix##15_el1)

const struct debug_register comparators[4 * COMPARATORS] = {
    ENTRIES(dbgbvr), ENTRIES(dbgbcr), ENTRIES(dbgwvr), ENTRIES(dbgwcr)};

ACCESSORS(mdscr_el1)
ACCESSORS(mdccint_el1)
ACCESSORS(osdlr_el1)

const struct debug_register mdscr = ENTRY(mdscr_el1);
const struct debug_register mdccint = ENTRY(mdccint_el1);
const struct debug_register osdlr = ENTRY(osdlr_el1);

// The assembler knows these in one direction only; the other is UNDEFINED, which is to be seen.
#define ACCESSORS_AS(name_, encoding)                              \
  static uint64_t read_##name_(void) { return READ(encoding); } \
  static void write_##name_(uint64_t value) { WRITE(encoding, value); }

ACCESSORS_AS(oslar_el1, s2_0_c1_c0_4)
ACCESSORS_AS(oslsr_el1, s2_0_c1_c1_4)
ACCESSORS_AS(mdrar_el1, s2_0_c1_c0_0)

const struct debug_register oslar = ENTRY(oslar_el1);
const struct debug_register oslsr = ENTRY(oslsr_el1);
const struct debug_register mdrar = ENTRY(mdrar_el1);
