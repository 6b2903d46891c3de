// Firmware calls (Arm DEN 0022, DEN 0028), and secondary processors.
#pragma once

#include "probe.h"

#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0xc4000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au

enum {
  PSCI_SUCCESS = 0,
  PSCI_ALREADY_ON = -4,
  PSCI_ON_PENDING = -5,
};

int64_t hvc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
int64_t smc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);

// How many processors there are: those of affinity 0 to 7 that firmware knows.
unsigned cpu_count(void);

// Starts vCPU `index` in `work`, in which it stays until that returns; it then turns itself off.
// Returns CPU_ON's status.
int64_t start_cpu(unsigned index, void (*work)(void));

// Waits until vCPU `index` is off.
void wait_until_off(unsigned index);
