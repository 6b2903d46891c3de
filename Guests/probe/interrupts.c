// Interrupts of every kind that the guest makes pending itself, and the interrupt of the virtual timer.

#include "gic.h"
#include "secondaries.h"

// SPIs that no device of the machine uses.
#define FIRST_SPI 200
#define SPI_COUNT 32
#define SGI_COUNT 16

static void start(void (*handler)(void)) {
  start_distributor();
  start_cpu_interface();
  this_cpu()->on_interrupt = handler;
}

// MARK: All at once

static unsigned taken_count;
static struct {
  unsigned number, priority;
} taken[256];
static unsigned priorities[FIRST_SPI + SPI_COUNT];

static void note(void) {
  unsigned number = acknowledge();
  if (number == SPURIOUS) fail("a spurious interrupt");
  if (taken_count == 256) fail("interrupts without end");
  taken[taken_count].number = number;
  taken[taken_count++].priority = number < FIRST_SPI + SPI_COUNT ? priorities[number] : 0;
  end_of_interrupt(number);
}

static void prepare(unsigned number, unsigned place) {
  // 48 interrupts, 15 priorities above the mask, in an order that is not that of the numbers. With two
  // Security states Non-secure software has four bits of priority where there are five.
  priorities[number] = place * 11 % 15 * 16;
  set_priority(number, (uint8_t)priorities[number]);
  if (number >= 32) set_edge(number, true);
  set_bit(ISENABLER, number);
}

static void run_pending(void) {
  start(note);
  for (unsigned n = 0; n < SGI_COUNT; n++) prepare(n, n);
  for (unsigned n = 0; n < SPI_COUNT; n++) prepare(FIRST_SPI + n, SGI_COUNT + n);
  for (unsigned n = 0; n < SPI_COUNT; n++) set_bit(ISPENDR, FIRST_SPI + n);
  for (unsigned n = 0; n < SGI_COUNT; n++) send_sgi(n, 0);
  unmask_interrupts();
  while (taken_count < SPI_COUNT + SGI_COUNT) pause_a_moment();
  // Long enough to see an extra interrupt.
  for (unsigned n = 0; n < 100000; n++) pause_a_moment();
  mask_interrupts();
  // The order of interrupts with the same priority is IMPLEMENTATION DEFINED (IHI 0069, 4.8).
  for (unsigned n = 1; n < taken_count; n++)
    for (unsigned m = n; m > 0 && taken[m].priority == taken[m - 1].priority &&
                         taken[m].number < taken[m - 1].number;
         m--) {
      unsigned number = taken[m].number;
      taken[m].number = taken[m - 1].number;
      taken[m - 1].number = number;
    }
  for (unsigned n = 0; n < taken_count; n++)
    say("taken %d priority %x", (uint64_t)taken[n].number, (uint64_t)taken[n].priority);
}

const struct topic interrupts_pending = {"interrupts-pending", run_pending};

// MARK: Nested

#define DEPTH 12

static void nest(void) {
  unsigned number = acknowledge();
  say("enter %d", (uint64_t)number);
  unsigned level = number - FIRST_SPI;
  if (level + 1 < DEPTH) {
    set_bit(ISPENDR, number + 1);
    // The next interrupt is not urgent enough to preempt this one, and waits for its end.
    set_bit(ISPENDR, FIRST_SPI + DEPTH);
    unmask_interrupts();
    for (unsigned n = 0; n < 1000; n++) pause_a_moment();
    mask_interrupts();
  }
  say("leave %d", (uint64_t)number);
  end_of_interrupt(number);
}

static void run_nested(void) {
  start(nest);
  for (unsigned n = 0; n <= DEPTH; n++) {
    set_edge(FIRST_SPI + n, true);
    set_priority(FIRST_SPI + n, (uint8_t)(n < DEPTH ? 0xc0 - 16 * n : 0xe0));
    set_bit(ISENABLER, FIRST_SPI + n);
  }
  set_bit(ISPENDR, FIRST_SPI);
  unmask_interrupts();
  for (unsigned n = 0; n < 100000; n++) pause_a_moment();
  mask_interrupts();
}

