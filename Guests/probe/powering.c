// PSCI as a guest's kernel calls it.

#include "gic.h"
#include "psci.h"

extern void secondary_entry(void);

typedef int64_t (*conduit)(uint64_t, uint64_t, uint64_t, uint64_t);

static void say_status(const char *call, int64_t status) {
  // The 32-bit functions return 32 bits.
  int32_t value = (int32_t)status;
  if (value < 0)
    say("%s -%d", call, (uint64_t)-value);
  else
    say("%s %x", call, (uint64_t)value);
}

static volatile bool stays;
static volatile uint64_t seen_affinity;

static void be_awake(void) {
  seen_affinity = READ(mpidr_el1) & 0xffffff;
  while (stays) pause_a_moment();
}

static void run_conduit(const char *name, conduit call) {
  static const struct {
    const char *name;
    uint32_t function;
  } functions[] = {
      {"VERSION", PSCI_VERSION},
      {"CPU_SUSPEND", PSCI_CPU_SUSPEND},
      {"CPU_SUSPEND, 32 bits", PSCI_CPU_SUSPEND & ~(1u << 30)},
      {"CPU_OFF", PSCI_CPU_OFF},
      {"CPU_ON", PSCI_CPU_ON},
      {"AFFINITY_INFO", PSCI_AFFINITY_INFO},
      {"SYSTEM_OFF", PSCI_SYSTEM_OFF},
      {"SYSTEM_RESET", PSCI_SYSTEM_RESET},
      {"FEATURES", PSCI_FEATURES},
      {"CPU_OFF, 64 bits", PSCI_CPU_OFF | 1u << 30},
      {"no function", 0x8400001f},
  };
  say("%s", name);
  say_status("VERSION", call(PSCI_VERSION, 0, 0, 0));
  for (unsigned n = 0; n < sizeof functions / sizeof *functions; n++) {
    say_status(functions[n].name, call(PSCI_FEATURES, functions[n].function, 0, 0));
  }
  say_status("a PSCI function that there is not", call(0x8400001f, 0, 0, 0));
  say_status("a function of nobody's", call(0x86001234, 0, 0, 0));
  say_status("AFFINITY_INFO of itself", call(PSCI_AFFINITY_INFO, 0, 0, 0));
  say_status("AFFINITY_INFO of one that is off", call(PSCI_AFFINITY_INFO, 1, 0, 0));
  say_status("AFFINITY_INFO of one that is not there", call(PSCI_AFFINITY_INFO, 0x10, 0, 0));
  say_status("CPU_ON of itself", call(PSCI_CPU_ON, 0, (uint64_t)secondary_entry, 0));
  say_status("CPU_ON of one that is not there",
             call(PSCI_CPU_ON, 0x10, (uint64_t)secondary_entry, 0));
  stays = true;
  DSB();
  say_status("CPU_ON", start_cpu(1, be_awake));
  while (!seen_affinity) pause_a_moment();
  say_status("AFFINITY_INFO of one that is on", call(PSCI_AFFINITY_INFO, 1, 0, 0));
  say_status("CPU_ON of one that is on", call(PSCI_CPU_ON, 1, (uint64_t)secondary_entry, 1));
  say("it is %x", seen_affinity);
  stays = false;
  seen_affinity = 0;
  wait_until_off(1);
  say_status("AFFINITY_INFO of one that went off", call(PSCI_AFFINITY_INFO, 1, 0, 0));
}

static void run_calls(void) {
  run_conduit("HVC", hvc);
  run_conduit("SMC", smc);
  // Only a hypervisor can know that there is nothing to run at these.
  say_status("CPU_ON at an odd address",
             hvc(PSCI_CPU_ON, 1, (uint64_t)secondary_entry + 1, 1));
  say_status("CPU_ON at a device's address", hvc(PSCI_CPU_ON, 1, 0x09000000, 1));
}

const struct topic psci_calls = {"psci-calls", run_calls};

// MARK: On and off and on again

#define CYCLES 20

static volatile unsigned awake[CPU_COUNT], rounds[CPU_COUNT];

// A debugger may have a breakpoint here.
__attribute__((noinline)) void secondary_place(void);
void secondary_place(void) { __asm__ volatile("" : : : "memory"); }

static void cycle(void) {
  uint64_t index = this_cpu()->index;
  if ((READ(mpidr_el1) & 0xffffff) != index) fail("the wrong vCPU");
  if (READ(CurrentEL) != 4 || READ(daif) != 0x3c0) fail("the wrong state");
  if (READ(sctlr_el1) & 1) fail("the MMU is on");
  secondary_place();
  rounds[index]++;
  awake[index] = 1;
}

