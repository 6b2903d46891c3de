// A program that uses EL2 before Stepwell. It is an arm64 Image for QEMU's `virt` with EL2, in front of an image
// of Stepwell: `BootImage.compose` puts the two together. It leaves the registers of EL2 as a kernel at EL2
// leaves them for the kernel that it starts by kexec, or worse, and enters the image behind it as the boot
// protocol says: MMU off, interrupts masked, the device tree in x0. Stepwell must put everything else right.

#define RESERVED_SIZE 0x200000

#include "../common/el2.h"
#include "../common/image.h"

  .section .text.header, "ax"
  .global image_start
image_start:
  // The size of the image behind this one is added when the two are put together.
  arm64_image_header start, RESERVED_SIZE
  payload_descriptor RESERVED_SIZE

  .text
start:
  msr daifset, #0xf
  // Controls of the guest, each with traps that the guest would meet.
  write mdcr_el2, 0x3fe0
  write hstr_el2, 0xffff
  write vttbr_el2, 0x00ff0000deadb000
  write vtcr_el2, 0x80000000
  write vmpidr_el2, 0x80000077
  write vpidr_el2, 0x12345678
  write cntvoff_el2, 0x123456789a
  write tpidr_el2, 0xdeadbeef0
  write vbar_el2, 0xdeadb000
  write ttbr0_el2, 0xdeadb000
  write tcr_el2, 0xffffffff
  write mair_el2, 0xdeadbeef
  write actlr_el2, 0
  write sp_el0, 0xdeadbeef7
  msr cnthp_cval_el2, xzr
  mov x1, #1
  msr cnthp_ctl_el2, x1
  unless id_aa64mmfr1_el1, 40, 1, 1f
  write HCRX_EL2, 0x3f  // among others EnAS0 and FnXS
1:
  unless id_aa64mmfr0_el1, 56, 1, 1f
  write HFGRTR_EL2, 0x3fffffffffff
  write HFGITR_EL2, 0x3fffffffffff
  write HDFGRTR_EL2, 0x3fffffff
1:
  // A virtual interrupt that was left behind: SGI 5, pending, in group 1, with the highest priority.
  write ICC_SRE_EL2, 0xf
  isb
  write ICH_VMCR_EL2, 0xff0003ff
  write ICH_LR0_EL2, 0x5000000000000005
  write ICH_AP1R0_EL2, 1
  write ICH_HCR_EL2, 0x7c07  // enabled, all of EL1's accesses trapped

  // HCR_EL2 as kexec leaves it: E2H, TGE, RW if the CPU has FEAT_VHE. With E2H names mean other registers and
  // layouts.
  unless id_aa64mmfr1_el1, 8, 1, 2f
  msr CNTHV_CVAL_EL2, xzr
  mov x1, #1
  msr CNTHV_CTL_EL2, x1
  write hcr_el2, 0x488000000
  isb
  write cptr_el2, 0x300000
  write cnthctl_el2, 0xcc6
  b 3f
2:
  // Without FEAT_VHE: every trap.
  write hcr_el2, 0x07fff0b8
  isb
  write cptr_el2, 0xc01037ff
  msr cnthctl_el2, xzr
3:
  isb
  adr x4, image_start
  add x4, x4, #RESERVED_SIZE
  // SCTLR_EL2: MMU and caches off, data big-endian, alignment checked, IESB, and all bits clear that were once
  // RES1. No literal can be read from here on.
  mov x1, #0x0a
  movk x1, #0x0220, lsl #16
  msr sctlr_el2, x1
  isb
  .irp n, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  movn x\n, #\n
  .endr
  msr spsel, #0
  br x4
  .ltorg
