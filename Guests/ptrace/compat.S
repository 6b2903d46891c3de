// The 32-bit program: pieces of code in A32 and T32 that the tracer runs, like those in code.S. The program itself
// only makes ready: it executes BKPT with the address of its layout in R0. R4 is the address of `data`.

    .syntax unified
    .arch   armv8-a
    .fpu    neon
    .arm

    .equ SHOWS_RESULT, 1
    .equ DELIVERS, 2

    .macro code set, name:req, flags=0
    .pushsection .rodata.names, "a"
1000: .asciz "\name"
    .popsection
    .pushsection .rodata.codes, "a"
    .ifc \set, t32
    .word   1001f + 1, 1000b, \flags
    .else
    .word   1001f, 1000b, \flags
    .endif
    .popsection
    .ifc \set, t32
    .thumb
    .else
    .arm
    .endif
    .p2align 2
1001:
    .endm

    .macro end
    bkpt    #0x57
    .endm

    .section .rodata.codes, "a"
    .p2align 2
codes:

    .text
    .globl  _start
code_begin:
_start:
    ldr     r0, =layout
    ldr     r4, =data
    // Handlers, as in code.S: rt_sigaction(signal, action, 0, 8).
    ldr     r8, =signals
1:  ldrb    r0, [r8], #1
    cmp     r0, #0
    beq     2f
    ldr     r1, =action
    mov     r2, #0
    mov     r3, #8
    mov     r7, #174
    svc     #0
    b       1b
2:  ldr     r0, =layout
    bkpt    #1
    .ltorg

// ---- A32 ---------------------------------------------------------------------------------------

    code a32, "A32 nop"
    nop
    end

    code a32, "A32 straight", SHOWS_RESULT
    mov     r0, #1
    add     r0, r0, #2
    lsl     r0, r0, #4
    eor     r0, r0, #7
    sub     r0, r0, #1
    orr     r0, r0, #0x100
    mvn     r0, r0
    rsb     r0, r0, #0
    end

    code a32, "A32 conditional", SHOWS_RESULT
    mov     r0, #0
    cmp     r0, #1
    moveq   r0, #7
    addne   r0, r0, #2
    svceq   #0
    bne     1f
    nop
