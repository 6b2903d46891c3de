// The guest debugs itself with its MMU on. All of memory is mapped three times: one to one, at ALIAS for
// EL1 and at ALIAS_EL0 for both levels, whose code EL1 cannot execute (Arm ARM D8.4). Breakpoints and
// watchpoints are of virtual addresses.

#include "events.h"

#define GIB (1ul << 30)
#define ALIAS (2 * GIB)
#define ALIAS_EL0 (4 * GIB)
#define UNMAPPED (6 * GIB)
#define RAM GIB

// Block descriptors of level 1, 4 KiB granule (Arm ARM D8.3): AF, inner shareable, valid.
#define BLOCK (1ul << 10 | 3ul << 8 | 1)
#define NORMAL (0ul << 2)
#define DEVICE (1ul << 2)
#define BOTH_LEVELS (1ul << 6)
#define NEVER_EXECUTED (3ul << 53)

// 39 bits of virtual address begin at level 1.
static uint64_t table[512] __attribute__((aligned(4096)));

static void turn_on_mmu(void) {
  table[0] = BLOCK | DEVICE | NEVER_EXECUTED;
  table[RAM / GIB] = RAM | BLOCK | NORMAL;
  table[ALIAS / GIB] = RAM | BLOCK | NORMAL;
  table[ALIAS_EL0 / GIB] = RAM | BLOCK | NORMAL | BOTH_LEVELS;
  WRITE(mair_el1, 0x00ff);                                            // write-back; nGnRnE
  WRITE(tcr_el1, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2ul << 32);  // TTBR0 alone, 40 bits
  WRITE(ttbr0_el1, (uint64_t)table);
  DSB();
  __asm__ volatile("tlbi vmalle1\n dsb sy\n isb" : : : "memory");
  // SCTLR_EL1.M alone: without C and I nothing is cached that was written before, or read after.
  WRITE(sctlr_el1, READ(sctlr_el1) | 1);
}

static void turn_off_mmu(void) {
  WRITE(sctlr_el1, READ(sctlr_el1) & ~1ul);
  __asm__ volatile("tlbi vmalle1\n dsb sy\n isb" : : : "memory");
}

// Code at another address that it is mapped at.
static const uint8_t *at(uint64_t base, const void *symbol) {
  return (const uint8_t *)((uint64_t)symbol - RAM + base);
}

static void take(const uint8_t *code, const uint8_t *origin, bool is_el0) {
  struct events *events = my_events();
  events->origin = origin;
  events->count = 0;
  WRITE(mdscr_el1, MDSCR_BOTH);
  if (is_el0) {
    call_at_el0((function)code, EL0_MASKED);
  } else {
    unmask_debug();
    ((function)code)();
    mask_debug();
  }
  if (!events->count) say("nothing");
  disable_comparators();
  WRITE(mdscr_el1, 0);
  meet_debugger();
}

static void run_breakpoints(void) {
  static const struct {
    const char *name;
    uint64_t base;
  } bases[] = {{"one to one", RAM}, {"alias", ALIAS}};
  for (unsigned set = 0; set < 2; set++)
    for (unsigned run = 0; run < 2; run++)
      for (unsigned n = 0; n < 6; n += 5) {
        say("breakpoint %d, %s; run, %s", (uint64_t)n, bases[set].name, bases[run].name);
        const uint8_t *code = at(bases[run].base, event_code);
        set_breakpoint(n, (uint64_t)at(bases[set].base, event_code) + 4, BREAK_EL1);
        take(code, code, false);
      }
  for (unsigned n = 0; n < 6; n++) {
    say("breakpoint %d at EL0", (uint64_t)n);
    const uint8_t *code = at(ALIAS_EL0, event_code_el0);
    set_breakpoint(n, (uint64_t)code + 4, BREAK_EL0);
    take(code, code, true);
    set_breakpoint(n, (uint64_t)event_code_el0 + 4, BREAK_EL0);
    take(code, code, true);
  }
}

static void run_watchpoints(void) {
  static const uint64_t bases[] = {RAM, ALIAS, ALIAS_EL0};
  for (unsigned set = 0; set < 3; set++)
    for (unsigned accessed = 0; accessed < 3; accessed++) {
      unsigned n = (set + accessed) % 4;
      say("watchpoint %d at %x, store at %x", (uint64_t)n, bases[set], bases[accessed]);
      WRITE(mdscr_el1, MDSCR_BOTH);
      if (!fires(n, (uint64_t)at(bases[set], (const void *)event_word),
                 WATCH_EL1(STORES, 0xf, 0), store_word,
                 (uint64_t)at(bases[accessed], (const void *)event_word)))
        say("nothing");
      WRITE(mdscr_el1, 0);
      meet_debugger();
    }
  say("watchpoint at EL0");
  const uint8_t *code = at(ALIAS_EL0, store_byte_el0);
  set_watchpoint(3, (uint64_t)at(ALIAS_EL0, (const void *)event_word), WATCH_EL0(STORES, 1, 0));
  take(code, code, true);
  // A permission fault comes before a watchpoint of the same access.
  say("watchpoint where nothing is mapped");
  WRITE(mdscr_el1, MDSCR_BOTH);
  fires(1, UNMAPPED, WATCH_EL1(ACCESSES, 0xff, 0), load_word, UNMAPPED);
  WRITE(mdscr_el1, 0);
}

static void run_steps(void) {
  say("steps, alias");
  const uint8_t *code = at(ALIAS, event_few_steps);
  my_events()->origin = code;
  WRITE(mdscr_el1, MDSCR_KDE);
  unmask_debug();
  ((function)code)();
  mask_debug();
  WRITE(mdscr_el1, 0);
  meet_debugger();
  say("steps at EL0");
  code = at(ALIAS_EL0, event_steps_el0);
  my_events()->origin = code;
  WRITE(mdscr_el1, MDSCR_SS);
  call_at_el0((function)code, EL0_MASKED | SPSR_SS);
  WRITE(mdscr_el1, 0);
  meet_debugger();
  // A step onto an unmapped page. The instruction abort comes before the step exception.
  say("a step to where nothing is mapped");
  code = at(ALIAS_EL0, event_branch_el0);
  my_events()->origin = code;
  WRITE(mdscr_el1, MDSCR_SS);
  call_at_el0((function)code, EL0_MASKED | SPSR_SS);
  WRITE(mdscr_el1, 0);
  meet_debugger();
}

static void run(void) {
  begin_events();
  turn_on_mmu();
  run_breakpoints();
  run_watchpoints();
  run_steps();
  turn_off_mmu();
}

const struct topic nested_mapped = {"nested-mapped", run};
