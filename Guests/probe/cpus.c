// Several vCPUs that debug themselves at the same time, each with comparators and steps of its own.

#include "events.h"
#include "secondaries.h"

#define ROUNDS 6
#define ROOM 200

static struct event logs[CPU_COUNT][ROOM];
static volatile unsigned arrived, expected;
static volatile uint64_t words[CPU_COUNT][8];
static volatile unsigned finished[CPU_COUNT];

static void wait_for_all(unsigned round) {
  __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
  while (arrived < expected * (round + 1)) pause_a_moment();
}

// One round is the same events each time.
static void do_round(void) {
  uint64_t word = (uint64_t)words[this_cpu()->index];
  // The flags are in SPSR_EL1, and waiting for the others left them as it happened to end.
  __asm__ volatile("msr nzcv, xzr" : : : "cc");
  WRITE(mdscr_el1, MDSCR_BOTH);
  for (unsigned n = 0; n < 6; n++) {
    set_breakpoint(n, (uint64_t)event_code + 4, BREAK_EL1);
    my_events()->origin = event_code;
    unmask_debug();
    ((function)event_code)();
    mask_debug();
    set_breakpoint(n, (uint64_t)event_code_el0 + 4, BREAK_EL0);
    my_events()->origin = event_code_el0;
    call_at_el0((function)event_code_el0, EL0_MASKED);
  }
  for (unsigned n = 0; n < 4; n++) {
    set_watchpoint(n, word + 8 * n, WATCH_EL1(ACCESSES, 0xff, 0));
    my_events()->origin = (const uint8_t *)store_word;
    unmask_debug();
    store_word((volatile void *)(word + 8 * n + 4));
    mask_debug();
    disable_comparators();
  }
  my_events()->origin = event_few_steps;
  WRITE(mdscr_el1, MDSCR_KDE);
  unmask_debug();
  ((function)event_few_steps)();
  mask_debug();
  my_events()->origin = event_code_el0;
  WRITE(mdscr_el1, MDSCR_SS);
  call_at_el0((function)event_code_el0, EL0_MASKED | SPSR_SS);
  WRITE(mdscr_el1, 0);
}

static void debug_itself(void) {
  struct events *events = my_events();
  uint64_t index = this_cpu()->index;
  begin_events();
  events->is_quiet = true;
  events->log = logs[index];
  events->room = ROOM;
  events->count = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    wait_for_all(round);
    do_round();
  }
  DSB();
  finished[index] = 1;
}

static void run(void) {
  expected = cpu_count();
  arrived = 0;
  for (unsigned cpu = 1; cpu < expected; cpu++)
    if (start_cpu(cpu, debug_itself) != PSCI_SUCCESS) fail("CPU_ON");
  debug_itself();
  for (unsigned cpu = 1; cpu < expected; cpu++) {
    while (!finished[cpu]) pause_a_moment();
    wait_until_off(cpu);
  }
  for (unsigned cpu = 0; cpu < expected; cpu++) {
    uint64_t count = events_of[cpu].count, per_round = count / ROUNDS, different = 0;
    say("vCPU %d: %d events, %d a round", (uint64_t)cpu, count, per_round);
    if (count > ROOM) fail("too many events");
    for (unsigned n = 0; n < per_round; n++) {
      // The words are each vCPU's own.
      struct event *event = &logs[cpu][n];
      if (event->far) event->far -= (uint64_t)words[cpu];
      say_event(event);
    }
    for (unsigned n = (unsigned)per_round; n < count; n++) {
      const struct event *event = &logs[cpu][n], *first = &logs[cpu][n % per_round];
      uint64_t far = event->far ? event->far - (uint64_t)words[cpu] : 0;
      if (event->vector != first->vector || event->esr != first->esr || event->elr != first->elr ||
          far != first->far || event->spsr != first->spsr) {
        different++;
        say_event(event);
      }
    }
    say("different %d", different);
  }
  my_events()->room = 0;
}

const struct topic nested_cpus = {"nested-cpus", run};
