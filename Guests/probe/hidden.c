// Accesses that a guest makes to all interrupts, the hypervisor's own included.

#include "gic.h"

#define ALL (~0u)

static void write_all(unsigned offset) {
  write32(GICR_SGI(0) + offset, ALL);
  for (unsigned n = 32; n < interrupt_count(); n += 32) write32(GICD + offset + n / 8, ALL);
}

// One word for each `per_word` interrupts.
static void say_words(const char *name, unsigned offset, unsigned per_word) {
  for (unsigned n = 0; n < interrupt_count(); n += per_word) {
    uintptr_t frame = n < 32 ? GICR_SGI(0) : GICD;
    say("%s %d %x", name, (uint64_t)n, (uint64_t)read32(frame + offset + n / per_word * 4));
  }
}

// Interrupts stay masked; nothing is delivered.
static void run_registers(void) {
  start_distributor();
  start_cpu_interface();
  write_all(IGROUPR);
  say_words("IGROUPR", IGROUPR, 32);
  for (unsigned n = 0; n < interrupt_count(); n += 4) {
    write32((n < 32 ? GICR_SGI(0) : GICD) + IPRIORITYR + n, 0x50505050);
  }
  say_words("IPRIORITYR", IPRIORITYR, 4);
  for (unsigned n = 16; n < interrupt_count(); n += 16) {
    write32((n < 32 ? GICR_SGI(0) : GICD) + ICFGR + n / 4, 0xaaaaaaaa);
  }
  say_words("ICFGR", ICFGR, 16);
  for (unsigned n = 32; n < interrupt_count(); n++) {
    write64(GICD + IROUTER + n * 8, 0);
    if (read64(GICD + IROUTER + n * 8)) say("IROUTER %d", (uint64_t)n);
  }
  write_all(ISENABLER);
  say_words("ISENABLER", ISENABLER, 32);
  write_all(ISPENDR);
  say_words("ISPENDR", ISPENDR, 32);
  write_all(ICPENDR);
  say_words("ICPENDR", ICPENDR, 32);
  write_all(ISACTIVER);
  say_words("ISACTIVER", ISACTIVER, 32);
  write_all(ICACTIVER);
  say_words("ICACTIVER", ICACTIVER, 32);
  write_all(ICENABLER);
  say_words("ICENABLER", ICENABLER, 32);
}

const struct topic hidden_registers = {"hidden-registers", run_registers};

static void silence_all(void) {
  write_all(ICENABLER);
  write_all(ICPENDR);
  write_all(ICACTIVER);
  write32(GICR_SGI(0) + IGROUPR, 0);
  for (unsigned n = 32; n < interrupt_count(); n += 32) write32(GICD + IGROUPR + n / 8, 0);
  for (unsigned n = 0; n < interrupt_count(); n += 4)
    write32((n < 32 ? GICR_SGI(0) : GICD) + IPRIORITYR + n, ALL);
  write32(GICD, 0);
  WRITE(ICC_IGRPEN1_EL1, 0);
  WRITE(ICC_PMR_EL1, 0);
}

static void run_spin(void) {
  start_distributor();
  start_cpu_interface();
  silence_all();
  wait_at_gate("silent");
}

const struct topic hidden_spin = {"hidden-spin", run_spin};

static void run_writes(void) {
  start_distributor();
  start_cpu_interface();
  say("gate writing");
  while (!is_gate_open()) silence_all();
}

const struct topic hidden_writes = {"hidden-writes", run_writes};
