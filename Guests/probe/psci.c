// Firmware calls, and secondary processors.

#include "psci.h"

extern void secondary_entry(void);

int64_t hvc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3) {
  register uint64_t r0 __asm__("x0") = function;
  register uint64_t r1 __asm__("x1") = x1;
  register uint64_t r2 __asm__("x2") = x2;
  register uint64_t r3 __asm__("x3") = x3;
  __asm__ volatile("hvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
  return (int64_t)r0;
}

int64_t smc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3) {
  register uint64_t r0 __asm__("x0") = function;
  register uint64_t r1 __asm__("x1") = x1;
  register uint64_t r2 __asm__("x2") = x2;
  register uint64_t r3 __asm__("x3") = x3;
  __asm__ volatile("smc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
  return (int64_t)r0;
}

unsigned cpu_count(void) {
  unsigned count = 0;
  while (count < CPU_COUNT && hvc(PSCI_AFFINITY_INFO, count, 0, 0) >= 0) count++;
  return count;
}

static void (*volatile works[CPU_COUNT])(void);

void secondary_main(uint64_t index);
void secondary_main(uint64_t index) {
  works[index]();
  hvc(PSCI_CPU_OFF, 0, 0, 0);
  fail("CPU_OFF returned");
}

int64_t start_cpu(unsigned index, void (*work)(void)) {
  works[index] = work;
  DSB();
  return hvc(PSCI_CPU_ON, index, (uint64_t)secondary_entry, index);
}

void wait_until_off(unsigned index) {
  while (hvc(PSCI_AFFINITY_INFO, index, 0, 0) != 1) pause_a_moment();
}
