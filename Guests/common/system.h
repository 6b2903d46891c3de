// System registers, barriers and device registers, for C.
#pragma once

#include <stdint.h>

#define READ(reg)                                                  \
  ({                                                               \
    uint64_t value_;                                               \
    __asm__ volatile("mrs %0, " #reg : "=r"(value_) : : "memory"); \
    value_;                                                        \
  })
#define WRITE(reg, value) \
  __asm__ volatile("msr " #reg ", %0\n isb" : : "r"((uint64_t)(value)) : "memory")
#define ISB() __asm__ volatile("isb" : : : "memory")
#define DSB() __asm__ volatile("dsb sy" : : : "memory")

static inline void wait_for_interrupt(void) { __asm__ volatile("dsb sy\n wfi" : : : "memory"); }
static inline void pause_a_moment(void) { __asm__ volatile("yield" : : : "memory"); }

// Device registers. Only the plain forms of LDR and STR are used, as an operating system uses them: the
// syndrome of other forms, of those with writeback for example, does not tell a hypervisor what was
// accessed.
static inline uint32_t read32(uintptr_t address) {
  uint32_t value;
  __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}
static inline uint64_t read64(uintptr_t address) {
  uint64_t value;
  __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}
static inline uint8_t read8(uintptr_t address) {
  uint8_t value;
  __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}
static inline void write8(uintptr_t address, uint8_t value) {
  __asm__ volatile("strb %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}
static inline void write32(uintptr_t address, uint32_t value) {
  __asm__ volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}
static inline void write64(uintptr_t address, uint64_t value) {
  __asm__ volatile("str %0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}