const struct topic interrupts_nested = {"interrupts-nested", run_nested};

// MARK: Edge, level, and a device's line

#define PL011 0x09000000ul
#define PL011_SPI 33
#define PL011_IMSC 0x38
#define PL011_TX (1u << 5)

static unsigned line_count;

static void count_line(void) {
  unsigned number = acknowledge();
  line_count++;
  // The line stays asserted until the device is told, so the interrupt comes again at once.
  if (number == PL011_SPI && line_count == 5) write32(PL011 + PL011_IMSC, 0);
  end_of_interrupt(number);
}

static unsigned take(void) {
  line_count = 0;
  unmask_interrupts();
  for (unsigned n = 0; n < 20000; n++) pause_a_moment();
  mask_interrupts();
  return line_count;
}

static void say_state(const char *when, unsigned number) {
  say("%s: enabled %d pending %d active %d", when, (uint64_t)is_bit_set(ISENABLER, number),
      (uint64_t)is_bit_set(ISPENDR, number), (uint64_t)is_bit_set(ISACTIVER, number));
}

static void run_triggers(void) {
  start(count_line);
  for (int edge = 0; edge < 2; edge++) {
    unsigned number = FIRST_SPI + (unsigned)edge;
    say(edge ? "edge" : "level");
    set_edge(number, edge);
    set_bit(ISPENDR, number);
    say_state("set pending", number);
    say("taken while disabled: %d", (uint64_t)take());
    set_bit(ISENABLER, number);
    say_state("enabled", number);
    say("taken: %d", (uint64_t)take());
    say_state("after that", number);
    set_bit(ISPENDR, number);
    set_bit(ISPENDR, number);
    say("taken after setting it twice: %d", (uint64_t)take());
    set_bit(ISPENDR, number);
    set_bit(ICPENDR, number);
    say_state("cleared", number);
    say("taken after clearing it: %d", (uint64_t)take());
    set_bit(ICENABLER, number);
    set_bit(ISPENDR, number);
    say_state("disabled", number);
    say("taken after disabling it: %d", (uint64_t)take());
    set_bit(ICPENDR, number);
    set_bit(ISENABLER, number);
    set_bit(ISACTIVER, number);
    set_bit(ISPENDR, number);
    say_state("active and pending", number);
    say("taken while active: %d", (uint64_t)take());
    set_bit(ICACTIVER, number);
    say("taken once inactive: %d", (uint64_t)take());
    set_bit(ICENABLER, number);
  }
  say("a device's line");
  set_edge(PL011_SPI, false);
  set_bit(ISENABLER, PL011_SPI);
  write32(PL011 + PL011_IMSC, PL011_TX);
  say("taken until the device is told: %d", (uint64_t)take());
  say_state("after that", PL011_SPI);
}

const struct topic interrupts_triggers = {"interrupts-triggers", run_triggers};

// A level-sensitive interrupt that software made pending, disabled while it waits.
static void run_latch(void) {
  start(count_line);
  set_edge(FIRST_SPI, false);
  set_bit(ISENABLER, FIRST_SPI);
  set_bit(ISPENDR, FIRST_SPI);
  set_bit(ICENABLER, FIRST_SPI);
  say_state("disabled", FIRST_SPI);
  set_bit(ISENABLER, FIRST_SPI);
  say("taken once enabled: %d", (uint64_t)take());
}

const struct topic interrupts_latch = {"interrupts-latch", run_latch};

// MARK: A device that is told after the end of its interrupt

#define PL031 0x09010000ul
#define PL031_SPI 34
#define PL031_DR 0x00
#define PL031_MR 0x04
#define PL031_IMSC 0x10
#define PL031_RIS 0x14
#define PL031_ICR 0x1c

