// One instruction of each class that a step machine or a hypervisor has to do with, for the guest to step
// through itself. Interrupt 27 is pending and masked at EL1.

#include "layout.h"

  .macro function name
  .global \name
  .balign 16
\name:
  .endm

#define ICC_IAR1_EL1 s3_0_c12_c12_0
#define ICC_EOIR1_EL1 s3_0_c12_c12_1
#define ICC_HPPIR1_EL1 s3_0_c12_c12_2

  .text
// The handler makes the step machine active at the first BRK.
function event_classes
  mov x16, x30
  mov x9, #0x08000000
  adr x2, event_word
  brk #STEPS_BEGIN
  nop
  // Exceptions to EL1, and one whose handler goes on stepping.
  svc #7
  svc #STEPS_NESTED
  brk #8
  .inst 0x00000000  // UDF #0
  add x3, x2, #1
  ldar x4, [x3]  // misaligned
  // Calls of EL2.
  mov w0, #0x84000000
  hvc #0
  mov w0, #0x84000000
  smc #0
  // Debug registers.
  mrs x1, mdscr_el1
  msr mdscr_el1, x1
  mov x1, #0x5000
  msr dbgbvr2_el1, x1
  mrs x1, dbgbvr2_el1
  mrs x1, oslsr_el1
  isb
  // DAIF.
  mrs x1, daif
  msr daifset, #1
  msr daif, x1
  msr daifclr, #5
  msr daif, x1
  // What is pending.
  mrs x1, isr_el1
  mrs x1, ICC_HPPIR1_EL1
  // Waits, which what is pending ends.
  wfi
  sevl
  wfe
  mrs x1, ICC_IAR1_EL1
  msr cntv_ctl_el0, xzr
  msr ICC_EOIR1_EL1, x1
  // Branches.
  b 1f
  nop
1:
  bl 5f
  cbz x2, 1b
  // Memory.
  ldr x4, [x2]
  stp x4, x4, [x2, #16]
  ldr x4, [x2], #8
  str x4, [x2, #-8]!
  ldxr x4, [x2]
  clrex
  ldaxp x4, x5, [x2]
  clrex
  dc zva, x2
  dsb sy
  // A device's register that is not there to be read directly.
  ldr w4, [x9, #4]
  str wzr, [x9, #0x104]
  mrs x1, nzcv
  msr spsel, #1
  // Returns from where the step machine was masked, to where it runs one instruction first …
  msr daifset, #8
  adr x0, 2f
  msr elr_el1, x0
  mov w0, #0x1c5
  orr w0, w0, #1 << 21
  msr spsr_el1, x0
  isb
  eret
  brk #0xbad
2:
  nop
  nop
  // … and to where it does not.
  msr daifset, #8
  adr x0, 3f
  msr elr_el1, x0
  mov w0, #0x1c5
  msr spsr_el1, x0
  isb
  eret
  brk #0xbad
3:
  nop
  nop
  // Unmasked by the code itself, with PSTATE.SS = 0.
  msr daifset, #8
  nop
  msr daifclr, #8
  nop
  nop
  brk #STEPS_END
  mov x30, x16
  ret
5:
  nop
  ret

// Entered with SS. Much of it is not for EL0.
function event_classes_el0
  nop
  svc #7
  brk #8
  .inst 0x00000000  // UDF #0
  hvc #0
  smc #0
  eret
  wfi
  wfe
  sevl
  mrs x1, daif
  msr daifset, #2
  mrs x1, ctr_el0
  mrs x1, cntvct_el0
  mrs x1, mdscr_el1
  mrs x1, currentel
  mrs x1, nzcv
  adr x2, event_word
  dc zva, x2
  add x3, x2, #1
  ldar x4, [x3]
  ldr x4, [x2]
  str x4, [x2, #8]
  ldp x4, x5, [x2], #16
  ldxr x4, [x2]
  clrex
  ldaxp x4, x5, [x2]
  clrex
  svc #STEPS_NESTED
  b 1f
  nop
1:
  cbz xzr, 2f
  nop
2:
  nop
  svc #EL0_RETURN
