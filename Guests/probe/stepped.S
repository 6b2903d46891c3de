// Code that a debugger steps through, one instruction of each kind that a hypervisor has to do with.
// Whatever it reads goes to x19 on: stepped or not, that must be the same.

#include "layout.h"

  .macro note register
  str \register, [x19], #8
  .endm

  .text
// void stepped_code(uint64_t *results, uint64_t distributor)
  .global stepped_code, stepped_begin, stepped_end
stepped_code:
  stp x19, x30, [sp, #-32]!
  str x20, [sp, #16]
  mov x19, x0
  mov x20, x1
stepped_begin:
  nop
  mrs x0, daif
  note x0
  msr daifset, #9
  mrs x0, daif
  note x0
  msr daifclr, #9
  mrs x0, daif
  note x0
  mov x0, #0x3c0
  msr daif, x0
  mrs x0, daif
  note x0
  // Exceptions to EL1: the handler notes what it is told and goes on behind the instruction.
  svc #1
  brk #2
  .inst 0x00000000  // UDF #0
  add x1, x19, #1
  ldar x0, [x1]  // misaligned
  // Calls of EL2: PSCI_VERSION.
  mov w0, #0x84000000
  hvc #0
  note x0
  mov w0, #0x84000000
  smc #0
  note x0
  // An exception return.
  adr x0, 1f
  msr elr_el1, x0
  mov x0, #0x3c5
  msr spsr_el1, x0
  isb
  eret
  brk #0xbad
1:
  mrs x0, daif
  note x0
  // The debug registers, which trap while a debugger needs them.
  mov x0, #0x1000
  msr mdscr_el1, x0
  mrs x0, mdscr_el1
  note x0
  mov x0, #0x5678
  msr dbgbvr3_el1, x0
  mrs x0, dbgbvr3_el1
  note x0
  mrs x0, oslsr_el1
  note x0
  msr mdscr_el1, xzr
  // The interrupt controller, which EL2 completes.
  ldr w0, [x20, #4]
  note x0
  ldr w0, [x20, #0x104]
  note x0
  str w0, [x20, #0x104]
  // A wait that an interrupt ends, which is masked.
  mrs x0, cntvct_el0
  add x0, x0, #0x10, lsl #12
  msr cntv_cval_el0, x0
  mov x0, #1
  msr cntv_ctl_el0, x0
  wfi
  msr cntv_ctl_el0, xzr
  wfe
  mrs x0, nzcv
stepped_end:
  nop
  ldr x20, [sp, #16]
  ldp x19, x30, [sp], #32
  ret

// uint64_t *interrupted_code(uint64_t *results): the same with an interrupt pending.
  .global interrupted_code, interrupted_begin, interrupted_end
interrupted_code:
  stp x19, x30, [sp, #-16]!
  mov x19, x0
interrupted_begin:
  mrs x0, isr_el1
  note x0
  msr daifclr, #2
  mrs x0, daif
  note x0
  nop
  add x0, x0, #1
  svc #3
  mrs x0, daif
  note x0
  ldr x0, [x19, #-8]
  msr daifset, #2
  mrs x0, daif
  note x0
  msr daifclr, #2
  b 1f
  nop
1:
  nop
interrupted_end:
  nop
  msr daifset, #2
  ldp x19, x30, [sp], #16
  ret

// void acknowledging_code(uint64_t *results): interrupt 27 is pending and masked, and this takes it as
// a kernel that polls does. What is read of the interrupt controller is what is pending, stepped or not.
  .global acknowledging_code, acknowledging_begin, acknowledging_end
acknowledging_code:
  stp x19, x30, [sp, #-16]!
  mov x19, x0
acknowledging_begin:
  mrs x0, isr_el1
  note x0
  mrs x0, s3_0_c12_c12_2  // ICC_HPPIR1_EL1
  note x0
  mrs x0, s3_0_c12_c11_3  // ICC_RPR_EL1
  note x0
  mrs x0, s3_0_c12_c12_0  // ICC_IAR1_EL1
  note x0
  mrs x1, s3_0_c12_c11_3
  note x1
  mrs x1, isr_el1
  add x1, x1, #1
  note x1
  mrs x1, s3_0_c12_c12_0  // its priority is that of what is active: 1023
  note x1
  msr cntv_ctl_el0, xzr
  msr s3_0_c12_c12_1, x0  // ICC_EOIR1_EL1
  isb
  mrs x1, s3_0_c12_c11_3
  note x1
  mrs x1, isr_el1
  add x1, x1, #2
  note x1
  mrs x1, s3_0_c12_c12_0
  note x1
  mrs x1, daif
  note x1
acknowledging_end:
  nop
  ldp x19, x30, [sp], #16
  ret

// What the guest steps itself, from behind the BRK on: see nestedsteps.c.
  .global conversation_code
conversation_code:
  brk #0
  nop
  nop
  nop
  ret
