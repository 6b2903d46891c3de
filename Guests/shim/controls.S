// The control registers of EL2 on one core, as ControlRegisters.swift composes them for native mode. That file has
// the reason for each bit. One thing differs here: HCR_EL2.VM, IMO and FMO are 0.

#include "../common/el2.h"
#include "shim.h"

// x0 |= \bits or x0 &= ~\bits if a field is \least or more.
  .macro set_if id, bit, least, bits
  unless \id, \bit, \least, .Lno\@
  orr x0, x0, #\bits
.Lno\@:
  .endm
  .macro clear_if id, bit, least, bits
  unless \id, \bit, \least, .Lno\@
  and x0, x0, #~(\bits)
.Lno\@:
  .endm

  .text
// Changes x0 to x4, and sets up the stack.
  .global prepare_el2
prepare_el2:
  mov x4, x30
  bl this_cpu
  adr x1, stacks
  add x0, x0, #1
  add x1, x1, x0, lsl #STACK_SHIFT
  mov sp, x1
  adr x0, vectors
  msr vbar_el2, x0

  // HCR_EL2: SWIO, TSC, RW; API and APK, FIEN, EnSCXT, ATA if the CPU has the features.
  ldr x0, =1 << 1 | 1 << 19 | 1 << 31
  set_if id_aa64isar1_el1, 4, 1, 3 << 40
  set_if id_aa64isar1_el1, 8, 1, 3 << 40
  set_if ID_AA64ISAR2_EL1, 12, 1, 3 << 40
  set_if id_aa64pfr0_el1, 28, 2, 1 << 47
  unless id_aa64pfr0_el1, 28, 1, 10f
  set_if id_aa64pfr1_el1, 12, 1, 1 << 47
10:
  set_if id_aa64pfr0_el1, 56, 2, 1 << 53
  unless id_aa64pfr0_el1, 56, 1, 1f
  set_if id_aa64pfr1_el1, 32, 2, 1 << 53
1:
  set_if id_aa64pfr1_el1, 8, 2, 1 << 56
  msr hcr_el2, x0

  ldr x0, =0x33ff  // CPTR_EL2: TZ and TSM off if the CPU has SVE and SME
  clear_if id_aa64pfr0_el1, 32, 1, 1 << 8
  clear_if id_aa64pfr1_el1, 24, 1, 1 << 12
  msr cptr_el2, x0
  msr hstr_el2, xzr
  isb

  // MDCR_EL2: HPMN, E2PB, HPMD, HCCD, E2TB, MTPME; no debug traps.
  mov x0, xzr
  mrs x1, id_aa64dfr0_el1
  ubfx x2, x1, #8, #4  // PMUVer; 0xf is no PMUv3
  cbz x2, 2f
  cmp x2, #0xf
  b.eq 2f
  mrs x0, pmcr_el0
  ubfx x0, x0, #11, #5
  cmp x2, #4
  b.lo 2f
  orr x0, x0, #1 << 17
  cmp x2, #6
  b.lo 2f
  orr x0, x0, #1 << 23
2:
  set_if id_aa64dfr0_el1, 32, 1, 3 << 12
  set_if id_aa64dfr0_el1, 44, 1, 3 << 24
  ubfx x2, x1, #48, #4
  cmp x2, #1
  b.ne 3f
  mrs x3, id_aa64pfr0_el1
  tst x3, #0xf << 12  // with EL3 the field belongs to that level
  b.ne 3f
  orr x0, x0, #1 << 28
3:
  msr mdcr_el2, x0

  unless id_aa64pfr0_el1, 32, 1, 4f
  write ZCR_EL2, 0x1ff
4:
  unless id_aa64pfr1_el1, 24, 1, 5f
  ldr x0, =0x1ff
  set_if id_aa64pfr1_el1, 24, 2, 1 << 30
  mrs x3, ID_AA64SMFR0_EL1
  tbz x3, #63, 6f
  orr x0, x0, #1 << 31
6:
  msr SMCR_EL2, x0
5:
  unless id_aa64mmfr1_el1, 40, 1, 7f
  mov x0, xzr
  set_if id_aa64isar1_el1, 60, 3, 1 << 0
  set_if id_aa64isar1_el1, 60, 1, 1 << 1
  set_if id_aa64isar1_el1, 60, 2, 1 << 2
  set_if ID_AA64ISAR2_EL1, 16, 1, 1 << 11
  set_if ID_AA64MMFR3_EL1, 0, 1, 1 << 14
  set_if ID_AA64MMFR3_EL1, 4, 1, 1 << 15
  set_if id_aa64pfr1_el1, 44, 1, 1 << 22
  msr HCRX_EL2, x0
7:
  unless id_aa64mmfr0_el1, 56, 1, 8f
  write HFGRTR_EL2, 1 << 50 | 0xfff << 52
  msr HFGWTR_EL2, x1
  write HFGITR_EL2, 0x1f << 55
  write HDFGRTR_EL2, 0xf << 59
  write HDFGWTR_EL2, 0x7 << 60
  unless id_aa64pfr0_el1, 44, 1, 9f
  msr HAFGRTR_EL2, xzr
9:
  unless id_aa64mmfr0_el1, 56, 2, 8f
  write HFGRTR2_EL2, 0x7fff
  write HFGWTR2_EL2, 0x7ffd
  write HFGITR2_EL2, 0b10
  write HDFGRTR2_EL2, 0x1dfffff
  write HDFGWTR2_EL2, 0x1f9ffbf
8:
  mrs x0, midr_el1
  msr vpidr_el2, x0
  mrs x0, mpidr_el1
  msr vmpidr_el2, x0
  mov x0, #3
  msr cnthctl_el2, x0
  msr cnthp_ctl_el2, xzr
  msr cntvoff_el2, xzr
  msr vttbr_el2, xzr

  // EL1 has the interrupt controller: nothing virtual, and the system registers of a GICv3. A GICv2 is in memory.
  unless id_aa64pfr0_el1, 24, 1, 11f
  mov x0, #0xf
  msr ICC_SRE_EL2, x0
  isb
  msr ICH_HCR_EL2, xzr
  isb
11:
  tlbi alle1
  dsb sy
  isb
  ret x4
  .ltorg

  .data
  .balign 16
stacks:
  .skip CPU_COUNT << STACK_SHIFT
