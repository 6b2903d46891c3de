// The set-up of a vCPU, and the way in and out of exceptions and of EL0.

#include "layout.h"

  .text
// x0: the vCPU's index. Gives the vCPU its vectors and its `struct cpu`.
  .global prepare_cpu
prepare_cpu:
  ldr x1, =cpus
  mov x2, #CPU_SIZE
  madd x1, x0, x2, x1
  str x0, [x1]
  msr tpidr_el1, x1
  ldr x1, =vectors
  msr vbar_el1, x1
  // CPACR_EL1.FPEN: nothing here uses SIMD registers, and an access of theirs must not confuse.
  mov x1, #3 << 20
  msr cpacr_el1, x1
  isb
  ret

// void call_at_el0(void (*function)(void), uint64_t spsr)
//
// Runs `function` at EL0 until it executes SVC #EL0_RETURN, with PSTATE from `spsr`.
  .global call_at_el0
call_at_el0:
  stp x29, x30, [sp, #-96]!
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  ldr x2, =el0_stack_top
  msr sp_el0, x2
  msr elr_el1, x0
  msr spsr_el1, x1
  eret
// Where the exception handler returns to after that SVC, at EL1.
  .global end_of_el0
end_of_el0:
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp x29, x30, [sp], #96
  ret

// One vector: 128 bytes apart, the number in x0.
  .macro vector number
  .balign 128
  sub sp, sp, #FRAME_SIZE
  stp x0, x1, [sp]
  mov x0, #\number
  b save_frame
  .endm

  .balign 2048
  .global vectors
vectors:
  .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  vector \number
  .endr

save_frame:
  stp x2, x3, [sp, #16]
  stp x4, x5, [sp, #32]
  stp x6, x7, [sp, #48]
  stp x8, x9, [sp, #64]
  stp x10, x11, [sp, #80]
  stp x12, x13, [sp, #96]
  stp x14, x15, [sp, #112]
  stp x16, x17, [sp, #128]
  stp x18, x19, [sp, #144]
  stp x20, x21, [sp, #160]
  stp x22, x23, [sp, #176]
  stp x24, x25, [sp, #192]
  stp x26, x27, [sp, #208]
  stp x28, x29, [sp, #224]
  mrs x1, elr_el1
  stp x30, x1, [sp, #240]
  mrs x2, spsr_el1
  mrs x3, esr_el1
  stp x2, x3, [sp, #256]
  mrs x4, far_el1
  str x4, [sp, #272]
  mov x1, sp
  bl take_exception
  ldp x30, x1, [sp, #240]
  msr elr_el1, x1
  ldr x2, [sp, #256]
  msr spsr_el1, x2
  ldp x2, x3, [sp, #16]
  ldp x4, x5, [sp, #32]
  ldp x6, x7, [sp, #48]
  ldp x8, x9, [sp, #64]
  ldp x10, x11, [sp, #80]
  ldp x12, x13, [sp, #96]
  ldp x14, x15, [sp, #112]
  ldp x16, x17, [sp, #128]
  ldp x18, x19, [sp, #144]
  ldp x20, x21, [sp, #160]
  ldp x22, x23, [sp, #176]
  ldp x24, x25, [sp, #192]
  ldp x26, x27, [sp, #208]
  ldp x28, x29, [sp, #224]
  ldp x0, x1, [sp]
  add sp, sp, #FRAME_SIZE
  eret

  .ltorg

  .bss
  .balign 16
  .skip 4096
el0_stack_top:
