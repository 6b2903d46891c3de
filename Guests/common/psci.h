// PSCI: function identifiers and status codes (Arm DEN 0022), for assembly and C, and firmware calls.
#pragma once

#define PSCI_VERSION 0x84000000
#define PSCI_CPU_SUSPEND 0xc4000001
#define PSCI_CPU_OFF 0x84000002
#define PSCI_CPU_ON 0xc4000003
#define PSCI_AFFINITY_INFO 0xc4000004
#define PSCI_MIGRATE_INFO_TYPE 0x84000006
#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_SYSTEM_RESET 0x84000009
#define PSCI_FEATURES 0x8400000a
#define PSCI_SYSTEM_RESET2 0xc4000012
#define PSCI_MEM_PROTECT 0x84000013
#define PSCI_MEM_PROTECT_CHECK_RANGE 0xc4000014

// The range of identifiers: of functions with 32-bit arguments, and of those with 64-bit arguments.
#define PSCI_RANGE32 0x84000000
#define PSCI_RANGE64 0xc4000000
// The place of a function in its range.
#define PSCI_NUMBER(function) ((function) & 0x1f)

#define PSCI_SUCCESS 0
#define PSCI_NOT_SUPPORTED -1
#define PSCI_INVALID_PARAMETERS -2
#define PSCI_DENIED -3
#define PSCI_ALREADY_ON -4
#define PSCI_ON_PENDING -5
#define PSCI_INVALID_ADDRESS -9

#ifndef __ASSEMBLER__

#include <stdint.h>

// Calls firmware, or the hypervisor in its place, with the function in x0. Returns x0.
int64_t hvc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
int64_t smc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);

// Switches the machine off, by HVC.
void power_off(void) __attribute__((noreturn));

#endif