static unsigned late_count, asserted_count, late_pause;

static void tell_late(void) {
  unsigned number = acknowledge();
  end_of_interrupt(number);
  if (number != PL031_SPI) return;
  late_count++;
  asserted_count += read32(PL031 + PL031_RIS);
  for (unsigned n = 0; n < late_pause; n++) pause_a_moment();
  // Level-sensitive: the interrupt was pending again since its end, and is not pending any more.
  write32(PL031 + PL031_ICR, 1);
}

// The alarm goes off at once, because it is set to the current time.
static void ring(void) { write32(PL031 + PL031_MR, read32(PL031 + PL031_DR)); }

static void run_late(void) {
  start(tell_late);
  set_edge(PL031_SPI, false);
  set_bit(ISENABLER, PL031_SPI);
  write32(PL031 + PL031_ICR, 1);
  write32(PL031 + PL031_IMSC, 1);
  static const unsigned pauses[] = {0, 100, 10000, 1000000};
  for (unsigned n = 0; n < sizeof pauses / sizeof *pauses; n++) {
    late_pause = pauses[n];
    late_count = asserted_count = 0;
    unmask_interrupts();
    ring();
    for (unsigned m = 0; m < 100000; m++) pause_a_moment();
    mask_interrupts();
    say("told after %d: taken %d asserted %d", (uint64_t)pauses[n], (uint64_t)late_count,
        (uint64_t)asserted_count);
  }
  // Interrupts are masked while the line is asserted: the interrupt is never seen.
  for (unsigned n = 0; n < sizeof pauses / sizeof *pauses; n++) {
    late_count = asserted_count = 0;
    ring();
    for (unsigned m = 0; m < pauses[n]; m++) pause_a_moment();
    write32(PL031 + PL031_ICR, 1);
    unmask_interrupts();
    for (unsigned m = 0; m < 100000; m++) pause_a_moment();
    mask_interrupts();
    say("masked for %d: taken %d", (uint64_t)pauses[n], (uint64_t)late_count);
  }
}

const struct topic interrupts_late = {"interrupts-late", run_late};

// MARK: A redistributor that nobody wakes

static unsigned unwoken_counts[64];

static void count_unwoken(void) {
  unsigned number = acknowledge();
  if (number < 64) unwoken_counts[number]++;
  end_of_interrupt(number);
}

static void run_unwoken(void) {
  start_distributor();
  start_cpu_interface_unwoken();
  this_cpu()->on_interrupt = count_unwoken;
  set_edge(40, true);
  set_bit(ISENABLER, 40);
  set_bit(ISENABLER, 3);
  unmask_interrupts();
  set_bit(ISPENDR, 40);
  send_sgi(3, 0);
  for (unsigned n = 0; n < 100000; n++) pause_a_moment();
  mask_interrupts();
  say("taken: SGI %d, SPI %d", (uint64_t)unwoken_counts[3], (uint64_t)unwoken_counts[40]);
}

const struct topic interrupts_unwoken = {"interrupts-unwoken", run_unwoken};

// MARK: What priorities, groups and control read as

static unsigned masked_count;

static void count_masked(void) {
  unsigned number = acknowledge();
  if (number == SPURIOUS) return;
  masked_count++;
  say("running %x", (uint64_t)(READ(ICC_RPR_EL1) & 0xff));
  end_of_interrupt(number);
}

