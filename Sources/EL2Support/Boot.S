// The arm64 Image header, and the way from firmware to Swift for the boot core and for the others.
//
// The program is linked position-independent at address 0 and applies its own relative relocations, twice:
// where it was loaded, from where it finds a place of its own, and at that place. In a composed image it lies
// behind the guest kernel, whose first page is replaced by a copy of the program's first page, and is put
// back before the kernel is entered (`BootImage.swift`). Until the MMU is on, memory is Device memory to this core: every access must
// be aligned and exclusives do not work.

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

#include "Layout.h"

        .section .head, "ax"
        .global __image_head
__image_head:
        // Documentation/arm64/booting.rst of Linux defines these 64 bytes.
        b       boot
        .long   0
        // `stepwell image` writes the guest kernel's own over these, and image_size for both.
        .quad   0                       // text_offset
        .quad   __first_stage_size      // image_size
        .quad   0xa                     // little-endian, 4 KiB pages, anywhere in memory
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .long   0

        // The payload descriptor, which `stepwell image` fills in (Payload.swift).
        .global __payload_descriptor
__payload_descriptor:
        .ascii  "STEPWELL"
        .quad   __first_stage_size      // bytes of memory that the program needs where it was loaded
        .quad   0                       // payload size
        // Flags. Bit 0: hold the guest before its first instruction. Bit 1: the program goes behind the
        // payload. Bit 2: the payload has a place of its own.
        .quad   2
        .quad   0                       // bytes from the beginning of the image to the program
        // The first page of a composed image branches here, in that page. `stepwell image` writes the same
        // number of bytes into the two moves: a load would depend on the byte order that SCTLR_EL2 was left
        // with.
        adr     x16, __image_head
        movz    x17, #0
        movk    x17, #0, lsl #16
        add     x16, x16, x17
        br      x16
        .long   0
        // With bit 2: the payload's place, its first instruction, and the bytes of memory that it takes.
        .quad   0, 0, 0

        .section .text.boot, "ax"
boot:
        msr     daifset, #15
        msr     spsel, #1
        mov     x19, x0                 // device tree
        mrs     x1, CurrentEL
        cmp     x1, #2 << 2
        b.ne    1f                      // stepwell_boot refuses it
        bl      take_control
1:

        adrp    x1, __first_stage_end
        add     x1, x1, :lo12:__first_stage_end
        adrp    x20, __statics_end
        add     x20, x20, :lo12:__statics_end
        bl      prepare_program
        adrp    x0, __first_stage_end
        add     x0, x0, :lo12:__first_stage_end
        mov     sp, x0
        mov     x29, xzr
        mov     x0, x19
        bl      stepwell_place
        b       halt

// void el2_move(destination, device tree, end of EL2's memory): copies the program to `destination`, a
// multiple of 4 KiB, and goes on there, with the stack at its top. Nothing of what it has in its
// variables goes with it. What is at the destination is nobody's.
        .global el2_move
el2_move:
        mov     x22, x0
        mov     x19, x1
        mov     x21, x2
        adrp    x20, __image_head
        add     x20, x20, :lo12:__image_head
        adrp    x23, __bss_start
        add     x23, x23, :lo12:__bss_start

        // As of .bss below: no line of whoever used the memory before may be written back over the copy.
        sub     x1, x23, x20
        add     x1, x1, x22
        bl      invalidate_range
        mov     x0, x20
        mov     x1, x22
1:      ldp     x2, x3, [x0], #16
        stp     x2, x3, [x1], #16
        cmp     x0, x23
        b.lo    1b

        // What was written is in memory, past the caches, and nothing that was fetched from there is left.
        dsb     sy
        ic      iallu
        dsb     sy
        isb
        adr     x0, moved
        sub     x0, x0, x20
        add     x0, x0, x22
        br      x0

// At its own place: x19 is the device tree, x20 where the image was loaded, x21 where EL2's memory ends.
moved:
        adrp    x1, el2_vectors
        add     x1, x1, :lo12:el2_vectors
        msr     vbar_el2, x1
        isb
        mov     x22, x20
        mov     x1, x21
        adrp    x20, __zeroed_end
        add     x20, x20, :lo12:__zeroed_end
        bl      prepare_program
        adrp    x0, __boot_stack_top
        add     x0, x0, :lo12:__boot_stack_top
        mov     sp, x0
        mov     x29, xzr
        mov     x0, x19
        mov     x1, x22
        mov     x2, x21
        bl      stepwell_boot
        b       halt