1:  end

    code a32, "A32 memory", SHOWS_RESULT
    str     r4, [r4, #8]
    ldr     r0, [r4, #8]
    ldrd    r2, r3, [r4]
    stm     r4!, {r2, r3}
    sub     r0, r4, r0
    ldr     r1, [r4, #1]
    end

    code a32, "A32 branches", SHOWS_RESULT
    mov     r0, #3
1:  subs    r0, r0, #1
    bne     1b
    bl      2f
    b       3f
2:  mov     r0, #9
    bx      lr
3:  end

    code a32, "A32 to T32 and back", SHOWS_RESULT
    ldr     r1, =1f + 1
    bx      r1
    .thumb
    .p2align 2
1:  movs    r0, #5
    adds    r0, #1
    bx      pc
    nop
    .arm
    adds    r0, r0, #1
    end
    .ltorg

    code a32, "A32 vector", SHOWS_RESULT
    vmov.i32 q0, #3
    vadd.i32 q0, q0, q0
    vmov    r0, s0
    end

    code a32, "A32 SVC", SHOWS_RESULT
    mov     r7, #64  // getppid
    svc     #0
    mov     r0, #1
    end

    code a32, "A32 SVC, unknown call", SHOWS_RESULT
    mov     r7, #5000
    svc     #0
    nop
    end

    code a32, "A32 BKPT", DELIVERS
    bkpt    #2
    nop
    end

    code a32, "A32 UDF", DELIVERS
    udf     #0
    nop
    end

    code a32, "A32 breakpoint of GDB", DELIVERS
    .inst   0xe7f001f0
    nop
    end

    code a32, "A32 load, unmapped", DELIVERS
    mov     r1, #0x10
    ldr     r0, [r1]
    nop
    end

    code a32, "A32 branch to unmapped", DELIVERS
    adr     r9, 1f
    mov     r1, #0x40
    bx      r1
1:  mov     r9, #0
    end

    code a32, "A32 WFE, YIELD, barriers"
    sev
    wfe
    yield
    dmb     ish
    isb
    end

    code a32, "A32 exclusive", SHOWS_RESULT
    mov     r2, #10
    add     r1, r4, #64
1:  ldrex   r3, [r1]
    add     r3, r3, #1
    strex   r0, r3, [r1]
    subs    r2, r2, #1
    beq     2f
    cmp     r0, #0
    bne     1b
2:  end

    code a32, "A32 exclusive, 64 bits", SHOWS_RESULT
    mov     r5, #10
    add     r1, r4, #64
1:  ldrexd  r2, r3, [r1]
    strexd  r0, r2, r3, [r1]
    subs    r5, r5, #1
    beq     2f
    cmp     r0, #0
    bne     1b
2:  clrex
    end

// Deprecated instructions, which Linux completes or refuses.
    .macro old flags, instruction:vararg
    code a32, "A32 \instruction", \flags | DELIVERS
    mov     r0, #0x4d
    add     r1, r4, #64
    \instruction
    nop
    end
    .endm
    .arch   armv7-a
    old SHOWS_RESULT, swp r0, r0, [r1]
    old SHOWS_RESULT, mcr p15, 0, r0, c7, c10, 5  @ a data memory barrier
    .arch   armv8-a
    old SHOWS_RESULT, setend be
    old SHOWS_RESULT, setend le
    old 0, mrc p15, 0, r0, c13, c0, 3  @ TPIDRURO
    old SHOWS_RESULT, mrc p15, 0, r0, c0, c0, 0   @ MIDR
    old 0, mrrc p15, 1, r0, r2, c14    @ CNTVCT
    old SHOWS_RESULT, hvc #0
    old SHOWS_RESULT, smc #0
    old SHOWS_RESULT, eret
    old SHOWS_RESULT, mrs r0, cpsr
    old SHOWS_RESULT, cps #0x13
    old SHOWS_RESULT, cpsid i

// Coprocessor 14: the debug registers that a program can name, and some that none can.
    code a32, "A32 DBGDIDR", SHOWS_RESULT | DELIVERS
    mov     r0, #0x4d
    mrc     p14, 0, r0, c0, c0, 0
    nop
    end

    .macro debug instruction:vararg
    code a32, "A32 \instruction", SHOWS_RESULT | DELIVERS
    mov     r0, #0x4d
    add     r1, r4, #64
    \instruction
    nop
    end
    .endm
    debug mrc p14, 0, r0, c0, c1, 0  @ DBGDSCRint
    debug mrc p14, 0, apsr_nzcv, c0, c1, 0
    debug mrc p14, 0, r0, c0, c5, 0  @ DBGDTRRXint
    debug mcr p14, 0, r0, c0, c5, 0  @ DBGDTRTXint
    debug mrc p14, 0, r0, c1, c0, 0  @ DBGDRAR
    debug mrrc p14, 0, r0, r2, c1
    debug mrc p14, 0, r0, c2, c0, 0  @ DBGDSAR
    debug mrrc p14, 0, r0, r2, c2
    debug ldc p14, c5, [r1]
    debug stc p14, c5, [r1], #4
    debug mrceq p14, 0, r0, c0, c0, 0
    debug mrc p14, 0, r0, c0, c2, 2  @ DBGDSCRext
    debug mcr p14, 0, r0, c0, c2, 2
    debug mrc p14, 0, r0, c0, c0, 4  @ DBGBVR0
    debug mcr p14, 0, r0, c0, c0, 4
    debug mrc p14, 0, r0, c0, c0, 5  @ DBGBCR0
    debug mrc p14, 0, r0, c0, c0, 6  @ DBGWVR0
    debug mrc p14, 0, r0, c0, c15, 7 @ DBGWCR15
    debug mrc p14, 0, r0, c1, c4, 1  @ DBGBXVR4
    debug mcr p14, 0, r0, c1, c0, 1  @ DBGBXVR0
    debug mrc p14, 0, r0, c0, c7, 0  @ DBGVCR
    debug mrc p14, 0, r0, c1, c1, 4  @ DBGOSLSR
    debug mcr p14, 0, r0, c1, c0, 4  @ DBGOSLAR
    debug mrc p14, 0, r0, c7, c14, 6 @ DBGAUTHSTATUS
    debug mrc p14, 0, r0, c7, c2, 7  @ DBGDEVID
    debug mrc p14, 1, r0, c0, c0, 0  @ a trace register
    debug mrc p14, 6, r0, c0, c0, 0  @ TEECR
    debug mrc p14, 7, r0, c0, c0, 0  @ JIDR
    debug mrc p14, 7, r0, c2, c0, 0  @ JMCR

// ---- T32 ---------------------------------------------------------------------------------------

    code t32, "T32 nop"
    nop
    end

    code t32, "T32 straight", SHOWS_RESULT
    movs    r0, #1
    adds    r0, #2
    lsls    r0, r0, #4
    eor     r0, r0, #7
    subs    r0, #1
    orr     r0, r0, #0x100
    mvns    r0, r0
    rsbs    r0, r0, #0
    end

    code t32, "T32 IT blocks", SHOWS_RESULT
    movs    r0, #0
    cmp     r0, #0
    ittte   eq
    addeq   r0, #1
    addeq   r0, r0, #0x100
    addeq   r0, #2
    addne   r0, #7
    itett   ne
    movne   r0, #0
    addeq   r0, #4
    movne   r0, #1
    svcne   #0
    it      al
    addal   r0, #8
    end

    code t32, "T32 SVC in an IT block", SHOWS_RESULT
    movs    r7, #64
    cmp     r7, #64
    itt     eq
    svceq   #0
    moveq   r0, #1
    end

    code t32, "T32 UDF in an IT block", DELIVERS
    cmp     r0, r0
    itt     eq
    .inst.n 0xde00
    nopeq
    end

    code t32, "T32 load, unmapped, in an IT block", DELIVERS
    movs    r1, #0x10
    cmp     r1, r1
    ittt    eq
    ldreq   r0, [r1]
    nopeq
    moveq   r0, #3
    end

    code t32, "T32 BKPT", DELIVERS
    bkpt    #2
    nop
    end

    code t32, "T32 breakpoint of GDB", DELIVERS
    .inst.n 0xde01
    nop
    end

    code t32, "T32 DBGDIDR", SHOWS_RESULT | DELIVERS
    movs    r0, #0x4d
    mrc     p14, 0, r0, c0, c0, 0
    nop
    end

    code t32, "T32 DBGDSCRint in an IT block", SHOWS_RESULT | DELIVERS
    movs    r0, #0x4d
    cmp     r0, r0
    itt     eq
    mrceq   p14, 0, r0, c0, c1, 0
    nopeq
    nop
    end

    code t32, "T32 DBGDIDR, not executed", SHOWS_RESULT | DELIVERS
    movs    r0, #0x4d
    cmp     r0, r0
    itt     ne
    mrcne   p14, 0, r0, c0, c0, 0
    addne   r0, #1
    nop
    end

    code t32, "T32 branches", SHOWS_RESULT
    movs    r0, #3
1:  subs    r0, #1
    bne     1b
    bl      2f
    b       3f
2:  movs    r0, #9
    bx      lr
3:  cbz     r0, 4f
    tbb     [pc, r0]
    .byte   0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0
4:  end

    code t32, "T32 exclusive", SHOWS_RESULT
    movs    r2, #10
    add     r1, r4, #64
1:  ldrex   r3, [r1]
    adds    r3, #1
    strex   r0, r3, [r1]
    subs    r2, #1
    beq     2f
    cmp     r0, #0
    bne     1b
2:  end

// ---- Accesses to watched memory: R0 is its address -----------------------------------------------

    code a32, "A32 accesses"
    strb    r2, [r0, #-1]
    strb    r2, [r0]
    ldrb    r2, [r0, #1]
    strb    r2, [r0, #3]
    strh    r2, [r0, #-2]
    strh    r2, [r0, #2]
    ldrh    r2, [r0, #3]
    str     r2, [r0, #-4]
    str     r2, [r0, #-3]
    ldr     r2, [r0]
    str     r2, [r0, #2]
    str     r2, [r0, #4]
    ldrd    r2, r3, [r0]
    strd    r2, r3, [r0, #-4]
    stmdb   r0, {r2, r3, r5}
    ldmia   r0, {r2, r3, r5}
    ldrex   r2, [r0]
    vldr    d0, [r0]
    vstr    s0, [r0, #4]
    push    {r2}
    pop     {r2}
    end

    code t32, "T32 accesses"
    strb    r2, [r0]
    ldrb    r2, [r0, #1]
    strh    r2, [r0, #2]
    ldr     r2, [r0]
    str     r2, [r0, #4]
    stm     r0!, {r2, r3}
    subs    r0, #8
    ldrd    r2, r3, [r0]
    cmp     r0, r0
    itt     eq
    streq   r2, [r0]
    strbeq  r2, [r0, #3]
    end

// ---- Signals -----------------------------------------------------------------------------------

    // The context in R2: ucontext's uc_mcontext has R0 behind 20 bytes and three words.
    .equ    UC_R9, 20 + 12 + 9 * 4
    .equ    UC_PC, 20 + 12 + 15 * 4
    .equ    UC_CPSR, 20 + 12 + 16 * 4
    .arm
    .p2align 2
handler:
    ldr     r1, [r2, #UC_R9]
    cmp     r1, #0
    bne     1f
    ldr     r1, [r2, #UC_PC]
    ldr     r3, [r2, #UC_CPSR]
    tst     r3, #0x20
    // In T32, only instructions of 16 bits raise signals here, except for the MRC of coprocessor 14.
    addeq   r1, r1, #4
    beq     1f
    ldrh    r3, [r1]
    add     r1, r1, #2
    cmp     r3, #0xe800
    addhs   r1, r1, #2
1:  str     r1, [r2, #UC_PC]
    // The rest of an IT block is skipped, because CPSR.IT does not fit the next instruction.
    ldr     r3, [r2, #UC_CPSR]
    bic     r3, r3, #0x06000000
    bic     r3, r3, #0x0000fc00
    str     r3, [r2, #UC_CPSR]
    bx      lr
restorer:
    mov     r7, #173  // rt_sigreturn
    svc     #0
code_end:

    .data
    .p2align 8
data:
    .word   0x89abcdef, 0x01234567, 5, 6
    .zero   1024 - 16
data_end:

    .section .rodata, "a"
    .p2align 2
layout:
    .word   code_begin, code_end, data, data_end, codes, codes_end
action:
    .word   handler, 0x44000004, restorer, 0, 0  // SA_NODEFER, SA_RESTORER, SA_SIGINFO
signals:
    .byte   4, 5, 7, 11, 10, 0  // SIGILL, SIGTRAP, SIGBUS, SIGSEGV, SIGUSR1

    .section .rodata.codes, "a"
codes_end:
    .section .note.GNU-stack, "", %progbits
