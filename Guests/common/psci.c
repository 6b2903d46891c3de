// Firmware calls.

#include "psci.h"

#include "system.h"

#define CALL(instruction)                                                                          \
  register uint64_t r0 __asm__("x0") = function;                                                   \
  register uint64_t r1 __asm__("x1") = x1;                                                         \
  register uint64_t r2 __asm__("x2") = x2;                                                         \
  register uint64_t r3 __asm__("x3") = x3;                                                         \
  __asm__ volatile(instruction " #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");       \
  return (int64_t)r0

int64_t hvc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3) { CALL("hvc"); }

int64_t smc(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3) { CALL("smc"); }

void power_off(void) {
  hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
  for (;;) wait_for_interrupt();
}
