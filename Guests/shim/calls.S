// HVC and SMC from EL1. PSCI is answered as PSCI.swift and Power.swift do, by HVC and by SMC. Any other SMC goes to
// firmware, and any other HVC is unknown. QEMU acts in place of firmware.

#include "../common/psci.h"
#include "shim.h"

// Sets of PSCI functions, with a bit for each function.
#define BIT(function) (1 << PSCI_NUMBER(function))
#define FUNCTIONS32                                                                                 \
  (BIT(PSCI_VERSION) | BIT(PSCI_CPU_SUSPEND) | BIT(PSCI_CPU_OFF) | BIT(PSCI_CPU_ON) |               \
   BIT(PSCI_AFFINITY_INFO) | BIT(PSCI_MIGRATE_INFO_TYPE) | BIT(PSCI_SYSTEM_OFF) |                   \
   BIT(PSCI_SYSTEM_RESET) | BIT(PSCI_FEATURES) | BIT(PSCI_SYSTEM_RESET2) | BIT(PSCI_MEM_PROTECT) |  \
   BIT(PSCI_MEM_PROTECT_CHECK_RANGE))
#define FUNCTIONS64                                                                                 \
  (BIT(PSCI_CPU_SUSPEND) | BIT(PSCI_CPU_ON) | BIT(PSCI_AFFINITY_INFO) | BIT(PSCI_SYSTEM_RESET2) |   \
   BIT(PSCI_MEM_PROTECT_CHECK_RANGE))

  .text
  .macro vector target
  .balign 128
  b \target
  .endm

  .balign 2048
  .global vectors
vectors:
  .rept 8
  vector report
  .endr
  // From EL1 or EL0 in AArch64.
  vector call
  .rept 7
  vector report
  .endr

