// The shim: a program at EL2 that gives its payload the same EL1 as Stepwell in native mode. It is an arm64
// Image for QEMU's `virt` with EL2 and a GICv3 or GICv2 (virtualization=on,gic-version=3), in front of a payload
// that is an Image too: the probe, the benchmark or Debian's kernel. `Shim.build()` makes it,
// `BootImage.compose` puts the two together as it does with the hypervisor, and QEMU starts the result with
// the hypervisor's command line.
//
// EL2's controls are those of ControlRegisters.swift. HVC and SMC are answered as PSCI.swift and
// Power.swift do (calls.S). The device tree reserves the shim's memory. There is no stage 2 and no debug
// trap, and interrupts go straight to EL1. What a payload observes under Stepwell can therefore be compared
// with what it observes here.
//
// The shim runs with its MMU off. It is made for that one machine: it calls PSCI by SMC (QEMU answers in
// place of firmware), RAM begins at 1 GiB, and the PL011 is at 0x09000000.

#include "../common/image.h"
#include "shim.h"

  .section .text.header, "ax"
  .global image_start
image_start:
  // The payload's size is added when the two are put together.
  arm64_image_header start, RESERVED_SIZE
  payload_descriptor RESERVED_SIZE

  .text
// x0: the device tree.
start:
  msr daifset, #0xf
  mrs x1, CurrentEL
  cmp x1, #2 << 2
  b.ne not_at_el2
  mov x19, x0
  bl prepare_el2
  mov x0, x19
  bl reserve_shim
  mov x19, x0
  bl this_cpu
  str xzr, [x1, #CPU_POWER]
  mov x0, x19
  adr x30, image_start
  add x30, x30, #RESERVED_SIZE
  b enter_el1

// The entry of another core, from PSCI CPU_ON.
  .global secondary_start
secondary_start:
  msr daifset, #0xf
  bl prepare_el2
  bl this_cpu
  // In this order: as soon as the core is on, its CPU_OFF and another CPU_ON may follow.
  ldp x30, x0, [x1, #CPU_ENTRY]
  dmb sy
  str xzr, [x1, #CPU_POWER]
  b enter_el1

// x1 becomes the address of this core's words, x0 its index.
  .global this_cpu
this_cpu:
  mrs x0, mpidr_el1
  and x0, x0, #CPU_COUNT - 1
  adr x1, cpus
  add x1, x1, x0, lsl #CPU_SHIFT
  ret

// Sets the registers of EL1 as PSCI and the boot protocol promise and as VCPU.swift does, and enters x30 at
// EL1 with x0.
enter_el1:
  ldr x1, =0x30d00800  // SCTLR_EL1: everything off, RES1 bits set
  msr sctlr_el1, x1
  msr cpacr_el1, xzr
  msr tcr_el1, xzr
  msr ttbr0_el1, xzr
  msr ttbr1_el1, xzr
  msr vbar_el1, xzr
  msr cntkctl_el1, xzr
  msr cntv_ctl_el0, xzr
  msr cntp_ctl_el0, xzr
  msr elr_el2, x30
  mov x1, #0x3c5  // EL1h, DAIF masked
  msr spsr_el2, x1
  .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  mov x\n, xzr
  .endr
  eret

not_at_el2:
  adr x0, not_at_el2_text
  bl say_text
1:
  wfi
  b 1b
not_at_el2_text:
  .asciz "shim: not started at EL2\n"
  .balign 4
  .ltorg

// Copies the device tree at x0 into the shim's memory and adds a memory reservation for the shim. x0
// becomes the copy. (Devicetree Specification, chapter 5: all numbers are big-endian.)
reserve_shim:
  ldr w1, [x0]
  ldr w2, =0xedfe0dd0
  cmp w1, w2
  b.ne bad_tree
  ldp w2, w3, [x0, #8]  // off_dt_struct, off_dt_strings
  rev w2, w2
  rev w3, w3
  ldr w4, [x0, #16]  // off_mem_rsvmap
  rev w4, w4
  ldr w5, [x0, #32]  // size_dt_strings
  rev w5, w5
  // The blocks are in the order in which libfdt writes them, the reservations first. The reservations begin at a
  // multiple of 8 bytes and the structure at a multiple of 4, so that 16 more bytes keep both aligned.
  cmp w4, w2
  b.hs bad_tree
  cmp w2, w3
  b.hs bad_tree
  add w5, w5, w3
  add w5, w5, #3
  and w5, w5, #~3  // the size without slack
  mov w6, #TREE_SIZE - 16
  cmp w5, w6
  b.hi bad_tree

  adr x6, image_start
  add x7, x6, #TREE_OFFSET
  mov w8, #0
1:
  cmp w8, w4
  b.ne 2f
  rev x9, x6
  mov x10, #RESERVED_SIZE
  rev x10, x10
  // The copy is aligned to 8 bytes, and so is the block.
  stp x9, x10, [x7], #16
2:
  ldr w9, [x0, x8]
  str w9, [x7], #4
  add w8, w8, #4
  cmp w8, w5
  b.lo 1b

  add x6, x6, #TREE_OFFSET
  add w2, w2, #16
  add w3, w3, #16
  add w5, w5, #16
  rev w2, w2
  rev w3, w3
  rev w5, w5
  str w5, [x6, #4]  // totalsize
  stp w2, w3, [x6, #8]
  // Memory was written past the caches: stale clean lines would be read in its place.
  mrs x2, ctr_el0
  ubfx x2, x2, #16, #4  // DminLine, log2 of words
  mov x3, #4
  lsl x3, x3, x2
  mov x0, x6
3:
  dc ivac, x6
  add x6, x6, x3
  cmp x6, x7
  b.lo 3b
  dsb sy
  ret

bad_tree:
  adr x0, bad_tree_text
  bl say_text
  b power_off
bad_tree_text:
  .asciz "shim: the device tree is not what QEMU makes\n"
  .balign 4
  .ltorg

  .data
  .balign 64
  .global cpus
cpus:
  .rept CPU_COUNT
  .quad 1, 0, 0, 0  // off
  .endr