// Makes the program ready to run where it lies: zeroes from __bss_start to x20, and applies the
// relocations. x1 is the end of the memory that is used with the caches off.
prepare_program:
        mov     x24, x30
        // Lines over .bss may be left in the cache by whatever ran before, and could be evicted over
        // what is written below with the cache off. The loader cleaned only the file's part.
        adrp    x0, __bss_start
        add     x0, x0, :lo12:__bss_start
        bl      invalidate_range

        adrp    x0, __bss_start
        add     x0, x0, :lo12:__bss_start
1:      stp     xzr, xzr, [x0], #16
        cmp     x0, x20
        b.lo    1b

        mov     x30, x24
        b       relocate

// Puts what governs EL2 itself into a known state: who was here before, firmware or a kernel that has
// started this one by kexec, leaves it as it was for itself. The boot protocol promises that the MMU is
// off, and no more. What governs the guest is written later, by Core.swift, and again whole.
//
// Returns HCR_EL2 in x1; changes x2.
take_control:
        // SCTLR_EL2 with its RES1 bits and nothing else: MMU and caches off, no alignment check, and data
        // little-endian, before the first access of memory. While HCR_EL2.E2H is 1 the register has more
        // fields, which this value gives what they are without it.
        movz    x1, #0x30c5, lsl #16
        movk    x1, #0x0830
        msr     sctlr_el2, x1
        isb
        // HCR_EL2: RW alone. A kernel that ran at EL2 itself leaves E2H and TGE set, with which CPTR_EL2,
        // CNTHCTL_EL2, TCR_EL2 and others have another layout, and names of EL1's registers mean EL2's.
        mov     x1, #1 << 31
        msr     hcr_el2, x1
        isb
        // CPTR_EL2: nothing traps but what is RES1 where there is neither SVE nor SME.
        mov     x1, #0x33ff
        msr     cptr_el2, x1
        adrp    x1, el2_vectors
        add     x1, x1, :lo12:el2_vectors
        msr     vbar_el2, x1
        isb
        // There are CPUs whose E2H is always 1.
        mrs     x1, hcr_el2
        ret

// Applies R_AARCH64_RELATIVE entries: *(base + offset) = base + addend.
relocate:
        adrp    x0, __image_head
        add     x0, x0, :lo12:__image_head
        adrp    x1, __rela_start
        add     x1, x1, :lo12:__rela_start
        adrp    x2, __rela_end
        add     x2, x2, :lo12:__rela_end
1:      cmp     x1, x2
        b.hs    2f
        ldp     x3, x4, [x1], #16       // r_offset, r_info
        ldr     x5, [x1], #8            // r_addend
        cmp     w4, #1027               // R_AARCH64_RELATIVE; the link's audit knows no other
        b.ne    1b
        add     x5, x5, x0
        str     x5, [x0, x3]
        b       1b
2:      ret

// Invalidates the data cache by address over [x0, x1) to the point of coherency.
invalidate_range:
        mrs     x2, ctr_el0
        ubfx    x2, x2, #16, #4         // DminLine, log2 of words
        mov     x3, #4
        lsl     x3, x3, x2
        sub     x4, x3, #1
        bic     x0, x0, x4
1:      dc      ivac, x0
        add     x0, x0, x3
        cmp     x0, x1
        b.lo    1b
        dsb     sy
        ret

// void el2_enable_mmu(mair, tcr, ttbr0, sctlr, end of EL2's memory)
        .global el2_enable_mmu
