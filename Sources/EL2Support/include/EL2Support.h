// The processor as EL2 sees it: system registers, barriers, address translation, cache
// maintenance, atomics and memory-mapped registers, each an inline accessor.
//
// Off target (the host build, which type-checks and tests everything else) every accessor of
// hardware traps: no host test can touch a register by accident.

#pragma once

#include <stdbool.h>
#include <stdint.h>

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)
#define EL2_TARGET 1
#else
#define EL2_TARGET 0
#endif

// `always_inline` because -ffreestanding marks C functions no-builtins, Swift's are not, and LLVM
// refuses to inline one into the other unless told to: each access would be a call.
#define EL2_INLINE static inline __attribute__((always_inline, unused))
// Takes an address on trust: Swift has to say `unsafe`, and why the address is right.
#define EL2_UNSAFE __attribute__((swift_attr("@unsafe")))

#if EL2_TARGET
#define EL2_ASM(...) __asm__ volatile(__VA_ARGS__)
#define EL2_MRS(reg) uint64_t value; EL2_ASM("mrs %0, " reg : "=r"(value) : : "memory"); return value
#define EL2_MSR(reg) EL2_ASM("msr " reg ", %0" : : "r"(value) : "memory")
#else
#define EL2_ASM(...) __builtin_trap()
#define EL2_MRS(reg) __builtin_trap()
#define EL2_MSR(reg) (void)value; __builtin_trap()
#endif

#define EL2_READ(name, reg) EL2_INLINE uint64_t el2_read_##name(void) { EL2_MRS(reg); }
#define EL2_WRITE(name, reg) EL2_INLINE void el2_write_##name(uint64_t value) { EL2_MSR(reg); }
#define EL2_REGISTER(name, reg) EL2_READ(name, reg) EL2_WRITE(name, reg)

// Registers newer than the base architecture are spelled S<op0>_<op1>_C<n>_C<m>_<op2>, so that the
// assembler needs no feature flag for them.

// MARK: Identification

EL2_READ(current_el, "CurrentEL")
EL2_READ(midr_el1, "MIDR_EL1")
EL2_READ(mpidr_el1, "MPIDR_EL1")
EL2_READ(id_aa64pfr0_el1, "ID_AA64PFR0_EL1")
EL2_READ(id_aa64pfr1_el1, "ID_AA64PFR1_EL1")
EL2_READ(id_aa64smfr0_el1, "S3_0_C0_C4_5")
EL2_READ(id_aa64dfr0_el1, "ID_AA64DFR0_EL1")
EL2_READ(id_aa64dfr1_el1, "ID_AA64DFR1_EL1")
EL2_READ(id_aa64isar0_el1, "ID_AA64ISAR0_EL1")
EL2_READ(id_aa64isar1_el1, "ID_AA64ISAR1_EL1")
EL2_READ(id_aa64isar2_el1, "S3_0_C0_C6_2")
EL2_READ(id_aa64mmfr0_el1, "ID_AA64MMFR0_EL1")
EL2_READ(id_aa64mmfr1_el1, "ID_AA64MMFR1_EL1")
EL2_READ(id_aa64mmfr2_el1, "S3_0_C0_C7_2")
EL2_READ(id_aa64mmfr3_el1, "S3_0_C0_C7_3")
EL2_READ(id_aa64mmfr4_el1, "S3_0_C0_C7_4")
EL2_READ(ctr_el0, "CTR_EL0")
EL2_READ(dczid_el0, "DCZID_EL0")
EL2_READ(cntfrq_el0, "CNTFRQ_EL0")

// MARK: EL2's own controls