call:
  stp x29, x30, [sp, #-80]!
  mrs x30, esr_el2
  lsr x30, x30, #26
  cmp x30, #0x16  // an HVC has executed: ELR_EL2 is the next instruction
  b.eq 1f
  cmp x30, #0x17
  b.ne report
  // A trapped SMC has not executed. It is completed here: PC, BTYPE and the guest's step machine advance.
  mrs x29, elr_el2
  add x29, x29, #4
  msr elr_el2, x29
  mrs x29, spsr_el2
  bic x29, x29, #1 << 21
  bic x29, x29, #3 << 10
  msr spsr_el2, x29
1:
  bic w29, w0, #1 << 30
  bic w29, w29, #0x1f
  movz w30, #PSCI_RANGE32 >> 16, lsl #16
  cmp w29, w30
  b.eq psci
  mrs x30, esr_el2
  lsr x30, x30, #26
  cmp x30, #0x17
  ldp x29, x30, [sp], #80
  b.eq firmware
  mov x0, #PSCI_NOT_SUPPORTED
  eret

// All registers are the caller's, and firmware's results.
firmware:
  smc #0
  eret

psci:
  // x0 to x3 are the call's and x0 is its answer. The other registers keep their values.
  stp x4, x5, [sp, #16]
  stp x6, x7, [sp, #32]
  stp x1, x2, [sp, #48]
  mov w4, w0
  bl is_function
  cbz w5, unknown
  and w4, w0, #0x1f
  cmp w4, #PSCI_NUMBER(PSCI_VERSION)
  b.eq version
  // The others may have arguments. SMC32 has them in W registers, and the function is always in one.
  str x3, [sp, #64]
  mov w0, w0
  tbnz w0, #30, 1f
  mov w1, w1
  mov w2, w2
  mov w3, w3
1:
  cmp w4, #PSCI_NUMBER(PSCI_CPU_SUSPEND)
  b.eq suspend
  cmp w4, #PSCI_NUMBER(PSCI_CPU_OFF)
  b.eq turn_off
  cmp w4, #PSCI_NUMBER(PSCI_CPU_ON)
  b.eq turn_on
  cmp w4, #PSCI_NUMBER(PSCI_AFFINITY_INFO)
  b.eq affinity_info
  cmp w4, #PSCI_NUMBER(PSCI_MIGRATE_INFO_TYPE)
  b.eq migrate_info_type
  cmp w4, #PSCI_NUMBER(PSCI_FEATURES)
  b.eq features
  cmp w4, #PSCI_NUMBER(PSCI_SYSTEM_RESET2)
  b.eq reset2
  // SYSTEM_OFF, SYSTEM_RESET, and functions that only firmware has.
  smc #0
  b answered

not_supported:
  mov x0, #PSCI_NOT_SUPPORTED
answered:
  ldr x3, [sp, #64]
  // The entry for calls that have not changed x3.
answered_at_once:
  ldp x1, x2, [sp, #48]
  ldp x6, x7, [sp, #32]
  ldp x4, x5, [sp, #16]
  ldp x29, x30, [sp], #80
  eret

// w5 becomes nonzero if w4 is a known function.
is_function:
  bic w5, w4, #1 << 30
  bic w5, w5, #0x1f
  movz w6, #PSCI_RANGE32 >> 16, lsl #16
  cmp w5, w6
  b.ne 1f
  ldr w5, =FUNCTIONS32
  ldr w6, =FUNCTIONS64
  tst w4, #1 << 30
  csel w5, w6, w5, ne
  lsr w5, w5, w4  // by w4 modulo 32, the function's number
  and w5, w5, #1
  ret
1:
  mov w5, #0
  ret

version:
  ldr w0, =0x00010001
  b answered_at_once

unknown:
  mov x0, #PSCI_NOT_SUPPORTED
  b answered_at_once

migrate_info_type:
  mov x0, #2
  b answered

features:
  mov w4, w1
  mov w5, #0x80000000  // SMCCC_VERSION
  cmp w4, w5
  b.eq 1f
  bl is_function
  cbz w5, not_supported
  and w4, w4, #0x1f
  cmp w4, #PSCI_NUMBER(PSCI_SYSTEM_RESET2)
  b.hs 1f
  mov x0, #0
  b answered
1:
  smc #0
  b answered

// If firmware has the function: a warm reset (type 0), or a vendor's type (bit 31).
reset2:
  stp x0, x1, [sp, #-32]!
  str x2, [sp, #16]
  mov x1, x0
  ldr w0, =PSCI_FEATURES
  smc #0
  mov x4, x0
  ldr x2, [sp, #16]
  ldp x0, x1, [sp], #32
  cbnz w4, not_supported
  cbz w1, 1f
  tbz w1, #31, invalid_parameters
1:
  smc #0
  b answered

// Goes to invalid_address unless the entry, x2, is the address of an instruction in the payload's memory.
  .macro check_entry
  tst x2, #3
  b.ne invalid_address
  lsr x5, x2, #30
  cbz x5, invalid_address
  lsr x5, x2, #40
  cbnz x5, invalid_address
  adr x5, image_start
  sub x5, x2, x5
  cmp x5, #RESERVED_SIZE
  b.lo invalid_address
  .endm

// Standby: an interrupt ends it, masked or not, and it may end at any time. The power state has the original
// format. A power-down state has an entry.
suspend:
  ldr w4, =0xfcfe0000
  tst w1, w4
  b.ne invalid_parameters
  tbz w1, #16, 1f
  check_entry
1:
  dsb sy
  wfi
  mov x0, #0
  b answered

// w5 becomes the state of the core with affinity x1, and x4 the address of its words. Goes to invalid_parameters if
// there is no such core.
  .macro find_core
  tst x1, #~(CPU_COUNT - 1)
  b.ne invalid_parameters
  stp x0, x1, [sp, #-32]!
  stp x2, x3, [sp, #16]
  ldr w0, =PSCI_AFFINITY_INFO
  mov x2, #0
  smc #0
  mov x4, x0
  ldp x2, x3, [sp, #16]
  ldp x0, x1, [sp], #32
  tbnz w4, #31, invalid_parameters
  adr x4, cpus
  add x4, x4, x1, lsl #CPU_SHIFT
  .endm

invalid_parameters:
  mov x0, #PSCI_INVALID_PARAMETERS
  b answered

affinity_info:
  cbnz w2, invalid_parameters
  find_core
  ldr x0, [x4, #CPU_POWER]
  b answered

turn_off:
  bl take_lock
  bl this_cpu
  adr x4, cpus
  add x6, x4, #CPU_COUNT << CPU_SHIFT
1:
  cmp x4, x1
  b.eq 2f
  ldr x5, [x4, #CPU_POWER]
  cmp x5, #1
  b.ne 3f
2:
  add x4, x4, #1 << CPU_SHIFT
  cmp x4, x6
  b.ne 1b
  // The last core that is on must not turn itself off.
  bl release_lock
  mov x0, #PSCI_DENIED
  b answered
3:
  mov x4, #1
  str x4, [x1, #CPU_POWER]
  dsb sy
  bl release_lock
  ldr w0, =PSCI_CPU_OFF
  smc #0
  b report  // it does not return

turn_on:
  find_core
  check_entry
  str x1, [sp, #72]
  bl take_lock
  ldr x5, [x4, #CPU_POWER]
  cmp x5, #1
  b.ne 2f
  mov x5, #2
  str x5, [x4, #CPU_POWER]
  stp x2, x3, [x4, #CPU_ENTRY]
  dsb sy
  bl release_lock
1:
  ldr w0, =PSCI_CPU_ON
  ldr x1, [sp, #72]
  adr x2, secondary_start
  mov x3, #0
  smc #0
  // A core whose state is off may not be off yet.
  cmn w0, #-(PSCI_ALREADY_ON)
  b.eq 1b
  cbz w0, answered
  mov x5, #1
  str x5, [x4, #CPU_POWER]
  b answered
2:
  bl release_lock
  mov x0, #PSCI_ALREADY_ON
  mov x6, #PSCI_ON_PENDING
  cmp x5, #2
  csel x0, x6, x0, eq
  b answered

invalid_address:
  mov x0, #PSCI_INVALID_ADDRESS
  b answered

// Lamport's one-bit algorithm, because there are no exclusives with the MMU off. A core says that it wants the lock.
// While a core of lower number wants the lock, it withdraws. Then it waits for the cores of higher number. Uses x5
// to x7 and x29.
take_lock:
  mrs x5, mpidr_el1
  and x5, x5, #CPU_COUNT - 1
  adr x6, cpus
  add x5, x6, x5, lsl #CPU_SHIFT
1:
  mov x7, #1
  str x7, [x5, #CPU_WANTS]
  dmb sy
  mov x29, x6
2:
  cmp x29, x5
  b.eq 4f
  ldr x7, [x29, #CPU_WANTS]
  cbnz x7, 3f
  add x29, x29, #1 << CPU_SHIFT
  b 2b
3:
  str xzr, [x5, #CPU_WANTS]
  dmb sy
5:
  ldr x7, [x29, #CPU_WANTS]
  cbnz x7, 5b
  b 1b
4:
  add x29, x29, #1 << CPU_SHIFT
  add x7, x6, #CPU_COUNT << CPU_SHIFT
  cmp x29, x7
  b.eq 7f
6:
  ldr x7, [x29, #CPU_WANTS]
  cbnz x7, 6b
  b 4b
7:
  dmb sy
  ret

release_lock:
  dmb sy
  mrs x6, mpidr_el1
  and x6, x6, #CPU_COUNT - 1
  adr x7, cpus
  add x6, x7, x6, lsl #CPU_SHIFT
  str xzr, [x6, #CPU_WANTS]
  ret

// An unexpected exception: reports it and switches the machine off.
report:
  adr x0, 1f
  bl say_text
  mrs x0, esr_el2
  bl say_number
  mrs x0, elr_el2
  bl say_number
  mrs x0, far_el2
  bl say_number
  .global power_off
power_off:
  ldr w0, =PSCI_SYSTEM_OFF
  smc #0
  b .
1:
  .asciz "shim: unexpected exception; ESR_EL2, ELR_EL2, FAR_EL2:\n"
  .balign 4
  .ltorg

// Writes the zero-terminated text at x0 on the PL011. QEMU's PL011 takes characters at any rate.
  .global say_text
say_text:
  mov x3, #0x09000000
1:
  ldrb w2, [x0], #1
  cbz w2, 2f
  str w2, [x3]
  b 1b
2:
  ret

// Writes x0 in hexadecimal, and a new line.
say_number:
  mov x3, #0x09000000
  mov x4, #60
1:
  lsr x2, x0, x4
  and x2, x2, #15
  cmp x2, #10
  add x5, x2, #'0'
  add x6, x2, #'a' - 10
  csel x2, x5, x6, lo
  str w2, [x3]
  subs x4, x4, #4
  b.pl 1b
  mov w2, #10
  str w2, [x3]
  ret