static void run_views(void) {
  start(count_masked);
  say("CTLR %x", (uint64_t)(read32(GICD) & ~(1u << 31)));
  write32(GICD, 0);
  say("disabled: CTLR %x", (uint64_t)(read32(GICD) & ~(1u << 31)));
  write32(GICD, ~0u & ~(1u << 6));
  say("all enabled: CTLR %x", (uint64_t)(read32(GICD) & 0x53));
  write32(GICD, 1 << 4 | 1 << 1);
  static const unsigned numbers[] = {0, 7, 15, 27, 40, FIRST_SPI};
  for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; n++) {
    unsigned number = numbers[n];
    for (unsigned value = 0; value < 256; value += 51) {
      set_priority(number, (uint8_t)value);
      say("priority of %d: %x reads %x", (uint64_t)number, (uint64_t)value,
          (uint64_t)read8((number < 32 ? GICR_SGI(0) : GICD) + IPRIORITYR + number));
    }
  }
  for (unsigned n = 0; n < 64; n += 32) {
    uintptr_t groups = bit_register(IGROUPR, n);
    write32(groups, 0x5a5a5a5a);
    say("groups from %d: %x", (uint64_t)n, (uint64_t)read32(groups) & ~(1u << 25 | 1u << 26 | 1u << 16));
    write32(groups, ~0u);
  }
  // The priorities that the mask lets through, and the running priorities.
  set_edge(FIRST_SPI, true);
  set_bit(ISENABLER, FIRST_SPI);
  for (unsigned priority = 0; priority < 0xf0; priority += 0x20) {
    set_priority(FIRST_SPI, (uint8_t)priority);
    set_priority(3, (uint8_t)priority);
    set_bit(ISENABLER, 3);
    for (unsigned mask = 0x10; mask < 0x100; mask += 0x20) {
      WRITE(ICC_PMR_EL1, mask);
      masked_count = 0;
      unmask_interrupts();
      set_bit(ISPENDR, FIRST_SPI);
      for (unsigned n = 0; n < 200; n++) pause_a_moment();
      mask_interrupts();
      unsigned of_spi = masked_count;
      WRITE(ICC_PMR_EL1, 0xff);
      unmask_interrupts();
      for (unsigned n = 0; n < 200; n++) pause_a_moment();
      mask_interrupts();
      WRITE(ICC_PMR_EL1, mask);
      masked_count = 0;
      unmask_interrupts();
      send_sgi(3, 0);
      for (unsigned n = 0; n < 200; n++) pause_a_moment();
      mask_interrupts();
      say("priority %x, mask %x: SPI %d, SGI %d", (uint64_t)priority, (uint64_t)mask,
          (uint64_t)of_spi, (uint64_t)masked_count);
      WRITE(ICC_PMR_EL1, 0xff);
      unmask_interrupts();
      for (unsigned n = 0; n < 200; n++) pause_a_moment();
      mask_interrupts();
    }
  }
}

const struct topic interrupts_views = {"interrupts-views", run_views};

// MARK: SGIs

#define ROUNDS 25
#define OTHERS 8

static volatile unsigned sgis[CPU_COUNT][SGI_COUNT];
static volatile unsigned ready;

static void count_sgi(void) {
  unsigned number = acknowledge();
  if (number >= SGI_COUNT) fail("an interrupt that is no SGI");
  sgis[this_cpu()->index][number]++;
  end_of_interrupt(number);
}

static void receive_sgis(void) {
  start_cpu_interface();
  this_cpu()->on_interrupt = count_sgi;
  write32(GICR_SGI(this_cpu()->index) + ISENABLER, 0xffff);
  unmask_interrupts();
}

static void send_to_all(unsigned count) {
  unsigned own = (unsigned)this_cpu()->index;
  for (unsigned round = 1; round <= ROUNDS; round++) {
    for (unsigned cpu = 0; cpu < count; cpu++) {
      send_sgi(own, cpu);
      while (sgis[cpu][own] < round) pause_a_moment();
    }
    send_sgi_to_others(OTHERS + own);
    for (unsigned cpu = 0; cpu < count; cpu++)
      while (cpu != own && sgis[cpu][OTHERS + own] < round) pause_a_moment();
  }
}

// The number of vCPUs that send and receive; 0 until all of them can.
static volatile unsigned senders;
// Whether nobody takes interrupts any more.
static volatile bool all_is_counted;

