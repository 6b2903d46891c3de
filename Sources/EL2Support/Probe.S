// Whether the CPU has the debug registers that no identification register tells of.

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

        .section .text.probe, "ax"

// uint64_t el2_has_external_debug_registers(void)
//
// 1 if OSDTRRX_EL1, OSDTRTX_EL1, OSECCR_EL1, DBGPRCR_EL1, DBGCLAIMCLR_EL1 and DBGAUTHSTATUS_EL1 can be
// read. What cannot is UNDEFINED here, and never traps. Interrupts have to be masked.
        .global el2_has_external_debug_registers
el2_has_external_debug_registers:
        mrs     x1, vbar_el2
        adr     x2, probe_vector - 0x200
        adr     x3, 1f
        mov     x0, #0
        msr     vbar_el2, x2
        isb
        mrs     x2, osdtrrx_el1
        mrs     x2, osdtrtx_el1
        mrs     x2, oseccr_el1
        mrs     x2, dbgprcr_el1
        mrs     x2, dbgclaimclr_el1
        mrs     x2, dbgauthstatus_el1
        mov     x0, #1
1:
        msr     vbar_el2, x1
        isb
        ret

        // All that is needed of a vector table: the vector of a synchronous exception of EL2's own. With
        // every interrupt masked no other exception can come. The linker script puts it 0x200 beyond a
        // multiple of 2 KiB.
        .section .probe.vector, "ax"
        .global probe_vector
probe_vector:
        msr     elr_el2, x3
        eret

#endif