EL2_REGISTER(hcr_el2, "HCR_EL2")
EL2_WRITE(mdcr_el2, "MDCR_EL2")
EL2_WRITE(cptr_el2, "CPTR_EL2")
EL2_WRITE(hstr_el2, "HSTR_EL2")
EL2_REGISTER(vpidr_el2, "VPIDR_EL2")
EL2_REGISTER(vmpidr_el2, "VMPIDR_EL2")
EL2_WRITE(cnthctl_el2, "CNTHCTL_EL2")
EL2_WRITE(cntvoff_el2, "CNTVOFF_EL2")
EL2_WRITE(cnthp_ctl_el2, "CNTHP_CTL_EL2")
EL2_WRITE(cnthv_ctl_el2, "S3_4_C14_C3_1")
EL2_WRITE(trfcr_el2, "S3_4_C1_C2_1")
EL2_WRITE(mpam2_el2, "S3_4_C10_C5_0")
EL2_WRITE(mpamhcr_el2, "S3_4_C10_C4_0")
EL2_READ(mpamidr_el1, "S3_0_C10_C4_4")
EL2_WRITE(lorc_el1, "S3_0_C10_C4_3")
EL2_WRITE(vtcr_el2, "VTCR_EL2")
EL2_REGISTER(vttbr_el2, "VTTBR_EL2")
EL2_WRITE(vbar_el2, "VBAR_EL2")
EL2_READ(sctlr_el2, "SCTLR_EL2")
EL2_READ(tcr_el2, "TCR_EL2")
EL2_READ(ttbr0_el2, "TTBR0_EL2")
EL2_READ(mair_el2, "MAIR_EL2")
EL2_REGISTER(tpidr_el2, "TPIDR_EL2")
EL2_READ(esr_el2, "ESR_EL2")
EL2_REGISTER(elr_el2, "ELR_EL2")
EL2_REGISTER(spsr_el2, "SPSR_EL2")
EL2_READ(far_el2, "FAR_EL2")
EL2_READ(hpfar_el2, "HPFAR_EL2")
EL2_WRITE(zcr_el2, "S3_4_C1_C2_0")
EL2_WRITE(smcr_el2, "S3_4_C1_C2_6")
EL2_WRITE(hcrx_el2, "S3_4_C1_C2_2")
EL2_WRITE(hfgrtr_el2, "S3_4_C1_C1_4")
EL2_WRITE(hfgwtr_el2, "S3_4_C1_C1_5")
EL2_WRITE(hfgitr_el2, "S3_4_C1_C1_6")
EL2_WRITE(hdfgrtr_el2, "S3_4_C3_C1_4")
EL2_WRITE(hdfgwtr_el2, "S3_4_C3_C1_5")
EL2_WRITE(hafgrtr_el2, "S3_4_C3_C1_6")
EL2_WRITE(hdfgrtr2_el2, "S3_4_C3_C1_0")
EL2_WRITE(hdfgwtr2_el2, "S3_4_C3_C1_1")
EL2_WRITE(hfgrtr2_el2, "S3_4_C3_C1_2")
EL2_WRITE(hfgwtr2_el2, "S3_4_C3_C1_3")
EL2_WRITE(hfgitr2_el2, "S3_4_C3_C1_7")

// MARK: The guest's EL1 and EL0 registers

EL2_REGISTER(sctlr_el1, "SCTLR_EL1")
EL2_REGISTER(actlr_el1, "ACTLR_EL1")
EL2_REGISTER(cpacr_el1, "CPACR_EL1")
EL2_REGISTER(ttbr0_el1, "TTBR0_EL1")
EL2_REGISTER(ttbr1_el1, "TTBR1_EL1")
EL2_REGISTER(tcr_el1, "TCR_EL1")
EL2_REGISTER(mair_el1, "MAIR_EL1")
EL2_REGISTER(amair_el1, "AMAIR_EL1")
EL2_REGISTER(vbar_el1, "VBAR_EL1")
EL2_REGISTER(esr_el1, "ESR_EL1")
EL2_REGISTER(far_el1, "FAR_EL1")
EL2_REGISTER(afsr0_el1, "AFSR0_EL1")
EL2_REGISTER(afsr1_el1, "AFSR1_EL1")
EL2_REGISTER(elr_el1, "ELR_EL1")
EL2_REGISTER(spsr_el1, "SPSR_EL1")
EL2_REGISTER(sp_el0, "SP_EL0")
EL2_REGISTER(sp_el1, "SP_EL1")
EL2_REGISTER(par_el1, "PAR_EL1")
EL2_REGISTER(contextidr_el1, "CONTEXTIDR_EL1")
EL2_REGISTER(tpidr_el0, "TPIDR_EL0")
EL2_REGISTER(tpidrro_el0, "TPIDRRO_EL0")
EL2_REGISTER(tpidr_el1, "TPIDR_EL1")
EL2_REGISTER(csselr_el1, "CSSELR_EL1")
EL2_READ(isr_el1, "ISR_EL1")
EL2_READ(gcscr_el1, "S3_0_C2_C5_0")
EL2_REGISTER(cntkctl_el1, "CNTKCTL_EL1")
EL2_REGISTER(cntv_ctl_el0, "CNTV_CTL_EL0")
EL2_REGISTER(cntv_cval_el0, "CNTV_CVAL_EL0")
EL2_REGISTER(cntp_ctl_el0, "CNTP_CTL_EL0")
EL2_REGISTER(cntp_cval_el0, "CNTP_CVAL_EL0")
EL2_READ(cntpct_el0, "CNTPCT_EL0")
EL2_READ(cntvct_el0, "CNTVCT_EL0")
EL2_REGISTER(pmcr_el0, "PMCR_EL0")
EL2_READ(svcr, "S3_3_C4_C2_2")
EL2_REGISTER(fpcr, "S3_3_C4_C4_0")
EL2_REGISTER(fpsr, "S3_3_C4_C4_1")

