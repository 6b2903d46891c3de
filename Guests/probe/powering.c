// PSCI as a kernel calls it.

#include "gic.h"
#include "secondaries.h"

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
  // Only a hypervisor can know that there is no code at these addresses.
  say_status("CPU_ON at an odd address",
             hvc(PSCI_CPU_ON, 1, (uint64_t)secondary_entry + 1, 1));
  say_status("CPU_ON at a device's address", hvc(PSCI_CPU_ON, 1, 0x09000000, 1));
}

const struct topic psci_calls = {"psci-calls", run_calls};

// MARK: Every argument

static void run_arguments(void) {
  static const struct {
    const char *name;
    uint64_t function, x1, x2, x3;
  } calls[] = {
      {"VERSION, other half of x0", 0xdeadbeef84000000, 0, 0, 0},
      {"MIGRATE", 0x84000005, 0, 0, 0},
      {"MIGRATE, 64 bits", 0xc4000005, 0, 0, 0},
      {"MIGRATE_INFO_TYPE", 0x84000006, 0, 0, 0},
      {"MIGRATE_INFO_UP_CPU", 0xc4000007, 0, 0, 0},
      {"CPU_FREEZE", 0x8400000b, 0, 0, 0},
      {"CPU_DEFAULT_SUSPEND", 0xc400000c, 0x40000000, 0, 0},
      {"NODE_HW_STATE", 0xc400000d, 0, 0, 0},
      {"SYSTEM_SUSPEND", 0xc400000e, 0x40000000, 0, 0},
      {"PSCI_SET_SUSPEND_MODE", 0x8400000f, 1, 0, 0},
      {"PSCI_STAT_RESIDENCY", 0xc4000010, 0, 0, 0},
      {"PSCI_STAT_COUNT", 0xc4000011, 0, 0, 0},
      {"MEM_PROTECT", 0x84000013, 1, 0, 0},
      {"MEM_PROTECT_CHECK_RANGE", 0xc4000014, 0x40000000, 0x1000, 0},
      {"SYSTEM_OFF2", 0xc4000015, 1, 0, 0},
      {"SYSTEM_OFF, 64 bits", 0xc4000008, 0, 0, 0},
      // QEMU does not have the function, and says so.
      {"SYSTEM_RESET2", 0x84000012, 0, 0, 0},
      {"SYSTEM_RESET2, 64 bits", 0xc4000012, 0, 0, 0},
      {"SYSTEM_RESET2 of a vendor", 0xc4000012, 0x80000000, 1, 0},
      {"SYSTEM_RESET2 of nobody", 0xc4000012, 1, 0, 0},
      {"CPU_ON, MPIDR's bit 31", PSCI_CPU_ON, 0x80000001, 0x40000000, 0},
      {"CPU_ON, bits above the affinity", PSCI_CPU_ON, 1ul << 40 | 1, 0x40000000, 0},
      {"CPU_ON, 32 bits, other half of the affinity, of itself", PSCI_CPU_ON & ~(1u << 30),
       0xdeadbeef00000000, 0x4c000000, 0},
      {"CPU_ON at an odd address", PSCI_CPU_ON, 1, 0x4c000001, 0},
      {"CPU_ON between instructions", PSCI_CPU_ON, 1, 0x4c000002, 0},
      {"CPU_ON at a device's address", PSCI_CPU_ON, 1, 0x09000000, 0},
      {"CPU_ON beyond all addresses", PSCI_CPU_ON, 1, 1ul << 60 | 0x4c000000, 0},
      {"CPU_ON of itself at an odd address", PSCI_CPU_ON, 0, 1, 0},
      {"CPU_ON of nobody at an odd address", PSCI_CPU_ON, 0x10, 1, 0},
      {"AFFINITY_INFO of level 1", PSCI_AFFINITY_INFO, 0, 1, 0},
      {"AFFINITY_INFO, other half of the level", PSCI_AFFINITY_INFO, 1, 1ul << 32, 0},
      {"AFFINITY_INFO, 32 bits, other halves", PSCI_AFFINITY_INFO & ~(1u << 30),
       0xdeadbeef00000001, 0xdeadbeef00000000, 0},
      {"AFFINITY_INFO, MPIDR's bit 31", PSCI_AFFINITY_INFO, 0x80000000, 0, 0},
      {"CPU_SUSPEND, reserved bit 17", PSCI_CPU_SUSPEND, 0x20000, 0, 0},
      {"CPU_SUSPEND, reserved bit 31", PSCI_CPU_SUSPEND, 0x80000000, 0, 0},
      {"CPU_SUSPEND, power-down to an odd address", PSCI_CPU_SUSPEND, 0x10000, 0x4c000001, 0},
      {"CPU_SUSPEND, power-down to no memory", PSCI_CPU_SUSPEND, 0x10000, 0, 0},
      {"CPU_OFF, 64 bits", PSCI_CPU_OFF | 1u << 30, 0, 0, 0},
      // The other vCPU is off.
      {"CPU_OFF of the last", PSCI_CPU_OFF, 0, 0, 0},
  };
  conduit conduits[] = {hvc, smc};
  for (unsigned which = 0; which < 2; which++) {
    for (unsigned n = 0; n < sizeof calls / sizeof *calls; n++)
      say_status(calls[n].name, conduits[which](calls[n].function, calls[n].x1, calls[n].x2,
                                                calls[n].x3));
    for (uint32_t number = 0; number < 32; number++) {
      uint32_t small = (uint32_t)conduits[which](PSCI_FEATURES, 0x84000000u + number, 0, 0);
      uint32_t large = (uint32_t)conduits[which](PSCI_FEATURES, 0xc4000000u + number, 0, 0);
      say("FEATURES of %d: %x, 64 bits %x", (uint64_t)number, (uint64_t)small, (uint64_t)large);
    }
    // Every call keeps x1 to x3.
    register uint64_t r0 __asm__("x0") = PSCI_AFFINITY_INFO & ~(1u << 30);
    register uint64_t r1 __asm__("x1") = 0xdeadbeef00000001, r2 __asm__("x2") = 0xdeadbeef00000000;
    register uint64_t r3 __asm__("x3") = 0xdeadbeef33333333;
    if (which == 0)
      __asm__ volatile("hvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
    else
      __asm__ volatile("smc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
    uint64_t kept[] = {r1, r2, r3};
    say("x1 %x x2 %x x3 %x", kept[0], kept[1], kept[2]);
  }
}

const struct topic psci_arguments = {"psci-arguments", run_arguments};

// MARK: Calls other than PSCI

static int64_t smc1(uint64_t function) {
  register uint64_t r0 __asm__("x0") = function;
  register uint64_t r1 __asm__("x1") = 0xdeadbeef;
  __asm__ volatile("smc #1" : "+r"(r0), "+r"(r1) : : "x2", "x3", "memory");
  if (r1 != 0xdeadbeef) fail("x1 after SMC #1");
  return (int64_t)r0;
}

static void run_firmware(void) {
  static const struct {
    const char *name;
    uint32_t function;
    uint64_t x1;
  } calls[] = {
      {"VERSION", PSCI_VERSION, 0},
      {"VERSION, no live SVE state", PSCI_VERSION | 1u << 16, 0},
      {"VERSION, bit 17", PSCI_VERSION | 1u << 17, 0},
      {"CPU_ON at no memory, no live SVE state", PSCI_CPU_ON | 1u << 16, 0},
      {"a yielding call", PSCI_VERSION & ~(1u << 31), 0},
      {"SDEI_VERSION", 0xc4000020, 0},
      {"FFA_VERSION", 0x84000063, 0x10001},
      {"DRTM_VERSION", 0x84000110, 0},
      {"a hypervisor's UID", 0x8600ff01, 0},
      {"a trusted OS's UID", 0xbf00ff01, 0},
      {"SMCCC_ARCH_FEATURES of FFA_VERSION", 0x80000001, 0x84000063},
  };
  conduit conduits[] = {hvc, smc};
  for (unsigned which = 0; which < 2; which++) {
    say(which == 0 ? "HVC" : "SMC");
    for (unsigned n = 0; n < sizeof calls / sizeof *calls; n++)
      say_status(calls[n].name, conduits[which](calls[n].function, calls[n].x1, 0, 0));
    // A caller that finds SMCCC_VERSION calls it, and takes any result for a version.
    bool isThere = (int32_t)conduits[which](PSCI_FEATURES, 0x80000000, 0, 0) >= 0;
    bool isAnswered = (int32_t)conduits[which](0x80000000, 0, 0, 0) >= 0;
    say(isThere == isAnswered ? "SMCCC_VERSION is as discovered" : "SMCCC_VERSION is not as discovered");
  }
  say_status("SMC #1", smc1(PSCI_VERSION));
}

const struct topic firmware_calls = {"firmware-calls", run_firmware};

// MARK: An end that firmware refuses

static void end_machine(void) {
  say_status("SYSTEM_RESET by another", hvc(PSCI_SYSTEM_RESET, 0, 0, 0));
}

// A test refuses the call in place of firmware.
static void run_refused(void) {
  say_status("SYSTEM_OFF", smc(PSCI_SYSTEM_OFF, 0, 0, 0));
  start_cpu(1, end_machine);
  wait_until_off(1);
}

const struct topic psci_refused = {"psci-refused", run_refused};

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
      // The vCPU is on its way, on, or already off again.
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
    // The call may return at any time. The caller checks the reason.
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
