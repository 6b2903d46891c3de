// EL2's exception vectors (Arm ARM D1.3.1) and the way back to the guest.
//
// A core's EL2 stack is empty but for the guest's frame whenever its guest runs: SP_EL2 points to the
// frame, which lies at one and the same address, the top of the stack, and so do the guest's
// registers for a debugger.
//
// `stepwell_fast_path` completes most synchronous exceptions, and `stepwell_fast_path_irq` most interrupts. For
// them only the registers are saved that a function may clobber: x0 to x18 and x30. PC and PSTATE stay in
// ELR_EL2 and SPSR_EL2.

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

#include "Layout.h"

        .section .text.vectors, "ax"

        .macro  save_clobbered
        stp     x0, x1, [sp]
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        // x30 waits in the place of x19, which nothing has clobbered yet.
        stp     x18, x30, [sp, #144]
        .endm

        .macro  restore_general
        ldp     x0, x1, [sp]
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldp     x8, x9, [sp, #64]
        ldp     x10, x11, [sp, #80]
        ldp     x12, x13, [sp, #96]
        ldp     x14, x15, [sp, #112]
        ldp     x16, x17, [sp, #128]
        .endm

        // No speculation past an ERET into whatever follows.
        .macro  return_from_exception
        eret
        dsb     nsh
        isb
        .endm

        // The fast path around `stepwell_fast_path`, in the 32 instructions of a vector.
        .macro  from_guest_on_fast_path
        .balign 128
        save_clobbered
        mrs     x1, esr_el2
        ubfx    x2, x1, #5, #5          // Rt, if a system register has trapped
        cmp     x2, #18
        b.hi    fast_path_with_all
        mov     x0, sp
        bl      stepwell_fast_path
        cbz     x0, slow_path
        restore_general
        ldp     x18, x30, [sp, #144]
        return_from_exception
        .endm

        .macro  from_guest handler
        .balign 128
        save_clobbered
        adr     x4, \handler
        b       guest_exception
        .endm

        // The same for interrupts.
        .macro  interrupt_from_guest
        .balign 128
        save_clobbered
        bl      stepwell_fast_path_irq
        cbnz    x0, slow_path_irq
        restore_general
        ldp     x18, x30, [sp, #144]
        return_from_exception
        .endm

        .macro  from_hypervisor kind
        .balign 128
        // The stack pointer may be what is wrong, and no register is free. The guest will not run
        // again, so its thread registers can hold what the report needs.
        msr     tpidr_el0, x0
        msr     tpidr_el1, x1
        mov     x0, #\kind
        b       hypervisor_exception
        .endm

        // The same where the exception may be an access's that is known to fault (`Guarded.S`).
        .macro  from_hypervisor_unless_guarded kind
        .balign 128
        msr     tpidr_el0, x0
        msr     tpidr_el1, x1
        mrs     x0, elr_el2
        adrp    x1, guarded_start
        add     x1, x1, :lo12:guarded_start
        cmp     x0, x1
        b.lo    1f
        adrp    x1, guarded_end
        add     x1, x1, :lo12:guarded_end
        cmp     x0, x1
        b.lo    guarded_exception
1:      mov     x0, #\kind
        b       hypervisor_exception
        .endm

        // Apart from the rest, so that the linker script can put the tables together.
        .section .text.vectors.table, "ax"
        .balign 2048
        .global el2_vectors
el2_vectors:
        from_hypervisor 0               // current EL with SP_EL0: never selected at EL2
        from_hypervisor 1
        from_hypervisor 2
        from_hypervisor 3
        from_hypervisor_unless_guarded 4  // current EL with SP_EL2
        from_hypervisor 5
        from_hypervisor 6
        from_hypervisor_unless_guarded 7
        from_guest_on_fast_path         // AArch64 guest
        interrupt_from_guest
        from_guest stepwell_fiq
        from_guest stepwell_serror
        from_guest stepwell_synchronous // AArch32 at EL0
        interrupt_from_guest
        from_guest stepwell_fiq
        from_guest stepwell_serror

        .section .text.vectors, "ax"

        .macro  save_preserved
        ldr     x2, [sp, #152]          // x30
        stp     x29, x2, [sp, #232]
        stp     x19, x20, [sp, #152]
        stp     x21, x22, [sp, #168]
        stp     x23, x24, [sp, #184]
        stp     x25, x26, [sp, #200]
        stp     x27, x28, [sp, #216]
        .endm

// The instruction names one of x19 to x30, or XZR.
fast_path_with_all:
        save_preserved
        ubfx    x2, x1, #5, #5
        // As long as PC is in ELR_EL2, its place stands for register 31.
        str     xzr, [sp, #FRAME_PC]
        mov     x0, sp
        bl      stepwell_fast_path
        cbnz    x0, return_with_all
        adr     x4, stepwell_synchronous
        b       frame_is_full
slow_path_irq:
        mov     x1, x0                  // what is acknowledged
        adr     x4, stepwell_irq
        b       guest_exception
slow_path:
        adr     x4, stepwell_synchronous
guest_exception:
        save_preserved
frame_is_full:
        mrs     x2, elr_el2
        mrs     x3, spsr_el2
        stp     x2, x3, [sp, #FRAME_PC]
        mov     x29, xzr                // a backtrace ends here
        mov     x0, sp
        blr     x4
return_to_guest:
        ldp     x0, x1, [sp, #FRAME_PC]
        msr     elr_el2, x0
        msr     spsr_el2, x1
return_with_all:
        restore_general
        ldp     x18, x19, [sp, #144]
        ldp     x20, x21, [sp, #160]
        ldp     x22, x23, [sp, #176]
        ldp     x24, x25, [sp, #192]
        ldp     x26, x27, [sp, #208]
        ldp     x28, x29, [sp, #224]
        ldr     x30, [sp, #240]
        return_from_exception

// void el2_enter_guest(frame): the frame lies at the top of this core's stack.
        .global el2_enter_guest
el2_enter_guest:
        mov     sp, x0
        b       return_to_guest

// An access that was known to fault has. It has x2 to x5 as `Guarded.S` says.
guarded_exception:
        msr     tpidr_el0, x2
        msr     tpidr_el1, x3
        adrp    x0, guarded_failed
        add     x0, x0, :lo12:guarded_failed
        msr     elr_el2, x0
        return_from_exception

// A fault of the hypervisor's own. x0: which vector. Builds a full frame on a stack kept for this.
hypervisor_exception:
        msr     tpidrro_el0, x0
        msr     sp_el0, x2
        // The first core to fail reports; others that fail as well stay silent for it. Exclusives
        // need the MMU, and before it is on there is one core.
        mrs     x0, sctlr_el2
        tbz     x0, #0, 2f
        adrp    x1, fault_lock
        add     x1, x1, :lo12:fault_lock
1:      ldaxr   w0, [x1]
        cbnz    w0, silent
        mov     w0, #1
        stxr    w2, w0, [x1]
        cbnz    w2, 1b
2:      mov     x1, sp
        adrp    x2, fault_stack_top
        add     x2, x2, :lo12:fault_stack_top
        mov     sp, x2
        sub     sp, sp, #FRAME_SIZE
        mrs     x0, tpidr_el0
        mrs     x2, tpidr_el1
        stp     x0, x2, [sp]
        mrs     x2, sp_el0
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x19, [sp, #144]
        stp     x20, x21, [sp, #160]
        stp     x22, x23, [sp, #176]
        stp     x24, x25, [sp, #192]
        stp     x26, x27, [sp, #208]
        stp     x28, x29, [sp, #224]
        mrs     x0, elr_el2
        stp     x30, x0, [sp, #240]
        mrs     x0, spsr_el2
        str     x0, [sp, #FRAME_PSTATE]
        mov     x0, sp
        mov     x2, x1
        mrs     x1, tpidrro_el0
        bl      stepwell_fault
silent: wfe
        b       silent

        .section .bss.fault, "aw", %nobits
        .balign 16
fault_lock:
        .space  16
        .space  STACK_SIZE
fault_stack_top:

#endif
