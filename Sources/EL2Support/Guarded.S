// Accesses that may fault. The vectors know them by their addresses: an exception of EL2's own between
// `guarded_start` and `guarded_end` is taken to `guarded_failed`, and every other is the end of EL2.
//
// The vectors need two registers before they know which it is, and take TPIDR_EL0 and TPIDR_EL1, which are the
// guest's. So x2 and x3 hold these here, x4 and x5 ELR_EL2 and SPSR_EL2, which may be the guest's as well.

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

        .section .text.guarded, "ax"

        // x0: the address. x6: what is read or written.
        .macro  guard instruction
        mrs     x2, tpidr_el0
        mrs     x3, tpidr_el1
        mrs     x4, elr_el2
        mrs     x5, spsr_el2
        // An SError that the access brings about is taken here or, with HCR_EL2.AMO = 0, by the guest.
        msr     daifclr, #4
        isb
        \instruction
        dsb     sy
        isb
        msr     daifset, #4
        mov     x0, #0
        mov     x1, x6
        ret
        .endm

        .macro  guarded name, load, store, width
        .global el2_guarded_read\name
el2_guarded_read\name:
        guard   "\load \width\()6, [x0]"
        .global el2_guarded_write\name
el2_guarded_write\name:
        mov     x6, x1
        guard   "\store \width\()6, [x0]"
        .endm

        .global guarded_start
guarded_start:
        guarded 8, ldrb, strb, w
        guarded 16, ldrh, strh, w
        guarded 32, ldr, str, w
        guarded 64, ldr, str, x
        .global guarded_end
guarded_end:

        // Here the vectors return to, with TPIDR_EL0 and TPIDR_EL1 as they were.
        .global guarded_failed
guarded_failed:
        msr     daifset, #4
        msr     elr_el2, x4
        msr     spsr_el2, x5
        mov     x0, #1
        mov     x1, #0
        ret

#endif
