// Measures the cost of a machine's debug registers, exceptions and interrupts: each operation two thousand
// times, in ticks of the virtual counter.
//
// The program needs a PL011, a GICv3 and PSCI by HVC, where QEMU's `virt` has them, and no device tree. Its
// report, which it writes on the PL011 while it measures nothing:
//
//   benchmark: begin FREQUENCY ITERATIONS BATCH VCPUS START
//   benchmark: row NAME OPERATIONS TOTAL LOWEST
//   benchmark: row NAME none
//   benchmark: end
//
// FREQUENCY is the frequency of the counter, START its value when the benchmark began. TOTAL is the number of
// ticks of ITERATIONS rounds of OPERATIONS operations each, LOWEST that of the fastest batch of BATCH rounds.
// "none": the exceptions of the row do not come.

#include <stdbool.h>
#include <stdint.h>

#include "../common/console.h"
#include "../common/gicregs.h"
#include "../common/psci.h"
#include "../common/system.h"
#include "layout.h"

#define ITERATIONS 2000
#define BATCH 100

// The tool changes this in the image. With a value other than 0 the program runs `debugger_loop` for ever in
// place of the rows.
volatile uint64_t benchmark_mode __attribute__((section(".data"))) = 0;

static void put_figure(uint64_t value) {
  put(' ');
  put_number(value, 10);
}

// MARK: Firmware and secondary vCPUs

extern void secondary_entry(void);
void secondary_main(uint64_t index);
void guest_main(const uint8_t *tree);
void unexpected_exception(uint64_t syndrome, uint64_t from, uint64_t address);
void answer_for_ever(uint64_t reply);
void debugger_loop(void);

void unexpected_exception(uint64_t syndrome, uint64_t from, uint64_t address) {
  put_text("benchmark: unexpected");
  put_figure(syndrome);
  put_figure(from);
  put_figure(address);
  put_text("\n");
  power_off();
}

// MARK: Interrupts (Arm IHI 0069)

#define TIMER 27
#define SGI 1

static void start_interrupts(uint64_t cpu) {
  if (cpu == 0) write32(GICD_CTLR, GICD_CTLR_ENABLED);
  while (read32(GICD_CTLR) & GICD_CTLR_RWP) continue;
  write32(GICR_WAKER(cpu), 0);
  while (read32(GICR_WAKER(cpu)) & GICR_WAKER_CHILDREN_ASLEEP) continue;
  write32(GICR_SGI(cpu) + ICENABLER, ~0u);
  write32(GICR_SGI(cpu) + IGROUPR, ~0u);
  write32(GICR_SGI(cpu) + ISENABLER, 1 << TIMER | 1 << SGI);
  WRITE(S3_0_C12_C12_5, 7);                    // ICC_SRE_EL1
  WRITE(S3_0_C4_C6_0, 0xff);                   // ICC_PMR_EL1
  WRITE(S3_0_C12_C12_4, 0);                    // ICC_CTLR_EL1
  WRITE(S3_0_C12_C12_7, 1);                    // ICC_IGRPEN1_EL1
}

static uint64_t sgi_to(uint64_t cpu) { return (uint64_t)SGI << 24 | 1ul << cpu; }

static volatile uint64_t ready[CPU_COUNT];

void secondary_main(uint64_t cpu) {
  extern const char vectors_sgi[];
  start_interrupts(cpu);
  WRITE(vbar_el1, vectors_sgi);
  ready[cpu] = 1;
  DSB();
  answer_for_ever(sgi_to(0));
}

// MPIDR_EL1 of a vCPU: QEMU and KVM give sixteen of them one Aff1 beside a GICv3.
static uint64_t affinity_of(uint64_t cpu) { return (cpu & ~15ul) << 4 | (cpu & 15); }

// Starts all other vCPUs. Each then waits for an interrupt. Returns the number of vCPUs.
static uint64_t start_secondaries(void) {
  uint64_t count = 1;
  while (count < CPU_COUNT && hvc(PSCI_AFFINITY_INFO, affinity_of(count), 0, 0) >= 0) {
    hvc(PSCI_CPU_ON, affinity_of(count), (uint64_t)secondary_entry, count);
    while (!ready[count]) pause_a_moment();
    count++;
  }
  return count;
}

// MARK: Rows

// Fields of MDSCR_EL1: breakpoints and watchpoints on; at EL1 too; single-step.
#define MDE (1 << 15)
#define KDE (1 << 13)
#define SS 1
// DBGBCR: EL1, four bytes. DBGWCR: EL1, loads and stores of eight bytes.
#define BREAKPOINT (0xf << 5 | 1 << 1 | 1)
#define WATCHPOINT (0xff << 5 | 3 << 3 | 1 << 1 | 1)

extern volatile uint64_t debugger_word;

// Words that are never executed or accessed.
static uint64_t never[4] __attribute__((aligned(32)));

typedef void loop(uint64_t count, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5);

struct row {
  const char *name;
  loop *loop;
  const char *vectors;
  // The values of x1 to x5 in the loop.
  uint64_t values[5];
  // How many operations and exceptions a round has; 0 operations means 1.
  unsigned operations, exceptions;
  // The contents of the debug registers meanwhile.
  uint64_t dbgbvr, dbgbcr, dbgwvr, dbgwcr, mdscr;
};

static uint64_t exceptions_taken(void) {
  uint64_t count;
  __asm__ volatile("mov %0, x18" : "=r"(count));
  return count;
}