// MARK: Debug registers (Arm ARM D19.3)

EL2_REGISTER(mdscr_el1, "MDSCR_EL1")
EL2_REGISTER(mdccint_el1, "MDCCINT_EL1")
EL2_REGISTER(osdtrrx_el1, "OSDTRRX_EL1")
EL2_REGISTER(osdtrtx_el1, "OSDTRTX_EL1")
EL2_REGISTER(oseccr_el1, "OSECCR_EL1")
EL2_REGISTER(dbgprcr_el1, "DBGPRCR_EL1")
EL2_WRITE(dbgclaimset_el1, "DBGCLAIMSET_EL1")
EL2_REGISTER(dbgclaimclr_el1, "DBGCLAIMCLR_EL1")
EL2_READ(dbgauthstatus_el1, "DBGAUTHSTATUS_EL1")
EL2_READ(mdrar_el1, "MDRAR_EL1")
EL2_WRITE(oslar_el1, "OSLAR_EL1")
EL2_READ(oslsr_el1, "OSLSR_EL1")
EL2_REGISTER(osdlr_el1, "OSDLR_EL1")

// The register number is part of the instruction, so each of the sixteen has its own, in a table
// (`Comparators.S`) that is entered at the one wanted: x16 is the number, x17 the value. Numbers are taken
// modulo 16; asking for a comparator that the CPU does not have is UNDEFINED, and the caller's to
// avoid (ID_AA64DFR0_EL1). The image is far smaller than a branch reaches, so no veneer, which might use
// x16 and x17, comes between.
#if EL2_TARGET
#define EL2_COMPARATOR(name) \
  EL2_INLINE uint64_t el2_read_##name(uint32_t n) { \
    register uint64_t number __asm__("x16") = n & 15; \
    register uint64_t value __asm__("x17"); \
    EL2_ASM("bl el2_mrs_" #name : "=r"(value) : "r"(number) : "x15", "x30", "memory"); \
    return value; \
  } \
  EL2_INLINE void el2_write_##name(uint32_t n, uint64_t new_value) { \
    register uint64_t number __asm__("x16") = n & 15; \
    register uint64_t value __asm__("x17") = new_value; \
    EL2_ASM("bl el2_msr_" #name : : "r"(number), "r"(value) : "x15", "x30", "memory"); \
  }
#else
#define EL2_COMPARATOR(name) \
  EL2_INLINE uint64_t el2_read_##name(uint32_t n) { (void)n; __builtin_trap(); } \
  EL2_INLINE void el2_write_##name(uint32_t n, uint64_t value) { (void)n; (void)value; __builtin_trap(); }
#endif
EL2_COMPARATOR(dbgbvr)
EL2_COMPARATOR(dbgbcr)
EL2_COMPARATOR(dbgwvr)
EL2_COMPARATOR(dbgwcr)

// MARK: GICv3 CPU interface and virtual interface (IHI 0069, chapter 12)

