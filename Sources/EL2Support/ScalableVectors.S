// Z<n> of the guest, one at a time: x0 selects, x1 points at the value. The encodings are LDR and STR (vector),
// spelled out so that the assembler needs no feature flag for them.

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

        .section .text.scalable, "ax"

        .macro scalable_access name, encoding
        .global \name
\name:
        and     x0, x0, #31
        adr     x2, 1f
        add     x2, x2, x0, lsl #3
        br      x2
1:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        .inst   \encoding | 1 << 5 | \n
        ret
        .endr
        .endm
        scalable_access el2_read_scalable_vector, 0xe5804000    // str z<n>, [x1]
        scalable_access el2_write_scalable_vector, 0x85804000   // ldr z<n>, [x1]

#endif
