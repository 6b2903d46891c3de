// The GICv3 as a guest drives it.

#include "gic.h"

static void wait_for_distributor(void) {
  while (read32(GICD_CTLR) & GICD_CTLR_RWP) continue;
}

unsigned interrupt_count(void) { return ((read32(GICD_TYPER) & 0x1f) + 1) * 32; }

void start_distributor(void) {
  write32(GICD_CTLR, 0);
  wait_for_distributor();
  for (unsigned n = 32; n < interrupt_count(); n += 32) {
    write32(GICD + ICENABLER + n / 8, ~0u);
    write32(GICD + ICPENDR + n / 8, ~0u);
    write32(GICD + ICACTIVER + n / 8, ~0u);
    write32(GICD + IGROUPR + n / 8, ~0u);
  }
  for (unsigned n = 32; n < interrupt_count(); n++) {
    set_priority(n, 0xa0);
    route(n, 0);
  }
  write32(GICD_CTLR, GICD_CTLR_ENABLED);
  wait_for_distributor();
}

void start_cpu_interface(void) {
  uint64_t cpu = this_cpu()->index;
  write32(GICR_WAKER(cpu), 0);
  while (read32(GICR_WAKER(cpu)) & GICR_WAKER_CHILDREN_ASLEEP) continue;
  start_cpu_interface_unwoken();
}

void start_cpu_interface_unwoken(void) {
  uint64_t cpu = this_cpu()->index;
  write32(GICR_SGI(cpu) + ICENABLER, ~0u);
  write32(GICR_SGI(cpu) + ICPENDR, ~0u);
  write32(GICR_SGI(cpu) + ICACTIVER, ~0u);
  write32(GICR_SGI(cpu) + IGROUPR, ~0u);
  // PPIs are level-sensitive: a timer's line may fall and rise again while a debugger stops time.
  write32(GICR_SGI(cpu) + ICFGR + 4, 0);
  for (unsigned n = 0; n < 32; n++) set_priority(n, 0xa0);
  WRITE(ICC_SRE_EL1, READ(ICC_SRE_EL1) | 1);
  WRITE(ICC_PMR_EL1, 0xff);
  WRITE(ICC_CTLR_EL1, 0);
  WRITE(ICC_BPR1_EL1, 0);
  WRITE(ICC_IGRPEN1_EL1, 1);
}

static uintptr_t frame_of(unsigned number) {
  return number < 32 ? GICR_SGI(this_cpu()->index) : GICD;
}

uintptr_t bit_register(unsigned offset, unsigned number) {
  return frame_of(number) + offset + number / 32 * 4;
}

void set_bit(unsigned offset, unsigned number) {
  write32(bit_register(offset, number), 1u << number % 32);
}

bool is_bit_set(unsigned offset, unsigned number) {
  return read32(bit_register(offset, number)) >> number % 32 & 1;
}

void set_priority(unsigned number, uint8_t priority) {
  write8(frame_of(number) + IPRIORITYR + number, priority);
}

void set_edge(unsigned number, bool edge) {
  uintptr_t at = frame_of(number) + ICFGR + number / 16 * 4;
  uint32_t bit = 2u << number % 16 * 2;
  write32(at, edge ? read32(at) | bit : read32(at) & ~bit);
}

void route(unsigned number, unsigned cpu) { write64(GICD + IROUTER + number * 8, cpu); }

void send_sgi(unsigned number, unsigned cpu) {
  DSB();
  WRITE(ICC_SGI1R_EL1, (uint64_t)number << 24 | 1u << cpu);
}

void send_sgi_to_others(unsigned number) {
  DSB();
  WRITE(ICC_SGI1R_EL1, (uint64_t)number << 24 | 1ul << 40);
}

unsigned acknowledge(void) {
  unsigned number = READ(ICC_IAR1_EL1) & 0xffffff;
  DSB();
  return number;
}

void end_of_interrupt(unsigned number) { WRITE(ICC_EOIR1_EL1, number); }
