// The measured operations, each in its own loop:
//
//   void loop_NAME(uint64_t count, uint64_t x1, … uint64_t x5)
//
// All loops begin and end in the same way, and the cost of `loop_empty` is subtracted. An operation may change
// x6 to x17 and its arguments. x11 and x12 are arguments of the exception handlers.

#include "../common/psci.h"

  .macro row name
  .global loop_\name
loop_\name:
  stp x19, x20, [sp, #-16]!
  mov x19, x0
  mov x11, x2
  mov x12, x5
  mov x20, x1
1:
  .endm

  .macro end_row
  subs x19, x19, #1
  b.ne 1b
  ldp x19, x20, [sp], #16
  ret
  .endm

  // A read of a register, and a write of x1 to it.
  .macro accesses name, register
  row mrs_\name
  mrs x6, \register
  end_row
  row msr_\name
  msr \register, x1
  end_row
  .endm

  .text
  row empty
  end_row

  row nop
  nop
  end_row

  accesses dbgbvr, dbgbvr0_el1
  accesses dbgbcr, dbgbcr0_el1
  accesses dbgwvr, dbgwvr0_el1
  accesses dbgwcr, dbgwcr0_el1
  accesses mdscr, mdscr_el1
  accesses mdccint, mdccint_el1
  accesses osdlr, osdlr_el1

  row mrs_oslsr
  mrs x6, oslsr_el1
  end_row

  row msr_oslar
  msr oslar_el1, x1
  end_row

  // A register that a procedure call preserves: a hypervisor may not have saved it with the others.
  row mrs_dbgbvr_x20
  mrs x20, dbgbvr0_el1
  end_row

  row msr_dbgbvr_x20
  msr dbgbvr0_el1, x20
  end_row

  // A new value each time, in a comparator that is off.
  row msr_dbgbvr_other
  eor x1, x1, #8
  msr dbgbvr0_el1, x1
  end_row

  // A breakpoint on and off.
  row msr_plan
  msr dbgbcr0_el1, x2
  msr dbgbcr0_el1, xzr
  end_row

  .macro five_writes
  msr dbgbvr0_el1, x1
  msr dbgbcr0_el1, x2
  msr dbgwvr0_el1, x3
  msr dbgwcr0_el1, x4
  msr mdscr_el1, x5
  .endm

  row five
  five_writes
  end_row

  // New addresses each time, as in a switch between two programs with a breakpoint and a watchpoint each.
  row five_other
  eor x1, x1, #8
  eor x3, x3, #8
  five_writes
  end_row

  // The same right after an exit to EL2, if there is a program at EL2.
  row five_after_hvc
  eor x13, x1, #8
  eor x14, x3, #8
  mov w0, #PSCI_VERSION
  hvc #0
  mov x1, x13
  mov x2, x11
  mov x3, x14
  five_writes
  end_row

  row hvc
  mov w0, #PSCI_VERSION
  hvc #0
  end_row

  row svc
  svc #0
  end_row

  row brk
  brk #0
  end_row

  .global breakpoint_place
  row breakpoint
breakpoint_place:
  nop
  end_row

  .global step_over_place
  row step_over
step_over_place:
  nop
  end_row

  // x3: the watched doubleword.
  row watchpoint
  str xzr, [x3]
  end_row

  // Steps of three instructions; two of them belong to the loop.
  .global loop_step
loop_step:
  stp x19, x20, [sp, #-16]!
  mov x19, x0
  mov x11, x2
  mov x12, x5
  svc #0
1:
  nop
  subs x19, x19, #1
  b.ne 1b
  svc #0
  ldp x19, x20, [sp], #16
  ret

  // Single-step is on, and masked at EL1. There are three instructions; two of them belong to the loop.
  row silent
  nop
  end_row

  row timer
  mov x3, x18
  msr cntv_cval_el0, xzr
  mov x4, #1
  msr cntv_ctl_el0, x4
  isb
2:
  cmp x3, x18
  b.eq 2b
  end_row

  // A round trip. x1 is the value for ICC_SGI1R_EL1. The SGI is sent, and the answer awaited, with interrupts
  // masked, so that no interrupt comes between the check and the wait.
  .macro exchange
  msr S3_0_C12_C11_5, x1  // ICC_SGI1R_EL1
  isb
2:
  wfi
  mov x3, x18
  msr daifclr, #2
  isb
  msr daifset, #2
  cmp x3, x18
  b.eq 2b
  .endm

  row sgi
  msr daifset, #2
  exchange
  end_row

  // The part of the other vCPU. A vCPU that gets no SGI waits for ever.
  .global answer_for_ever
answer_for_ever:
  mov x1, x0
  msr daifset, #2
  b 2f
1:
  exchange
  b 1b

  // MARK: For a debugger

  // A loop with a place for breakpoints, `debugger_place`, and a word that each round writes.
  .global debugger_loop, debugger_place
debugger_loop:
  ldr x1, =debugger_word
  mov x0, #0
1:
  add x0, x0, #1
  str x0, [x1]
debugger_place:
  nop
  b 1b

  .ltorg

  .data
  .balign 4096
  .global debugger_word, debugger_page
debugger_page:
debugger_word:
  .quad 0
  .skip 4088
