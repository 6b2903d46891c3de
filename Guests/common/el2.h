// EL2's system registers by their encodings, which an assembler need not know by name, and macros for
// programs at EL2.
#pragma once

#define HCRX_EL2 s3_4_c1_c2_2
#define ZCR_EL2 s3_4_c1_c2_0
#define SMCR_EL2 s3_4_c1_c2_6
#define HFGRTR_EL2 s3_4_c1_c1_4
#define HFGWTR_EL2 s3_4_c1_c1_5
#define HFGITR_EL2 s3_4_c1_c1_6
#define HDFGRTR_EL2 s3_4_c3_c1_4
#define HDFGWTR_EL2 s3_4_c3_c1_5
#define HAFGRTR_EL2 s3_4_c3_c1_6
#define HFGRTR2_EL2 s3_4_c3_c1_2
#define HFGWTR2_EL2 s3_4_c3_c1_3
#define HFGITR2_EL2 s3_4_c3_c1_7
#define HDFGRTR2_EL2 s3_4_c3_c1_0
#define HDFGWTR2_EL2 s3_4_c3_c1_1
#define CNTHV_CTL_EL2 s3_4_c14_c3_1
#define CNTHV_CVAL_EL2 s3_4_c14_c3_2
#define ICC_SRE_EL2 s3_4_c12_c9_5
#define ICH_HCR_EL2 s3_4_c12_c11_0
#define ICH_VMCR_EL2 s3_4_c12_c11_7
#define ICH_LR0_EL2 s3_4_c12_c12_0
#define ICH_AP1R0_EL2 s3_4_c12_c9_0

#define ID_AA64SMFR0_EL1 s3_0_c0_c4_5
#define ID_AA64ISAR2_EL1 s3_0_c0_c6_2
#define ID_AA64MMFR3_EL1 s3_0_c0_c7_3

// Goes to \label if the field of an identification register that begins at \bit is below \least.
// Changes x3.
  .macro unless id, bit, least, label
  mrs x3, \id
  ubfx x3, x3, #\bit, #4
  cmp x3, #\least
  b.lo \label
  .endm

// Writes a constant to a system register. x1 has the constant afterwards.
  .macro write register, value
  ldr x1, =\value
  msr \register, x1
  .endm
