// Debug exceptions that a vCPU causes and takes, and the code and accesses that cause them.
#pragma once

#include "debug.h"

typedef void (*function)(void);
typedef void (*access)(volatile void *);

#define SPSR_SS (1ul << 21)
#define SPSR_D (1ul << 9)

// The registers of an exception.
struct event {
  uint64_t vector, esr, elr, far, spsr;
};

// How a vCPU handles the exceptions that `take_event` takes.
struct events {
  // Code addresses are said relative to this.
  const uint8_t *origin;
  // The number of exceptions since this was last cleared.
  uint64_t count;
  // The last exception. FAR is 0 except for watchpoints and aborts.
  struct event last;
  // Whether each is said, and what before.
  bool is_quiet;
  const char *prefix;
  // The log of exceptions, if there is one, and its capacity.
  struct event *log;
  uint64_t room;
};
extern struct events events_of[CPU_COUNT];
static inline struct events *my_events(void) { return &events_of[this_cpu()->index]; }

// Unlocks the debug registers and takes exceptions from now on. Breakpoints and watchpoints disable all
// comparators; a step is followed by the next; what a faulting instruction was is skipped.
void begin_events(void);
void disable_comparators(void);
void say_event(const struct event *event);

static inline void unmask_debug(void) { __asm__ volatile("msr daifclr, #8" : : : "memory"); }
static inline void mask_debug(void) { __asm__ volatile("msr daifset, #8" : : : "memory"); }

// An event for the outer debugger.
void meet_debugger(void);
extern uint64_t debugger_meetings;

// Runs `code` at EL1, or at EL0 if its name ends so, with MDSCR_EL1 as given and debug exceptions masked or not.
// Says which exceptions came, or "nothing". Comparators are off afterwards.
void try_code(const char *name, uint64_t mdscr_value, bool masked, const uint8_t *code);
bool runs_at_el0(const uint8_t *code);

// Whether the access at `at` fires watchpoint n.
bool fires(unsigned n, uint64_t value, uint64_t control, access access, uint64_t at);

#define BREAK_EL1 0x1e3ul
#define BREAK_EL0 0x1e5ul
#define BREAK_BOTH 0x1e7ul
#define MDSCR_BOTH (MDSCR_MDE | MDSCR_KDE)

// DBGWCR_EL1 with E, for accesses of EL1's.
#define WATCH_EL1(lsc, bas, mask) \
  (1ul | 1ul << 1 | (uint64_t)(lsc) << 3 | (uint64_t)(bas) << 5 | (uint64_t)(mask) << 24)
// The same control for EL0's.
#define WATCH_EL0(lsc, bas, mask) (WATCH_EL1(lsc, bas, mask) ^ 3 << 1)
enum { LOADS = 1, STORES = 2, ACCESSES = 3 };

// Code, in events.S and classes.S. The instruction at +4 of the first two is that to break at.
extern uint8_t event_code[], event_code_el0[], event_brk[], event_brk_el0[], event_udf_el0[],
    event_steps[], event_steps_el0[], event_few_steps[], event_branch_el0[], event_classes[],
    event_classes_el0[], store_byte_el0[];
extern volatile uint8_t event_word[64];

extern void load_byte(volatile void *), store_byte(volatile void *), load_half(volatile void *),
    store_half(volatile void *), load_word(volatile void *), store_word(volatile void *),
    load_doubleword(volatile void *), store_doubleword(volatile void *), load_pair(volatile void *),
    store_pair(volatile void *), load_acquire(volatile void *), store_release(volatile void *),
    exclusive(volatile void *);