EL2_REGISTER(icc_sre_el2, "S3_4_C12_C9_5")
EL2_REGISTER(icc_pmr_el1, "S3_0_C4_C6_0")
EL2_REGISTER(icc_ctlr_el1, "S3_0_C12_C12_4")
EL2_REGISTER(icc_bpr1_el1, "S3_0_C12_C12_3")
EL2_REGISTER(icc_igrpen1_el1, "S3_0_C12_C12_7")
EL2_READ(icc_iar1_el1, "S3_0_C12_C12_0")
EL2_WRITE(icc_eoir1_el1, "S3_0_C12_C12_1")
EL2_WRITE(icc_dir_el1, "S3_0_C12_C11_1")
EL2_WRITE(icc_sgi1r_el1, "S3_0_C12_C11_5")
EL2_REGISTER(ich_hcr_el2, "S3_4_C12_C11_0")
EL2_READ(ich_vtr_el2, "S3_4_C12_C11_1")
EL2_REGISTER(ich_vmcr_el2, "S3_4_C12_C11_7")
EL2_READ(ich_elrsr_el2, "S3_4_C12_C11_5")

// The indexed registers of the virtual interface; CRm and Op2 hold the index.
#if EL2_TARGET
#define EL2_INDEXED_READ(index, reg) case index: EL2_ASM("mrs %0, " reg : "=r"(value)); break;
#define EL2_INDEXED_WRITE(index, reg) case index: EL2_ASM("msr " reg ", %0" : : "r"(value)); break;
#define EL2_LIST_REGISTERS(each) \
  each(0, "S3_4_C12_C12_0") each(1, "S3_4_C12_C12_1") each(2, "S3_4_C12_C12_2") \
  each(3, "S3_4_C12_C12_3") each(4, "S3_4_C12_C12_4") each(5, "S3_4_C12_C12_5") \
  each(6, "S3_4_C12_C12_6") each(7, "S3_4_C12_C12_7") each(8, "S3_4_C12_C13_0") \
  each(9, "S3_4_C12_C13_1") each(10, "S3_4_C12_C13_2") each(11, "S3_4_C12_C13_3") \
  each(12, "S3_4_C12_C13_4") each(13, "S3_4_C12_C13_5") each(14, "S3_4_C12_C13_6") \
  each(15, "S3_4_C12_C13_7")
#define EL2_AP0R(each) \
  each(0, "S3_4_C12_C8_0") each(1, "S3_4_C12_C8_1") each(2, "S3_4_C12_C8_2") \
  each(3, "S3_4_C12_C8_3")
#define EL2_AP1R(each) \
  each(0, "S3_4_C12_C9_0") each(1, "S3_4_C12_C9_1") each(2, "S3_4_C12_C9_2") \
  each(3, "S3_4_C12_C9_3")
#define EL2_INDEXED(name, list) \
  EL2_INLINE uint64_t el2_read_##name(uint32_t n) { \
    uint64_t value = 0; switch (n) { list(EL2_INDEXED_READ) default: break; } return value; \
  } \
  EL2_INLINE void el2_write_##name(uint32_t n, uint64_t value) { \
    switch (n) { list(EL2_INDEXED_WRITE) default: break; } \
  }
#else
#define EL2_INDEXED(name, list) \
  EL2_INLINE uint64_t el2_read_##name(uint32_t n) { (void)n; __builtin_trap(); } \
  EL2_INLINE void el2_write_##name(uint32_t n, uint64_t value) { (void)n; (void)value; __builtin_trap(); }
#endif
EL2_INDEXED(ich_lr_el2, EL2_LIST_REGISTERS)
EL2_INDEXED(ich_ap0r_el2, EL2_AP0R)
EL2_INDEXED(ich_ap1r_el2, EL2_AP1R)

// MARK: Barriers, events and maintenance

EL2_INLINE void el2_isb(void) { EL2_ASM("isb" : : : "memory"); }
EL2_INLINE void el2_dsb_sy(void) { EL2_ASM("dsb sy" : : : "memory"); }
EL2_INLINE void el2_dsb_ish(void) { EL2_ASM("dsb ish" : : : "memory"); }
EL2_INLINE void el2_dsb_ishst(void) { EL2_ASM("dsb ishst" : : : "memory"); }
EL2_INLINE void el2_wfi(void) { EL2_ASM("wfi" : : : "memory"); }
EL2_INLINE void el2_yield(void) { EL2_ASM("yield" : : : "memory"); }
// For cores that wait in WFE for what this one has stored. The barrier belongs to the event: without it
// SEV may be seen before the store, and who then looks once more and waits again is never woken.
EL2_INLINE void el2_sev(void) { EL2_ASM("dsb ish\n\tsev" : : : "memory"); }

