// From the boot protocol into C, for programs at EL1 that run where they are linked (linked.ld). The
// program has, besides its C:
//
//   layout.h                              CPU_COUNT and STACK_SHIFT
//   prepare_cpu                           sets up the vCPU whose index is in x0, with its stack in place
//   void guest_main(const uint8_t *tree)  on the vCPU that boots
//   void secondary_main(uint64_t index)   on a vCPU that CPU_ON starts at `secondary_entry`

#include "image.h"
#include "layout.h"

  .section .text.header, "ax"
  .global image_header
image_header:
  arm64_image_header start, image_size

// x0: the device tree. Moves the image to its place if the loader has put it elsewhere.
start:
  msr daifset, #0xf
  adr x1, image_header
  ldr x2, =image_start
  ldr x3, =image_end
  cmp x1, x2
  b.eq 2f
1:
  ldp x4, x5, [x1], #16
  stp x4, x5, [x2], #16
  cmp x2, x3
  b.lo 1b
  dsb sy
  ic iallu
  dsb sy
  isb
2:
  ldr x1, =3f
  br x1
3:
  ldr x1, =bss_start
  ldr x2, =bss_end
4:
  stp xzr, xzr, [x1], #16
  cmp x1, x2
  b.lo 4b
  mov x19, x0
  mov x0, #0
  bl take_stack
  bl prepare_cpu
  mov x0, x19
  b guest_main

// PSCI CPU_ON: x0 is the context, which the caller makes the vCPU's index.
  .global secondary_entry
secondary_entry:
  msr daifset, #0xf
  mov x19, x0
  bl take_stack
  bl prepare_cpu
  mov x0, x19
  b secondary_main

// x0: the vCPU's index, which stays there. Changes x1 and x2.
take_stack:
  ldr x1, =stacks
  add x2, x0, #1
  add x1, x1, x2, lsl #STACK_SHIFT
  mov sp, x1
  ret

  .ltorg

  .bss
  .balign 16
stacks:
  .skip CPU_COUNT << STACK_SHIFT