static void write_debug_registers(const struct row *row) {
  WRITE(mdscr_el1, 0);
  WRITE(dbgbcr0_el1, 0);
  WRITE(dbgwcr0_el1, 0);
  WRITE(dbgbvr0_el1, row->dbgbvr);
  WRITE(dbgwvr0_el1, row->dbgwvr);
  WRITE(dbgbcr0_el1, row->dbgbcr);
  WRITE(dbgwcr0_el1, row->dbgwcr);
  WRITE(mdscr_el1, row->mdscr);
}

static uint64_t now(void) {
  ISB();
  return READ(cntvct_el0);
}

static void measure(const struct row *row) {
  static const struct row off;
  write_debug_registers(row);
  WRITE(vbar_el1, row->vectors);
  const uint64_t *x = row->values;
  const uint64_t exceptions = exceptions_taken();
  uint64_t total = 0, lowest = ~0ul;
  __asm__ volatile("msr daifclr, #0xa" : : : "memory");
  for (unsigned done = 0; done < ITERATIONS; done += BATCH) {
    const uint64_t start = now();
    row->loop(BATCH, x[0], x[1], x[2], x[3], x[4]);
    const uint64_t ticks = now() - start;
    total += ticks;
    if (ticks < lowest) lowest = ticks;
  }
  __asm__ volatile("msr daifset, #0xf" : : : "memory");
  extern const char vectors_unexpected[];
  WRITE(vbar_el1, vectors_unexpected);
  write_debug_registers(&off);

  put_text("benchmark: row ");
  put_text(row->name);
  if (exceptions_taken() - exceptions == ITERATIONS * row->exceptions) {
    put_figure(row->operations ? row->operations : 1);
    put_figure(total);
    put_figure(lowest);
  } else {
    put_text(" none");
  }
  put_text("\n");
}

extern const char vectors_unexpected[], vectors_return[], vectors_skip[], vectors_step_over[],
    vectors_step[], vectors_timer[], vectors_sgi[];
extern const char breakpoint_place[], step_over_place[];

#define ROW(title, table, ...)                                                  \
  do {                                                                          \
    extern loop loop_##title;                                                   \
    const struct row row = {                                                    \
        .name = #title, .loop = loop_##title, .vectors = table, __VA_ARGS__}; \
    measure(&row);                                                              \
  } while (0)

#define PLAIN(title) ROW(title, vectors_unexpected, )

static void measure_accesses(void) {
  PLAIN(empty);
  PLAIN(nop);
  PLAIN(mrs_dbgbvr);
  PLAIN(msr_dbgbvr);
  PLAIN(mrs_dbgbvr_x20);
  PLAIN(msr_dbgbvr_x20);
  PLAIN(mrs_dbgbcr);
  PLAIN(msr_dbgbcr);
  PLAIN(mrs_dbgwvr);
  PLAIN(msr_dbgwvr);
  PLAIN(mrs_dbgwcr);
  PLAIN(msr_dbgwcr);
  PLAIN(mrs_mdscr);
  PLAIN(msr_mdscr);
  PLAIN(mrs_mdccint);
  PLAIN(msr_mdccint);
  PLAIN(mrs_osdlr);
  PLAIN(msr_osdlr);
  PLAIN(mrs_oslsr);
  PLAIN(msr_oslar);
  PLAIN(msr_dbgbvr_other);

  const uint64_t place = (uint64_t)&never[0], word = (uint64_t)&never[2];
  ROW(msr_plan, vectors_unexpected, .values = {0, BREAKPOINT}, .operations = 2, .dbgbvr = place,
      .mdscr = MDE | KDE);
#define FIVE {place, BREAKPOINT, word, WATCHPOINT, MDE | KDE}
  ROW(five, vectors_unexpected, .values = FIVE);
  ROW(five_other, vectors_unexpected, .values = FIVE);
  ROW(five_after_hvc, vectors_unexpected, .values = FIVE);
  PLAIN(hvc);
}

static void measure_exceptions(void) {
  ROW(svc, vectors_return, .exceptions = 1);
  ROW(brk, vectors_skip, .exceptions = 1);
  ROW(breakpoint, vectors_skip, .exceptions = 1, .dbgbvr = (uint64_t)breakpoint_place,
      .dbgbcr = BREAKPOINT, .mdscr = MDE | KDE);
  ROW(step_over, vectors_step_over, .exceptions = 2, .values = {0, BREAKPOINT, 0, 0, MDE | KDE},
      .dbgbvr = (uint64_t)step_over_place, .dbgbcr = BREAKPOINT, .mdscr = MDE | KDE);
  ROW(watchpoint, vectors_skip, .exceptions = 1, .values = {0, 0, (uint64_t)&debugger_word},
      .dbgwvr = (uint64_t)&debugger_word, .dbgwcr = WATCHPOINT, .mdscr = MDE | KDE);
  ROW(step, vectors_step, .exceptions = 3, .operations = 3, .values = {0, 0, 0, 0, KDE},
      .mdscr = KDE);
  ROW(silent, vectors_unexpected, .operations = 3, .mdscr = SS);
  ROW(timer, vectors_timer, .exceptions = 1);
}

void guest_main(const uint8_t *tree) {
  (void)tree;
  const uint64_t start = READ(cntvct_el0);
  WRITE(oslar_el1, 0);
  start_interrupts(0);
  const uint64_t cpus = start_secondaries();
  put_text("benchmark: begin");
  put_figure(READ(cntfrq_el0));
  put_figure(ITERATIONS);
  put_figure(BATCH);
  put_figure(cpus);
  put_figure(start);
  put_text("\n");
  if (benchmark_mode) debugger_loop();
  measure_accesses();
  measure_exceptions();
  if (cpus > 1) ROW(sgi, vectors_sgi, .exceptions = 1, .operations = 2, .values = {sgi_to(1)});
  put_text("benchmark: end\n");
  power_off();
}
