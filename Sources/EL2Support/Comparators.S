// MRS and MSR of the comparators by number: a table of two instructions for each. The number is in x16
// and the value in x17; x15 is lost (`EL2Support.h`).

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

#define SIXTEEN(each, register) \
  each(register, 0) each(register, 1) each(register, 2) each(register, 3) \
  each(register, 4) each(register, 5) each(register, 6) each(register, 7) \
  each(register, 8) each(register, 9) each(register, 10) each(register, 11) \
  each(register, 12) each(register, 13) each(register, 14) each(register, 15)
#define READ(register, n) mrs x17, register##n##_el1; ret;
#define WRITE(register, n) msr register##n##_el1, x17; ret;

        .macro  table name
        .global \name
\name:
        adr     x15, 1f
        add     x15, x15, x16, lsl #3
        br      x15
1:
        .endm

        .section .text.comparators, "ax"

        table   el2_mrs_dbgbvr
        SIXTEEN(READ, dbgbvr)
        table   el2_msr_dbgbvr
        SIXTEEN(WRITE, dbgbvr)
        table   el2_mrs_dbgbcr
        SIXTEEN(READ, dbgbcr)
        table   el2_msr_dbgbcr
        SIXTEEN(WRITE, dbgbcr)
        table   el2_mrs_dbgwvr
        SIXTEEN(READ, dbgwvr)
        table   el2_msr_dbgwvr
        SIXTEEN(WRITE, dbgwvr)
        table   el2_mrs_dbgwcr
        SIXTEEN(READ, dbgwcr)
        table   el2_msr_dbgwcr
        SIXTEEN(WRITE, dbgwcr)

#endif