el2_enable_mmu:
        stp     x29, x30, [sp, #-16]!
        stp     x0, x1, [sp, #-16]!
        stp     x2, x3, [sp, #-16]!
        // Everything that was written went past the cache. Clean lines that speculation has brought
        // in since would now be read instead of it.
        adrp    x0, __image_head
        add     x0, x0, :lo12:__image_head
        mov     x1, x4
        bl      invalidate_range
        ldp     x2, x3, [sp], #16
        ldp     x0, x1, [sp], #16
        ldp     x29, x30, [sp], #16
        // Falls through.
set_translation:
        msr     mair_el2, x0
        msr     tcr_el2, x1
        msr     ttbr0_el2, x2
        isb
        tlbi    alle2
        ic      iallu
        dsb     sy
        isb
        msr     sctlr_el2, x3
        isb
        ret

// A further core, from PSCI CPU_ON: x0 is the address of its SecondaryBoot record, which the boot
// core cleaned to memory: mair, tcr, ttbr0, sctlr, stack top, core index.
        .global el2_secondary_entry
el2_secondary_entry:
        msr     daifset, #15
        msr     spsel, #1
        mov     x19, x0
        bl      take_control
        tbnz    x1, #34, host_mode_only
        ldp     x0, x1, [x19]
        ldp     x2, x3, [x19, #16]
        bl      set_translation
        ldp     x4, x0, [x19, #32]
        mov     sp, x4
        sub     sp, sp, #FRAME_SIZE
        mov     x29, xzr
        bl      stepwell_secondary
        b       halt

// A further core, from a boot loader's spin table, at EL2 with the MMU off. Every core that waited at the same word
// comes at once. Each waits at its own place of the pen until the place names its SecondaryBoot record. The
// places are in EL2's memory, written by the boot core with its MMU off, or cleaned to memory: 24 bytes each, the affinity,
// the record, and a flag that is not read here.
        .global el2_pen_entry
el2_pen_entry:
        msr     daifset, #15
        msr     spsel, #1
        bl      take_control
        mrs     x0, mpidr_el1
        ubfx    x2, x0, #0, #24
        ubfx    x3, x0, #32, #8
        orr     x2, x2, x3, lsl #32
        adrp    x3, el2_pen
        add     x3, x3, :lo12:el2_pen
        ldp     x4, x5, [x3]            // the first place, how many there are
1:      cbz     x5, halt                // a core without a vCPU
        ldr     x6, [x4]
        cmp     x6, x2
        b.eq    2f
        add     x4, x4, #24
        sub     x5, x5, #1
        b       1b
        // SEV follows the store: the event register keeps one that comes between the load and WFE.
2:      ldr     x0, [x4, #8]
        cbnz    x0, el2_secondary_entry
        wfe
        b       2b

// HCR_EL2.E2H stays 1: this core says so with its MMU off, as the boot core did what it had to.
host_mode_only:
        ldp     x4, x0, [x19, #32]
        mov     sp, x4
        mov     x29, xzr
        bl      stepwell_secondary_unusable
halt:
        wfi
        b       halt

// void el2_smc(uint64_t registers[18])
        .global el2_smc
el2_smc:
        stp     x29, x30, [sp, #-32]!
        mov     x29, sp
        str     x0, [sp, #16]
        mov     x30, x0
        ldp     x0, x1, [x30]
        ldp     x2, x3, [x30, #16]
        ldp     x4, x5, [x30, #32]
        ldp     x6, x7, [x30, #48]
        ldp     x8, x9, [x30, #64]
        ldp     x10, x11, [x30, #80]
        ldp     x12, x13, [x30, #96]
        ldp     x14, x15, [x30, #112]
        ldp     x16, x17, [x30, #128]
        smc     #0
        ldr     x30, [sp, #16]
        stp     x0, x1, [x30]
        stp     x2, x3, [x30, #16]
        stp     x4, x5, [x30, #32]
        stp     x6, x7, [x30, #48]
        stp     x8, x9, [x30, #64]
        stp     x10, x11, [x30, #80]
        stp     x12, x13, [x30, #96]
        stp     x14, x15, [x30, #112]
        stp     x16, x17, [x30, #128]
        ldp     x29, x30, [sp], #32
        ret

// The guest's SIMD registers, one at a time. x0 selects, x1 points at the two halves.
        .arch_extension simd
        .macro vector_access name, instruction
        .global \name
\name:
        and     x0, x0, #31
        adr     x2, 1f
        add     x2, x2, x0, lsl #3
        br      x2
1:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \instruction q\n, [x1]
        ret
        .endr
        .endm
        vector_access el2_read_vector, str
        vector_access el2_write_vector, ldr

#endif
