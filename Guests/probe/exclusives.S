// Load- and store-exclusives of every form, in loops as programs write them.

#include "layout.h"

// x0: the words, 16 bytes for each form; x6: counts the rounds of all loops; x7: statuses.

// An increment by 1. `place` names the instruction between load and store, and `after` the end.
  .macro increment load, store, w
1:
  add x6, x6, #1
  \load \w\()2, [x0]
2:
  add \w\()3, \w\()2, #1
3:
  \store w5, \w\()3, [x0]
  cbnz w5, 1b
4:
  nop
  add x0, x0, #16
  .pushsection .rodata
  .quad 2b, 3b, 4b
  .popsection
  .endm

// And of a pair, by 1 and by 2.
  .macro increment_pair load, store, w
1:
  add x6, x6, #1
  \load \w\()2, \w\()3, [x0]
2:
  add \w\()2, \w\()2, #1
  add \w\()3, \w\()3, #2
3:
  \store w5, \w\()2, \w\()3, [x0]
  cbnz w5, 1b
4:
  nop
  add x0, x0, #16
  .pushsection .rodata
  .quad 2b, 3b, 4b
  .popsection
  .endm

  .macro note register
  str \register, [x7], #8
  .endm

// Of each loop: between load and store, the store, behind the loop.
  .section .rodata
  .balign 8
  .global exclusive_places
exclusive_places:

  .text
// uint64_t exclusive_code(uint64_t *words, uint64_t *statuses): how many rounds the loops made.
  .global exclusive_code, exclusive_begin, exclusive_end
exclusive_code:
  mov x7, x1
  mov x6, #0
  mov x9, sp
exclusive_begin:
  increment ldxrb, stxrb, w
  increment ldxrh, stxrh, w
  increment ldxr, stxr, w
  increment ldxr, stxr, x
  increment ldaxrb, stlxrb, w
  increment ldaxrh, stlxrh, w
  increment ldaxr, stlxr, w
  increment ldaxr, stlxr, x
  increment_pair ldxp, stxp, w
  increment_pair ldxp, stxp, x
  increment_pair ldaxp, stlxp, w
  increment_pair ldaxp, stlxp, x
  // The stack pointer as the base.
  mov sp, x0
1:
  ldxr x2, [sp]
  add x2, x2, #5
  stxr w5, x2, [sp]
  cbnz w5, 1b
  mov sp, x9
  add x0, x0, #16
  // The load's register is the base's.
  mov x2, x0
1:
  mov x3, x2
  ldxr x3, [x3]
  add x3, x3, #6
  stxr w5, x3, [x2]
  cbnz w5, 1b
  add x0, x0, #16
  // A store of a pair, as compilers write it.
  mov x2, #77
1:
  ldxp xzr, x3, [x0]
  stxp w5, x2, x2, [x0]
  cbnz w5, 1b
  add x0, x0, #16
  // Those that have to fail: after CLREX, without a load, a second time.
  ldxr x2, [x0]
  clrex
  stxr w5, x2, [x0]
  note x5
  stxr w5, x2, [x0]
  note x5
  ldxr x2, [x0]
  mov x3, #78
  stxr w5, x3, [x0]
  note x5
  stxr w5, x2, [x0]
  note x5
exclusive_end:
  nop
  mov x0, x6
  ret

// uint64_t exclusive_store(uint64_t *word, uint64_t value): the status, of one attempt.
  .global exclusive_store, exclusive_store_end
exclusive_store:
  ldxr x2, [x0]
  mov x3, x0
  mov x0, #9
  stxr w0, x1, [x3]
exclusive_store_end:
  nop
  ret

// void exclusive_add(uint64_t *word, uint64_t count): adds 1 so many times.
  .global exclusive_add
exclusive_add:
  ldxr x2, [x0]
  add x2, x2, #1
  stxr w3, x2, [x0]
  cbnz w3, exclusive_add
  subs x1, x1, #1
  b.ne exclusive_add
  ret

// The same under another name, by which a debugger recognises one processor.
  .global exclusive_add_own
exclusive_add_own:
  b exclusive_add
