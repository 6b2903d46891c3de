// The set-up of a vCPU, and the handlers of the exceptions that are measured.

  .text
// x0: the vCPU's index. x18, which the compiler does not use, counts the exceptions that the vCPU takes.
  .global prepare_cpu
prepare_cpu:
  ldr x1, =vectors_unexpected
  msr vbar_el1, x1
  mov x18, #0
  isb
  ret

// MARK: Handlers
//
// Each handler is all that its vector does: what an operating system would do besides is not measured. A
// handler may change x9 to x15, and counts in x18.

// A table of vectors that expects synchronous exceptions and interrupts from EL1, and no others.
// `sync` and `interrupt` are the handlers: macros of at most 32 instructions.
  .macro table name, sync, interrupt
  .balign 2048
  .global \name
\name:
  .rept 4
  .balign 128
  b report_unexpected
  .endr
  .balign 128
  \sync
  .balign 128
  \interrupt
  .rept 10
  .balign 128
  b report_unexpected
  .endr
  .endm

  .macro unexpected
  b report_unexpected
  .endm

  .macro return_at_once
  add x18, x18, #1
  eret
  .endm

// Skips the instruction.
  .macro skip
  mrs x9, elr_el1
  add x9, x9, #4
  msr elr_el1, x9
  add x18, x18, #1
  eret
  .endm

// A breakpoint is disabled, its instruction stepped, and the breakpoint enabled again: x11 is its
// DBGBCR0_EL1, x12 MDSCR_EL1 without SS.
  .macro step_over
  mrs x9, esr_el1
  lsr x9, x9, #26
  cmp x9, #0x31  // Breakpoint, from the same exception level
  b.ne 1f
  msr dbgbcr0_el1, xzr
  orr x9, x12, #1  // SS
  msr mdscr_el1, x9
  mrs x9, spsr_el1
  orr x9, x9, #1 << 21  // SS
  msr spsr_el1, x9
  add x18, x18, #1
  eret
1:
  msr mdscr_el1, x12
  msr dbgbcr0_el1, x11
  add x18, x18, #1
  eret
  .endm

// Steps go on until an SVC: x12 is MDSCR_EL1 without SS. The SVC that begins them is not stepped.
  .macro step
  mrs x9, esr_el1
  lsr x9, x9, #26
  cmp x9, #0x33  // Software Step, from the same exception level
  b.ne 1f
  mrs x9, spsr_el1
  orr x9, x9, #1 << 21  // SS
  msr spsr_el1, x9
  add x18, x18, #1
  eret
1:
  mrs x9, mdscr_el1
  eor x9, x9, #1  // SS
  msr mdscr_el1, x9
  and x9, x9, #1
  mrs x10, spsr_el1
  bfi x10, x9, #21, #1
  msr spsr_el1, x10
  eret
  .endm

  .macro timer_interrupt
  mrs x9, S3_0_C12_C12_0  // ICC_IAR1_EL1
  msr cntv_ctl_el0, xzr
  isb
  msr S3_0_C12_C12_1, x9  // ICC_EOIR1_EL1
  add x18, x18, #1
  eret
  .endm

  .macro software_interrupt
  mrs x9, S3_0_C12_C12_0  // ICC_IAR1_EL1
  msr S3_0_C12_C12_1, x9  // ICC_EOIR1_EL1
  add x18, x18, #1
  eret
  .endm

  .text
  table vectors_unexpected, unexpected, unexpected
  table vectors_return, return_at_once, unexpected
  table vectors_skip, skip, unexpected
  table vectors_step_over, step_over, unexpected
  table vectors_step, step, unexpected
  table vectors_timer, unexpected, timer_interrupt
  table vectors_sgi, unexpected, software_interrupt

report_unexpected:
  mrs x0, esr_el1
  mrs x1, elr_el1
  mrs x2, far_el1
  b unexpected_exception

  .ltorg