EL2_INLINE void el2_tlbi_alle1is(void) { EL2_ASM("tlbi alle1is" : : : "memory"); }
// EL2's own translation of the page at `address`, on all cores.
EL2_INLINE void el2_tlbi_vae2is(uintptr_t address) {
  EL2_ASM("tlbi vae2is, %0" : : "r"(address >> 12) : "memory");
}
// EL2's own translation, all of it, on all cores.
EL2_INLINE void el2_tlbi_alle2is(void) { EL2_ASM("tlbi alle2is" : : : "memory"); }
// What all cores hold of the guest's translation under the VMID in VTTBR_EL2: of stage 2 alone for one page, of
// stage 1 (alone or combined with stage 2), of both.
EL2_INLINE void el2_tlbi_ipas2e1is(uint64_t address) {
  EL2_ASM("tlbi ipas2e1is, %0" : : "r"(address >> 12) : "memory");
}
EL2_INLINE void el2_tlbi_vmalle1is(void) { EL2_ASM("tlbi vmalle1is" : : : "memory"); }
EL2_INLINE void el2_tlbi_vmalls12e1is(void) { EL2_ASM("tlbi vmalls12e1is" : : : "memory"); }
EL2_INLINE void el2_ic_ialluis(void) { EL2_ASM("ic ialluis" : : : "memory"); }

// One cache line each; the line size is CTR_EL0's.
EL2_INLINE void el2_dc_cvau(uintptr_t address) { EL2_ASM("dc cvau, %0" : : "r"(address) : "memory"); }
EL2_INLINE void el2_dc_civac(uintptr_t address) { EL2_ASM("dc civac, %0" : : "r"(address) : "memory"); }

// MARK: Memory-mapped registers: one access of exactly this size, volatile

#if EL2_TARGET
#define EL2_MMIO(bits, load, store, width) \
  EL2_INLINE EL2_UNSAFE uint##bits##_t el2_mmio_read##bits(uintptr_t address) { \
    uint##bits##_t value; \
    EL2_ASM(load " %" width "0, [%1]" : "=r"(value) : "r"(address) : "memory"); \
    return value; \
  } \
  EL2_INLINE EL2_UNSAFE void el2_mmio_write##bits(uintptr_t address, uint##bits##_t value) { \
    EL2_ASM(store " %" width "0, [%1]" : : "r"(value), "r"(address) : "memory"); \
  }
#else
#define EL2_MMIO(bits, load, store, width) \
  EL2_INLINE EL2_UNSAFE uint##bits##_t el2_mmio_read##bits(uintptr_t address) { (void)address; __builtin_trap(); } \
  EL2_INLINE EL2_UNSAFE void el2_mmio_write##bits(uintptr_t address, uint##bits##_t value) { \
    (void)address; (void)value; __builtin_trap(); \
  }
#endif
// Plain base-register forms: with post-index or pair forms ESR.ISV is 0, and an outer hypervisor
// could not complete the access.
EL2_MMIO(8, "ldrb", "strb", "w")
EL2_MMIO(16, "ldrh", "strh", "w")
EL2_MMIO(32, "ldr", "str", "w")
EL2_MMIO(64, "ldr", "str", "x")

// MARK: Accesses that may fault

// What became of one: whether it ended in an exception, and the value that was read.
struct el2_guarded_result { uint64_t failed, value; };

// What may fault (`Guarded.S`): an exception in one is its result, not the end of EL2. A failed one leaves ESR_EL2,
// FAR_EL2 and HPFAR_EL2 changed.
#if EL2_TARGET
#define EL2_GUARDED(name, parameters, ignored) struct el2_guarded_result el2_guarded_##name parameters;
#else
#define EL2_GUARDED(name, parameters, ignored) \
  EL2_INLINE struct el2_guarded_result el2_guarded_##name parameters { ignored; __builtin_trap(); }
#endif

