// Code whose addresses the debug topics know. Each is a function of nothing or of an address in x0.

#include "layout.h"

  .macro function name
  .global \name
  .balign 16
\name:
  .endm

  .text

// The instruction at event_code + 4 is what breakpoints are set on.
function event_code
  nop
  nop
  ret

function event_code_el0
  nop
  nop
  svc #EL0_RETURN

function event_brk
  brk #0x123
  ret

function event_brk_el0
  brk #0x456
  svc #EL0_RETURN

function event_udf_el0
  .inst 0x00000000  // UDF #0
  svc #EL0_RETURN

// The handler makes the step machine active at this BRK. What follows is stepped.
function event_steps
  brk #STEPS_BEGIN
  nop
  mrs x1, daif
  msr spsel, #1
  adr x2, event_word
  ldr x3, [x2]
  add x3, x3, #1
  str x3, [x2]
  svc #7
  ldxr x4, [x2]
  clrex
  cbz xzr, 1f
  nop
1:
  brk #8
  nop
  .inst 0x00000000  // UDF #0
  mrs x1, mdscr_el1
  msr daifset, #8
  nop
  msr daifclr, #8
  nop
  brk #STEPS_END
  ret

function event_steps_el0
  nop
  adr x2, event_word
  ldr x3, [x2]
  add x3, x3, #1
  str x3, [x2]
  svc #7
  mrs x1, nzcv
  brk #8
  nop
  b 1f
  nop
1:
  .inst 0x00000000  // UDF #0
  nop
  svc #EL0_RETURN

function event_few_steps
  brk #STEPS_BEGIN
  nop
  svc #7
  mrs x1, daif
  brk #8
  mrs x1, mdscr_el1
  nop
  brk #STEPS_END
  ret

// To where nothing is mapped, from where a handler returns to the address in x30.
function event_branch_el0
  adr x30, 1f
  mov x0, #6 << 30
  br x0
1:
  nop
  svc #EL0_RETURN

// Accesses of x0.
function load_byte
  ldrb w1, [x0]
  ret
function store_byte
  strb wzr, [x0]
  ret
function load_half
  ldrh w1, [x0]
  ret
function store_half
  strh wzr, [x0]
  ret
function load_word
  ldr w1, [x0]
  ret
function store_word
  str wzr, [x0]
  ret
function load_doubleword
  ldr x1, [x0]
  ret
function store_doubleword
  str xzr, [x0]
  ret
function load_pair
  ldp x1, x2, [x0]
  ret
function store_pair
  stp xzr, xzr, [x0]
  ret
function load_acquire
  ldar x1, [x0]
  ret
function store_release
  stlr xzr, [x0]
  ret
function exclusive
1:
  ldxr x1, [x0]
  stxr w2, x1, [x0]
  cbnz w2, 1b
  ret

function store_byte_el0
  adr x0, event_word
  strb wzr, [x0]
  svc #EL0_RETURN

// Accesses as EL0 (LDTR, STTR), with writeback, in pieces, of SIMD registers and of whole cache lines.
function load_unprivileged
  ldtr x1, [x0]
  ret
function store_unprivileged
  sttr xzr, [x0]
  ret
function load_writeback
  mov x1, x0
  ldr x2, [x1], #8
  ret
function store_writeback
  add x1, x0, #32
  str xzr, [x1, #-32]!
  ret
function load_pair_words
  ldpsw x1, x2, [x0]
  ret
function store_pair_writeback
  sub x1, x0, #16
  stp xzr, xzr, [x1, #16]!
  ret
function load_pair_acquire
  ldaxp x1, x2, [x0]
  clrex
  ret
function load_register_offset
  mov x1, #-16
  sub x2, x0, x1
  ldr x1, [x2, x1]
  ret
  .arch_extension simd
function load_quad
  ldr q0, [x0]
  ret
function store_quad
  str q0, [x0]
  ret
function store_pair_quad
  stp q0, q1, [x0]
  ret
function load_structure
  ld2 {v0.16b, v1.16b}, [x0]
  ret
function store_lane
  st1 {v0.s}[1], [x0]
  ret
  .arch_extension nosimd
function zero_block
  dc zva, x0
  ret
function clean_line
  dc cvac, x0
  dc civac, x0
  ret
function prefetch
  prfm pldl1keep, [x0]
  prfm pstl1keep, [x0]
  ret

  .data
  .balign 64
  .global event_word
event_word:
  .skip 256
