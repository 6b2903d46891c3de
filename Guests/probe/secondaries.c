// Secondary processors.

#include "secondaries.h"

extern void secondary_entry(void);

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