// Device registers: accesses of exactly this size. With HCR_EL2.AMO set an SError that one brings about is its
// failure as well.
#define EL2_GUARDED_REGISTER(bits) \
  EL2_GUARDED(read##bits, (uintptr_t address), (void)address) \
  EL2_GUARDED(write##bits, (uintptr_t address, uint64_t value), ((void)address, (void)value))
EL2_GUARDED_REGISTER(8)
EL2_GUARDED_REGISTER(16)
EL2_GUARDED_REGISTER(32)
EL2_GUARDED_REGISTER(64)

// The guest's memory: plain accesses, aligned and of exactly this size. An asynchronous abort is the guest's.
#define EL2_GUARDED_MEMORY(bits) \
  EL2_GUARDED(load##bits, (uintptr_t address), (void)address) \
  EL2_GUARDED(store##bits, (uintptr_t address, uint64_t value), ((void)address, (void)value)) \
  EL2_GUARDED(compare_exchange##bits, (uintptr_t address, uint64_t expected, uint64_t desired), \
              ((void)address, (void)expected, (void)desired))
EL2_GUARDED_MEMORY(8)
EL2_GUARDED_MEMORY(16)
EL2_GUARDED_MEMORY(32)
EL2_GUARDED_MEMORY(64)
// compare_exchange<bits> stores `desired` where memory holds `expected`, atomically, with acquire and release
// semantics; the value is whether it did. Bits beyond the size are 0.
EL2_GUARDED(compare_exchange128,
            (uintptr_t address, uint64_t expected_low, uint64_t expected_high,
             uint64_t desired_low, uint64_t desired_high),
            ((void)address, (void)expected_low, (void)expected_high, (void)desired_low,
             (void)desired_high))
// Copies `count` bytes, in any order of sizes. One that fails may have copied some.
EL2_GUARDED(copy, (uintptr_t destination, uintptr_t source, uint64_t count),
            ((void)destination, (void)source, (void)count))

// The A64 instruction at an address that stage 1 of the guest's translation lets EL1 read and that lies in a region of
// RAM, mapped one to one. Anything else fails. The caller saves and restores the guest's own PAR_EL1.
EL2_GUARDED(fetch, (uint64_t address, uint64_t start, uint64_t size), ((void)address, (void)start, (void)size))

// PAR_EL1 of stage 1 of the guest's translation, for a read or a write at EL1 or EL0. It fails where the walk of the
// guest's tables is aborted (Arm ARM D8.17.4): by stage 2, or by what answers at their address. The caller saves and
// restores the guest's own PAR_EL1.
EL2_GUARDED(translate_s1e1r, (uint64_t address), (void)address)
EL2_GUARDED(translate_s1e1w, (uint64_t address), (void)address)
EL2_GUARDED(translate_s1e0r, (uint64_t address), (void)address)
EL2_GUARDED(translate_s1e0w, (uint64_t address), (void)address)

// MARK: Words that cores signal each other with

// A cache line for each core, written and polled by several.
struct el2_core_words { uint32_t word[16]; } __attribute__((aligned(64)));
// In the memory that the boot core gives out: one for each vCPU. Written by el2_use_words alone.
extern struct el2_core_words *el2_words;
extern uint32_t el2_words_count;

// Takes the words at `words`, all 0, for `count` cores.
EL2_INLINE EL2_UNSAFE void el2_use_words(uintptr_t words, uint32_t count) {
  el2_words = (struct el2_core_words *)words;
  el2_words_count = count;
}
// A core that there is not ends in EL2's own fault report.
EL2_INLINE uint32_t *el2_word(uint32_t core, uint32_t word) {
  if (core >= el2_words_count) __builtin_trap();
  return &el2_words[core].word[word & 15];
}

// The pen where cores of a spin table wait (`Boot.S`): the address of its first place, and how many places there are.
// Written by el2_use_pen alone, with the MMU off.
struct el2_pen { uint64_t places, count; };
extern struct el2_pen el2_pen;
EL2_INLINE EL2_UNSAFE void el2_use_pen(uintptr_t places, uint64_t count) {
  el2_pen.places = places;
  el2_pen.count = count;
}

EL2_INLINE uint32_t el2_word_load(uint32_t core, uint32_t word) {
  return __atomic_load_n(el2_word(core, word), __ATOMIC_SEQ_CST);
}
EL2_INLINE void el2_word_store(uint32_t core, uint32_t word, uint32_t value) {
  __atomic_store_n(el2_word(core, word), value, __ATOMIC_SEQ_CST);
}
EL2_INLINE uint32_t el2_word_exchange(uint32_t core, uint32_t word, uint32_t value) {
  return __atomic_exchange_n(el2_word(core, word), value, __ATOMIC_SEQ_CST);
}
// Whether the word was `expected`, and is `value` now.
EL2_INLINE uint32_t el2_word_compare_exchange(uint32_t core, uint32_t word, uint32_t expected, uint32_t value) {
  return __atomic_compare_exchange_n(el2_word(core, word), &expected, value, 0,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// MARK: Assembly (Boot.S, Vectors.S, Vector registers) and the linker script

// Places in the image, as el2_address_of_<name>().
#define EL2_SYMBOLS(each) \
  each(__image_start) each(__text_end) each(__rodata_end) each(__image_end) \
  each(__page_pool_start) each(__page_pool_end) each(__scratch_end) each(__shared_storage_start) \
  each(__shared_storage_end) each(__link_storage_start) each(__link_storage_end) \
  each(el2_vectors) each(el2_secondary_entry) each(el2_pen_entry) each(__payload_descriptor)

#if EL2_TARGET
#define EL2_SYMBOL(name) \
  extern char name[]; \
  EL2_INLINE uintptr_t el2_address_of_##name(void) { return (uintptr_t)name; }
#else
#define EL2_SYMBOL(name) EL2_INLINE uintptr_t el2_address_of_##name(void) { __builtin_trap(); }
#endif
EL2_SYMBOLS(EL2_SYMBOL)

#if EL2_TARGET
// The SMC conduit with x0 to x17 taken from and returned to `registers[18]`. Without an EL3, or what
// stands in for it, the instruction is UNDEFINED at EL2, and the caller's to avoid.
void el2_smc(uint64_t *registers);
// Whether the CPU has the debug registers above from OSDTRRX_EL1 to DBGAUTHSTATUS_EL1 (`Probe.S`).
uint64_t el2_has_external_debug_registers(void);
// Copies the program to `destination`, a multiple of 4 KiB that nobody uses, and goes on there in
// stepwell_boot, with the MMU off. EL2's memory is to end at `end`.
void el2_move(uint64_t destination, uint64_t device_tree, uint64_t end) __attribute__((noreturn));
// Turns the stage-1 MMU and the caches on. The code runs identity-mapped, so it simply returns. EL2's
// memory ends at `end`.
void el2_enable_mmu(uint64_t mair, uint64_t tcr, uint64_t ttbr0, uint64_t sctlr, uint64_t end);
// Enters the guest with the registers in `frame` (x0 to x30; ELR_EL2 and SPSR_EL2 as they stand),
// leaving the EL2 stack empty.
void el2_enter_guest(void *frame) __attribute__((noreturn));
// V<n> of the guest, low and high half. The hypervisor itself never touches a SIMD register, so the
// guest's are in the hardware at any time.
void el2_read_vector(uint32_t n, uint64_t *halves);
void el2_write_vector(uint32_t n, const uint64_t *halves);
// Z<n> of the guest, as many bytes as the vectors that EL2 has are long, at most 256. UNDEFINED without SVE or,
// with SME, streaming mode.
void el2_read_scalable_vector(uint32_t n, uint64_t *value);
void el2_write_scalable_vector(uint32_t n, const uint64_t *value);
#else
EL2_INLINE void el2_smc(uint64_t *registers) { (void)registers; __builtin_trap(); }
EL2_INLINE uint64_t el2_has_external_debug_registers(void) { __builtin_trap(); }
EL2_INLINE __attribute__((noreturn)) void el2_move(uint64_t destination, uint64_t device_tree, uint64_t end) {
  (void)destination; (void)device_tree; (void)end; __builtin_trap();
}
EL2_INLINE void el2_enable_mmu(uint64_t mair, uint64_t tcr, uint64_t ttbr0, uint64_t sctlr, uint64_t end) {
  (void)mair; (void)tcr; (void)ttbr0; (void)sctlr; (void)end; __builtin_trap();
}
EL2_INLINE __attribute__((noreturn)) void el2_enter_guest(void *frame) { (void)frame; __builtin_trap(); }
EL2_INLINE void el2_read_vector(uint32_t n, uint64_t *halves) { (void)n; (void)halves; __builtin_trap(); }
EL2_INLINE void el2_write_vector(uint32_t n, const uint64_t *halves) { (void)n; (void)halves; __builtin_trap(); }
EL2_INLINE void el2_read_scalable_vector(uint32_t n, uint64_t *value) { (void)n; (void)value; __builtin_trap(); }
EL2_INLINE void el2_write_scalable_vector(uint32_t n, const uint64_t *value) { (void)n; (void)value; __builtin_trap(); }
#endif
