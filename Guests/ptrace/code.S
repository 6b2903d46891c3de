// The pieces of code that are debugged, one for each class of instruction. Each begins with the instruction that is
// stopped at, and ends with BRK #0x57. X19 is the address of `data`. X18 is 0, or the address at which a signal
// handler continues if the instruction itself does not determine it.

    .arch armv8.5-a+sve+lse+crc

    .equ SHOWS_RESULT, 1
    .equ DELIVERS, 2
    .equ ACCESS_NEITHER, 0
    .equ ACCESS_LOAD, 1
    .equ ACCESS_STORE, 2

// struct code of suite.h.
    .macro code name:req, flags=0
    .pushsection .rodata.names, "a"
1000: .asciz "\name"
    .popsection
    .pushsection .rodata.codes, "a"
    .quad 1001f, 1000b, \flags
    .popsection
    .p2align 2
1001:
    .endm

    .macro end
    brk     #0x57
    .endm

    .section .rodata.codes, "a"
    .globl  codes
codes:
    .section .rodata.accesses, "a"
    .globl  accesses
accesses:

    .text
    .p2align 4
code_begin:

// ---- Ordinary instructions ---------------------------------------------------------------------

    code "nop"
    nop
    end

    code "straight", SHOWS_RESULT
    mov     x0, #1
    add     x0, x0, #2
    lsl     x0, x0, #4
    eor     x0, x0, #7
    sub     x0, x0, #1
    orr     x0, x0, #0x100
    mvn     x0, x0
    neg     x0, x0
    end

    code "load", SHOWS_RESULT
    ldr     x0, [x19]
    end

    code "store", SHOWS_RESULT
    str     x19, [x19, #8]
    ldr     x0, [x19, #8]
    sub     x0, x0, x19
    end

    code "load pair, store pair with writeback", SHOWS_RESULT
    add     x1, x19, #16
    ldp     x2, x3, [x1], #16
    stp     x2, x3, [x1, #-16]!
    sub     x0, x1, x19
    end

    code "load literal", SHOWS_RESULT
    ldr     x0, 1f
    b       2f
1:  .quad   0x1122334455667788
2:  end

    code "branches", SHOWS_RESULT
    mov     x0, #3
1:  sub     x0, x0, #1
    cbnz    x0, 1b
    tbz     x0, #0, 2f
    nop
2:  bl      3f
    cmp     x0, #9
    b.ne    4f
    b       5f
3:  mov     x0, #9
    ret
4:  mov     x0, #77
5:  adr     x1, 6f
    br      x1
    nop
6:  end

    code "floating point", SHOWS_RESULT
    fmov    d0, #1.5
    fadd    d0, d0, d0
    fmov    x0, d0
    end

    code "vector"
    movi    v0.16b, #3
    str     q0, [x19, #32]
    ld1     {v1.16b, v2.16b}, [x19]
    end

    code "SVE"
    mov     x9, #0
    ptrue   p0.b
    end

    code "CRC", SHOWS_RESULT
    mov     w0, #1
    crc32x  w0, w0, xzr
    end

    code "pointer authentication"
    mov     x9, x30
    paciasp
    autiasp
    mov     x30, x9
    end

    code "BTI"
    bti     jc
    end

// ---- Hints, barriers, caches -------------------------------------------------------------------

    code "YIELD"
    yield
    end

    code "WFE"
    sevl
    wfe
    end

    code "WFI"
    wfi
    end

    code "barriers"
    dmb     ish
    dsb     sy
    isb
    clrex
    end

    code "caches"
    dc      cvau, x19
    dc      cvac, x19
    dc      civac, x19
    adr     x1, 1f
1:  ic      ivau, x1
    prfm    pldl1keep, [x19]
    end

    code "DC ZVA"
    add     x1, x19, #1024
    dc      zva, x1
    end

// ---- System registers --------------------------------------------------------------------------

    code "flags", SHOWS_RESULT
    mov     x1, #0x60000000
    msr     nzcv, x1
    mrs     x0, nzcv
    end

    code "FPCR", SHOWS_RESULT
    mrs     x0, fpcr
    msr     fpsr, xzr
    end

    code "TPIDR_EL0", SHOWS_RESULT
    mrs     x9, tpidr_el0
    mov     x1, #5
    msr     tpidr_el0, x1
    mrs     x0, tpidr_el0
    msr     tpidr_el0, x9
    end

    code "CTR_EL0", SHOWS_RESULT
    mrs     x0, ctr_el0
    end

    code "DCZID_EL0", SHOWS_RESULT
    mrs     x0, dczid_el0
    end

    code "CNTFRQ_EL0", SHOWS_RESULT
    mrs     x0, cntfrq_el0
    end

    code "CNTVCT_EL0"
    mrs     x0, cntvct_el0
    end

// Linux completes these itself when they trap to EL1.
    .macro identification register
    code "\register", SHOWS_RESULT
    mrs     x0, \register
    nop
    end
    .endm
    identification MIDR_EL1
    identification MPIDR_EL1
    identification ID_AA64PFR0_EL1
    identification ID_AA64PFR1_EL1
    identification ID_AA64DFR0_EL1
    identification ID_AA64ISAR0_EL1
    identification ID_AA64ISAR1_EL1
    identification ID_AA64MMFR0_EL1
    identification S3_0_C0_C4_4  // ID_AA64ZFR0_EL1

// These become SIGILL or not, depending on how Linux has set up the processor.
    .macro privileged instruction:vararg
    code "\instruction", SHOWS_RESULT | DELIVERS
    mov     x0, #0x4d
    \instruction
    nop
    end
    .endm
    privileged mrs x0, mdccsr_el0
    privileged mrs x0, dbgdtr_el0
    privileged mrs x0, dbgdtrrx_el0
    privileged msr dbgdtrtx_el0, x0
    privileged mrs x0, mdscr_el1
    privileged mrs x0, dbgbvr0_el1
    privileged msr dbgbcr0_el1, x0
    privileged mrs x0, oslsr_el1
    privileged msr oslar_el1, x0
    privileged mrs x0, sctlr_el1
    privileged mrs x0, cntv_cval_el0
    privileged mrs x0, cntpct_el0
    privileged mrs x0, pmccntr_el0
    privileged mrs x0, pmcr_el0
    privileged mrs x0, S3_0_C12_C12_0  // ICC_IAR1_EL1
    privileged mrs x0, daif
    privileged msr daifset, #2
    privileged msr daifclr, #2
    privileged msr spsel, #1
    privileged dc ivac, x19
    privileged tlbi vmalle1
    privileged eret
    privileged hvc #0
    privileged smc #0
    privileged hlt #1
    privileged dcps1 #0
    privileged dcps2 #0
    privileged drps

// ---- Exceptions --------------------------------------------------------------------------------

    code "SVC", SHOWS_RESULT
    mov     x8, #173  // getppid: this process's tracer
    svc     #0
    mov     x0, #1
    end

    code "SVC, one after the other", SHOWS_RESULT
    mov     x8, #178  // gettid
    svc     #0
    svc     #0x123
    mov     x0, #2
    end

    code "SVC, unknown call", SHOWS_RESULT
    mov     x8, #5000
    svc     #0
    nop
    end

    code "BRK", DELIVERS
    brk     #1
    nop
    end

    code "UDF", DELIVERS
    udf     #0
    nop
    end

    code "load, unmapped", DELIVERS
    mov     x1, #0x10
    ldr     x0, [x1]
    nop
    end

    code "store, unmapped", DELIVERS
    mov     x1, #0x20
    str     x0, [x1]
    nop
    end

    code "store, read-only", DELIVERS
    adr     x1, .
    str     x0, [x1]
    nop
    end

    code "load pair, across the end of memory", DELIVERS
    mov     x1, #-8
    ldp     x2, x3, [x1]
    nop
    end

    code "load-exclusive, unaligned", DELIVERS
    add     x1, x19, #1
    ldxr    x0, [x1]
    nop
    end

    code "SP, unaligned", DELIVERS
    mov     x9, sp
    adr     x18, 1f
    add     x10, x19, #8
    mov     sp, x10
    ldr     x0, [sp]
1:  mov     sp, x9
    mov     x18, #0
    end

    code "branch to unmapped", DELIVERS
    adr     x18, 1f
    mov     x1, #0x40
    br      x1
1:  mov     x18, #0
    end

    code "branch to unaligned", DELIVERS
    adr     x18, 1f
    adr     x1, .
    orr     x1, x1, #2
    br      x1
1:  mov     x18, #0
    end

    code "branch to data", DELIVERS
    adr     x18, 1f
    br      x19
1:  mov     x18, #0
    end

    code "signal of its own", DELIVERS | SHOWS_RESULT
    mov     x8, #172  // getpid
    svc     #0
    mov     x1, #10   // SIGUSR1
    mov     x8, #129  // kill
    svc     #0
    adr     x1, .
    nop
    nop
    end

// ---- Exclusives --------------------------------------------------------------------------------

// A loop ends unless an exception comes in every round. X2 counts the rounds, up to ten. X0 becomes the status of
// the last store-exclusive.
    .macro exclusive name, load, store
    code "\name", SHOWS_RESULT
    mov     x2, #10
    add     x1, x19, #64
1:  \load
    add     x3, x3, #1
    \store
    sub     x2, x2, #1
    cbz     x2, 2f
    cbnz    w0, 1b
2:  end
    .endm
    exclusive "exclusive, 64 bits", "ldxr x3, [x1]", "stxr w0, x3, [x1]"
    exclusive "exclusive, 32 bits", "ldxr w3, [x1]", "stxr w0, w3, [x1]"
    exclusive "exclusive, 16 bits", "ldxrh w3, [x1]", "stxrh w0, w3, [x1]"
    exclusive "exclusive, 8 bits", "ldxrb w3, [x1]", "stxrb w0, w3, [x1]"
    exclusive "exclusive, acquire and release", "ldaxr x3, [x1]", "stlxr w0, x3, [x1]"
    exclusive "exclusive, pair", "ldxp x3, x4, [x1]", "stxp w0, x3, x4, [x1]"
    exclusive "exclusive, pair of 32 bits", "ldaxp w3, w4, [x1]", "stlxp w0, w3, w4, [x1]"
    exclusive "exclusive, without a store", "ldxr x3, [x1]", "mov w0, wzr"
    exclusive "exclusive, without a load", "mov x3, x1", "stxr w0, x3, [x1]"

    .macro atomic instruction:vararg
    code "\instruction", SHOWS_RESULT | DELIVERS
    mov     x0, #1
    add     x1, x19, #96
    mov     x2, #2
    mov     x3, #3
    stp     x2, x3, [x1]
    \instruction
    end
    .endm
    atomic ldadd x2, x0, [x1]
    atomic swpal x2, x0, [x1]
    atomic cas x0, x2, [x1]
    atomic casp x2, x3, x4, x5, [x1]

// ---- Code for the other topics -----------------------------------------------------------------

    code "clone", SHOWS_RESULT
    mov     x0, #17  // SIGCHLD
    mov     x1, #0
    mov     x2, #0
    mov     x3, #0
    mov     x4, #0
    mov     x8, #220
    svc     #0
    cmp     x0, #0
    cset    x0, eq   // 1 in the child
    end

    code "execve"  // X0: the path
    mov     x1, #0
    mov     x2, #0
    mov     x8, #221
    svc     #0
    end

    code "exit"
    mov     x0, #7
    mov     x8, #94  // exit_group
    svc     #0
    end

    code "write" // X0: a file, X1 and X2: bytes and how many
    mov     x8, #64
    svc     #0
    end

    code "read"
    mov     x8, #63
    svc     #0
    end

// ---- Accesses to watched memory ----------------------------------------------------------------

// X0 is the address of the watched doubleword. Each access is two instructions: its address, itself.
    code "accesses"
    .globl accesses_code
accesses_code:
    .macro access kind, size, offset, instruction:vararg
    .pushsection .rodata.accesses, "a"
    .byte   ACCESS_\kind, \size, (\offset) & 0xff, 0
    .popsection
    .if (\offset) < 0
    sub     x1, x0, #-(\offset)
    .else
    add     x1, x0, #(\offset)
    .endif
    \instruction
    .endm

    .macro both size, first, last, step, load, store
    .set    offset, \first
    .rept   (\last - (\first)) / \step + 1
    access  LOAD, \size, offset, \load
    access  STORE, \size, offset, \store
    .set    offset, offset + \step
    .endr
    .endm

    both    1, -1, 8, 1, "ldrb w2, [x1]", "strb w2, [x1]"
    both    2, -2, 8, 1, "ldrh w2, [x1]", "strh w2, [x1]"
    both    4, -4, 8, 1, "ldr w2, [x1]", "str w2, [x1]"
    both    8, -8, 8, 1, "ldr x2, [x1]", "str x2, [x1]"
    both    16, -16, 8, 8, "ldr q0, [x1]", "str q0, [x1]"
    both    8, -8, 8, 4, "ldp w2, w3, [x1]", "stp w2, w3, [x1]"
    both    16, -16, 8, 4, "ldp x2, x3, [x1]", "stp x2, x3, [x1]"
    both    32, -32, 8, 8, "ldp q0, q1, [x1]", "stp q0, q1, [x1]"
    both    8, 0, 0, 8, "ldar x2, [x1]", "stlr x2, [x1]"
    // No store-exclusive: whether it stores, and therefore hits, depends on what came before.
    access  LOAD, 8, 0, ldxr x2, [x1]
    access  STORE, 64, -64, dc zva, x1
    access  STORE, 64, 0, dc zva, x1
    access  STORE, 64, 5, dc zva, x1
    access  NEITHER, 64, 0, dc cvac, x1
    access  NEITHER, 64, 0, dc civac, x1
    access  NEITHER, 64, 0, prfm pldl1keep, [x1]
    end

    // One of each size at each of four doublewords, and no access that touches two.
    code "separate accesses"
    .set    place, 0
    .rept   4
    strb    w2, [x0, #place]
    ldrh    w2, [x0, #place]
    str     w2, [x0, #place]
    ldr     x2, [x0, #place]
    strb    w2, [x0, #place + 7]
    .set    place, place + 8
    .endr
    end

// ---- Signals -----------------------------------------------------------------------------------

    .equ    UC_X18, 184 + 18 * 8  // ucontext_t: uc_mcontext.regs[18] and .pc
    .equ    UC_PC, 440

    .globl  code_handler, code_restorer
code_handler:
    // A signal that the process sends itself belongs to no instruction.
    cmp     w0, #10
    b.eq    2f
    ldr     x9, [x2, #UC_X18]
    cbnz    x9, 1f
    ldr     x9, [x2, #UC_PC]
    add     x9, x9, #4
1:  str     x9, [x2, #UC_PC]
2:  ret
code_restorer:
    mov     x8, #139  // rt_sigreturn
    svc     #0
code_end:

    .data
    .p2align 12  // a DC ZVA block is up to 2 KiB
data:
    .quad   0x0123456789abcdef, 0, 5, 6
    .zero   4096 - 32
data_end:

// struct layout of suite.h.
    .section .data.rel.ro, "aw"
    .globl  layout
    .p2align 3
layout:
    .quad   code_begin, code_end, data, data_end
    .quad   0

    .section .rodata.codes, "a"
    .globl  codes_end
codes_end:
    .section .rodata.accesses, "a"
    .globl  accesses_end
accesses_end:

    .section .note.GNU-stack, "", @progbits