static void run_cycles(void) {
  unsigned count = cpu_count();
  for (unsigned cpu = 0; cpu < count; cpu++) rounds[cpu] = 0;
  for (unsigned round = 0; round < CYCLES; round++) {
    for (unsigned cpu = 1; cpu < count; cpu++) {
      awake[cpu] = 0;
      if (start_cpu(cpu, cycle) != PSCI_SUCCESS) fail("CPU_ON");
      // It is on its way, or there, or already off again.
      if ((uint64_t)hvc(PSCI_AFFINITY_INFO, cpu, 0, 0) > 2) fail("AFFINITY_INFO");
    }
    for (unsigned cpu = 1; cpu < count; cpu++) {
      while (!awake[cpu]) pause_a_moment();
      wait_until_off(cpu);
    }
  }
  for (unsigned cpu = 1; cpu < count; cpu++)
    say("vCPU %d came up %d times", (uint64_t)cpu, (uint64_t)rounds[cpu]);
}

const struct topic psci_cycles = {"psci-cycles", run_cycles};

// MARK: Two at once

#define RACES 50

static volatile unsigned race, finished, successes, refusals;

// vCPU 1 stays until both have called.
static void be_turned_on(void) {
  rounds[1]++;
  while (finished < 2 * race) pause_a_moment();
}

static void race_to_turn_on(unsigned number) {
  while (race < number) pause_a_moment();
  int64_t status = start_cpu(1, be_turned_on);
  if (status == PSCI_SUCCESS)
    __atomic_fetch_add(&successes, 1, __ATOMIC_SEQ_CST);
  else if (status == PSCI_ON_PENDING || status == PSCI_ALREADY_ON)
    __atomic_fetch_add(&refusals, 1, __ATOMIC_SEQ_CST);
  else
    fail("CPU_ON");
  __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

static void be_rival(void) {
  for (unsigned number = 1; number <= RACES; number++) race_to_turn_on(number);
}

static void run_race(void) {
  rounds[1] = 0;
  start_cpu(2, be_rival);
  for (unsigned number = 1; number <= RACES; number++) {
    race = number;
    race_to_turn_on(number);
    while (finished < 2 * number || rounds[1] < number) pause_a_moment();
    wait_until_off(1);
  }
  say("successes %d", (uint64_t)successes);
  say("refusals %d", (uint64_t)refusals);
  say("it came up %d times", (uint64_t)rounds[1]);
  wait_until_off(2);
}

const struct topic psci_race = {"psci-race", run_race};

// MARK: Suspended

#define TIMER_PPI 27

static volatile unsigned wakes;

static void wake(void) {
  unsigned number = acknowledge();
  // An interrupt that is withdrawn before it is acknowledged is spurious (IHI 0069, 4.8.6).
  if (number == SPURIOUS) return;
  WRITE(cntv_ctl_el0, 0);
  wakes++;
  end_of_interrupt(number);
}

static void run_suspend(void) {
  start_distributor();
  start_cpu_interface();
  this_cpu()->on_interrupt = wake;
  set_bit(ISENABLER, TIMER_PPI);
  set_bit(ISENABLER, 3);
  send_sgi(3, 0);
  say_status("CPU_SUSPEND with an interrupt pending", hvc(PSCI_CPU_SUSPEND, 0, 0, 0));
  say("highest pending %d", READ(ICC_HPPIR1_EL1));
  unmask_interrupts();
  while (wakes < 1) pause_a_moment();
  mask_interrupts();
  for (unsigned masked = 0; masked < 2; masked++) {
    unsigned before = wakes;
    WRITE(cntv_cval_el0, READ(cntvct_el0) + READ(cntfrq_el0) / 20);
    WRITE(cntv_ctl_el0, 1);
    if (!masked) unmask_interrupts();
    // It may return at any time: the caller looks why.
    int64_t status;
    do {
      status = hvc(PSCI_CPU_SUSPEND, 0, 0, 0);
    } while (status == 0 && wakes == before && !(READ(cntv_ctl_el0) & 4));
    say_status(masked ? "CPU_SUSPEND, interrupts masked" : "CPU_SUSPEND", status);
    unmask_interrupts();
    while (wakes == before) pause_a_moment();
    mask_interrupts();
  }
  say("wakes %d", (uint64_t)wakes);
}

const struct topic psci_suspend = {"psci-suspend", run_suspend};
