// A boot loader with a spin table, for tests: it stands in for the stub of a board without PSCI. It has QEMU start the
// other CPUs, which wait at EL2 until the one word that they share is their first instruction, and goes on in an
// image that lies elsewhere, with a device tree of the test's own.

#include "../common/image.h"

  .equ NEXT_IMAGE, 0x42000000
  .equ TREE, 0x47e00000
  .equ CPUS, 4

  .section .text.header, "ax"
  .global image_start
image_start:
  arm64_image_header start, 0x2000

start:
  msr daifset, #0xf
  mov x20, #1
1:
  mov x0, #0x0003
  movk x0, #0xc400, lsl #16  // CPU_ON
  mov x1, x20
  adr x2, pen
  mov x3, #0
  smc #0
  add x20, x20, #1
  cmp x20, #CPUS
  b.lo 1b
  mov x0, #TREE
  mov x1, xzr
  mov x2, xzr
  mov x3, xzr
  mov x16, #NEXT_IMAGE
  br x16

pen:
  adr x1, word
1:
  wfe
  ldr x16, [x1]
  cbz x16, 1b
  mov x0, xzr
  mov x1, xzr
  mov x2, xzr
  mov x3, xzr
  br x16

// cpu-release-addr: image_start + 0x1000.
  .org 0x1000
word:
  .quad 0
