// The debug registers (Arm ARM D24.3) by name, and what the debug topics share.
#pragma once

#include "probe.h"

// As many comparators of each kind as there can be.
#define COMPARATORS 16

struct debug_register {
  const char *name;
  uint64_t (*read)(void);
  void (*write)(uint64_t);
};

// DBGBVR0 to 15, DBGBCR0 to 15, DBGWVR0 to 15, DBGWCR0 to 15.
extern const struct debug_register comparators[4 * COMPARATORS];
extern const struct debug_register mdscr, mdccint, oslar, oslsr, osdlr, mdrar;

#define MDSCR_SS (1ul << 0)
#define MDSCR_KDE (1ul << 13)
#define MDSCR_MDE (1ul << 15)

static inline void set_breakpoint(unsigned n, uint64_t value, uint64_t control) {
  comparators[COMPARATORS + n].write(0);
  comparators[n].write(value);
  comparators[COMPARATORS + n].write(control);
  ISB();
}

static inline void set_watchpoint(unsigned n, uint64_t value, uint64_t control) {
  comparators[3 * COMPARATORS + n].write(0);
  comparators[2 * COMPARATORS + n].write(value);
  comparators[3 * COMPARATORS + n].write(control);
  ISB();
}
