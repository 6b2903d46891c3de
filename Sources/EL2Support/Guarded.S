// What may fault. The vectors know these instructions by their addresses: an exception of EL2's own between
// `guarded_start` and `guarded_end` is taken to `guarded_failed`, and every other is the end of EL2.
//
// The vectors need two registers before they know which it is, and take TPIDR_EL0 and TPIDR_EL1, which are the
// guest's. So x2 and x3 hold these here, x4 and x5 ELR_EL2 and SPSR_EL2, which may be the guest's as well.

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

        .section .text.guarded, "ax"

        // From here on the function may fault, and must not use x2 to x5.
        .macro  begin name
        .global el2_guarded_\name
el2_guarded_\name:
        .endm

        .macro  guard
        mrs     x2, tpidr_el0
        mrs     x3, tpidr_el1
        mrs     x4, elr_el2
        mrs     x5, spsr_el2
        .endm

        // x6: the value.
        .macro  succeed
        mov     x0, #0
        mov     x1, x6
        ret
        .endm

        // A device's register. x0: its address. x6: what is read or written.
        .macro  access instruction
        guard
        // An SError that the access brings about is taken here or, with HCR_EL2.AMO = 0, by the guest.
        msr     daifclr, #4
        isb
        \instruction
        dsb     sy
        isb
        msr     daifset, #4
        succeed
        .endm

        .macro  registers bits, load, store, width
        begin   read\bits
        access  "\load \width\()6, [x0]"
        begin   write\bits
        mov     x6, x1
        access  "\store \width\()6, [x0]"
        .endm

        // LDAXR and STLXR are what every processor has, FEAT_LSE or not. The loop ends: nothing but another observer's
        // store, which is progress, makes STLXR fail again and again (Arm ARM B2.12.5), and EL2 runs it with interrupts
        // masked.
        .macro  memory bits, load, store, suffix, width
        begin   load\bits
        guard
        \load   \width\()6, [x0]
        succeed
        begin   store\bits
        guard
        \store  \width\()1, [x0]
        succeed
        begin   compare_exchange\bits
        mov     x7, x2
        guard
1:      ldaxr\suffix \width\()8, [x0]
        mov     x6, #0
        cmp     x8, x1
        b.ne    2f
        stlxr\suffix w9, \width\()7, [x0]
        cbnz    w9, 1b
        mov     x6, #1
2:      clrex
        succeed
        .endm

        .macro  translation operation
        begin   translate_\operation
        guard
        at      \operation, x0
        isb
        mrs     x6, par_el1
        succeed
        .endm

        .global guarded_start
guarded_start:
        registers 8, ldrb, strb, w
        registers 16, ldrh, strh, w
        registers 32, ldr, str, w
        registers 64, ldr, str, x

        memory  8, ldrb, strb, b, w
        memory  16, ldrh, strh, h, w
        memory  32, ldr, str, , w
        memory  64, ldr, str, , x

        // LDAXP is atomic only together with the STLXP that succeeds. A value that differs may be torn: the guest's
        // store then fails although it need not have, which it may.
        begin   compare_exchange128
        mov     x9, x2
        mov     x10, x3
        mov     x11, x4
        guard
1:      ldaxp   x12, x13, [x0]
        mov     x6, #0
        cmp     x12, x1
        ccmp    x13, x9, #0, eq
        b.ne    2f
        stlxp   w14, x10, x11, [x0]
        cbnz    w14, 1b
        mov     x6, #1
2:      clrex
        succeed

        begin   copy
        mov     x6, x2
        guard
        subs    x6, x6, #16
        b.lo    2f
1:      ldp     x7, x8, [x1], #16
        subs    x6, x6, #16
        stp     x7, x8, [x0], #16
        b.hs    1b
2:      adds    x6, x6, #16
        b.eq    4f
3:      ldrb    w7, [x1], #1
        subs    x6, x6, #1
        strb    w7, [x0], #1
        b.ne    3b
4:      succeed

        // An A64 instruction, translated and read in one. x0: its virtual address; x1, x2: where a region of RAM
        // begins, and its size.
        begin   fetch
        mov     x7, x2
        guard
        at      s1e1r, x0
        isb
        mrs     x6, par_el1
        tbnz    x6, #0, 1f
        ubfx    x6, x6, #12, #40
        bfi     x0, x6, #12, #52
        sub     x6, x0, x1
        cmp     x6, x7
        b.hs    1f
        ldr     w6, [x0]
        succeed
1:      mov     x0, #1
        ret

        translation s1e1r
        translation s1e1w
        translation s1e0r
        translation s1e0w
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