static void be_sgi_cpu(void) {
  receive_sgis();
  ready = (unsigned)this_cpu()->index;
  while (!senders) pause_a_moment();
  send_to_all(senders);
  while (!all_is_counted) pause_a_moment();
  mask_interrupts();
}

// The number of SGI n that vCPU `cpu` must take.
static unsigned expected(unsigned cpu, unsigned n, unsigned count) {
  bool is_sent = n % OTHERS < count && n != OTHERS + cpu;
  return is_sent ? ROUNDS : 0;
}

static void run_sgi(void) {
  unsigned count = cpu_count();
  start_distributor();
  receive_sgis();
  for (unsigned cpu = 1; cpu < count; cpu++) {
    start_cpu(cpu, be_sgi_cpu);
    while (ready != cpu) pause_a_moment();
  }
  // All at once: the counts show lost interrupts.
  senders = count;
  send_to_all(count);
  for (unsigned cpu = 0; cpu < count; cpu++)
    for (unsigned n = 0; n < SGI_COUNT; n++)
      while (sgis[cpu][n] < expected(cpu, n, count)) pause_a_moment();
  for (unsigned n = 0; n < 100000; n++) pause_a_moment();
  mask_interrupts();
  for (unsigned cpu = 0; cpu < count; cpu++)
    for (unsigned n = 0; n < SGI_COUNT; n++)
      if (sgis[cpu][n])
        say("vCPU %d took SGI %d: %d", (uint64_t)cpu, (uint64_t)n, (uint64_t)sgis[cpu][n]);
  all_is_counted = true;
  for (unsigned cpu = 1; cpu < count; cpu++) wait_until_off(cpu);
}

const struct topic interrupts_sgi = {"interrupts-sgi", run_sgi};

// MARK: The virtual timer

#define TIMER_PPI 27

static volatile unsigned ticks, ticks_wanted;

static void next_tick(void) { WRITE(cntv_cval_el0, READ(cntvct_el0) + READ(cntfrq_el0) / 1000); }

static void tick(void) {
  unsigned number = acknowledge();
  if (number != TIMER_PPI) fail("an interrupt that is not the timer's");
  if (++ticks < ticks_wanted)
    next_tick();
  else
    WRITE(cntv_ctl_el0, 0);
  end_of_interrupt(number);
}

static volatile unsigned order;
#define TIMER_ORDERS 5

static void be_timer_cpu(void) {
  start_cpu_interface();
  this_cpu()->on_interrupt = tick;
  set_bit(ISENABLER, TIMER_PPI);
  for (unsigned done = 0;; done++) {
    unmask_interrupts();
    // No WFI here: only the timer's interrupt must be counted.
    while (order == done) pause_a_moment();
    mask_interrupts();
    if (order == TIMER_ORDERS) return;
    unmask_interrupts();
    if (ticks_wanted) {
      next_tick();
      WRITE(cntv_ctl_el0, 1);
      while (ticks < ticks_wanted) pause_a_moment();
    }
  }
}

// vCPU 1 takes the ticks. The debugger checks their cost at the gates.
static void run_timer(void) {
  start_distributor();
  start_cpu(1, be_timer_cpu);
  wait_at_gate("started");
  static const unsigned wanted[] = {0, 0, 100, 500};
  for (unsigned n = 0; n < 4; n++) {
    ticks = 0;
    ticks_wanted = wanted[n];
    DSB();
    order++;
    while (ticks < wanted[n]) pause_a_moment();
    // Long enough to see an extra interrupt.
    uint64_t end = READ(cntvct_el0) + READ(cntfrq_el0) / 50;
    while (READ(cntvct_el0) < end) pause_a_moment();
    say("ticks %d", (uint64_t)ticks);
    wait_at_gate("ticked");
  }
  order++;
  wait_until_off(1);
}

const struct topic interrupts_timer = {"interrupts-timer", run_timer};
