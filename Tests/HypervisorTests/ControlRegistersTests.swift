import Testing

@testable import Hypervisor

/// The identification registers of two CPUs as QEMU 7.2 has them, of one with nothing and of one with
/// everything.
private enum CPU {
  static let bare: ProcessorFeatures = {
    var cpu = ProcessorFeatures()
    cpu.mmfr0 = 0x0000_1122
    return cpu
  }()

  static let cortexA72: ProcessorFeatures = {
    var cpu = ProcessorFeatures()
    cpu.pfr0 = 0x0000_0000_0100_0222
    cpu.dfr0 = 0x0000_0000_1030_5106
    cpu.mmfr0 = 0x0000_0000_0000_1124
    return cpu
  }()

  static let everything: ProcessorFeatures = {
    var cpu = ProcessorFeatures()
    cpu.pfr0 = 0x2111_1111_1111_1111 | 3 << 56
    cpu.pfr1 = 0x0000_1111_0221_0321
    cpu.dfr0 = 0x0012_1111_f0f0_f80b
    cpu.isar1 = 0x3111_1111_1111_1111
    cpu.isar2 = 0x0000_0000_0111_1111
    cpu.mmfr0 = 0x2100_0000_0000_0005
    cpu.mmfr1 = 0x0000_0100_0000_0020
    cpu.mmfr3 = 0x111
    cpu.smfr0 = 1 << 63
    return cpu
  }()
}

@Suite("What the CPU has, the guest has")
struct ControlRegistersTests {
  private func bit(_ n: Int, of value: UInt64) -> Bool { value >> UInt64(n) & 1 != 0 }

  @Test("HCR_EL2 virtualises interrupts and memory, and traps SMC alone")
  func hcr() {
    for cpu in [CPU.bare, CPU.cortexA72, CPU.everything] {
      let hcr = ControlRegisters.hcr(cpu)
      for (name, n) in [("VM", 0), ("SWIO", 1), ("FMO", 3), ("IMO", 4), ("TSC", 19), ("RW", 31)] {
        #expect(bit(n, of: hcr), "\(name)")
      }
      for (name, n) in [
        ("AMO", 5), ("DC", 12), ("TWI", 13), ("TWE", 14), ("TID0", 15), ("TID1", 16),
        ("TID2", 17), ("TID3", 18), ("TIDCP", 20), ("TACR", 21), ("TSW", 22), ("TPCP", 23),
        ("TPU", 24), ("TTLB", 25), ("TVM", 26), ("TGE", 27), ("TDZ", 28), ("HCD", 29),
        ("TRVM", 30), ("CD", 32), ("ID", 33), ("E2H", 34), ("TLOR", 35), ("TERR", 36),
        ("NV", 42), ("FWB", 46), ("TID4", 49), ("TICAB", 50), ("TOCU", 52),
      ] {
        #expect(!bit(n, of: hcr), "\(name)")
      }
    }
  }

  @Test("HCR_EL2 gives pointer authentication, SCXTNUM and memory tags to whoever has them")
  func hcrFeatures() {
    for n in [40, 41, 53, 56] {
      #expect(bit(n, of: ControlRegisters.hcr(CPU.everything)), "bit \(n)")
      #expect(!bit(n, of: ControlRegisters.hcr(CPU.cortexA72)), "bit \(n)")
    }
  }

  @Test(
    "HCR_EL2.FIEN where error records can inject faults: RAS 2, or 1 with RAS_frac",
    arguments: [(0 as UInt64, 0 as UInt64, false), (1, 0, false), (1, 1, true), (2, 0, true)])
  func faultInjection(ras: UInt64, fraction: UInt64, enabled: Bool) {
    var cpu = CPU.bare
    cpu.pfr0 = ras << 28
    cpu.pfr1 = fraction << 12
    #expect(bit(47, of: ControlRegisters.hcr(cpu)) == enabled)
  }

  @Test("SCTLR_EL2: exceptions and returns synchronise, and the RES1 bits are set")
  func sctlr() {
    for bit in [0, 2, 3, 12, 19] { #expect(ControlRegisters.sctlr >> bit & 1 == 1) }
    // EOS, EIS; the other bits that are RES1 in Armv8.0.
    for bit in [11, 22] + [4, 5, 16, 18, 23, 28, 29] {
      #expect(ControlRegisters.sctlr >> bit & 1 == 1)
    }
    // A, which would make unaligned accesses fault; IESB; EE.
    for bit in [1, 21, 25] { #expect(ControlRegisters.sctlr >> bit & 1 == 0) }
  }

  @Test("WFI and WFE trap while the debugger steps, and only then")
  func waitTraps() {
    let difference =
      ControlRegisters.hcr(CPU.cortexA72) ^ ControlRegisters.hcr(CPU.cortexA72, waitTraps: true)
    #expect(difference == 0b11 << 13)
  }

  @Test("CPTR_EL2 traps neither FP nor SVE nor SME nor trace nor activity monitors")
  func cptr() {
    let all = ControlRegisters.cptr(CPU.everything)
    for (name, n) in [("TZ", 8), ("TFP", 10), ("TSM", 12), ("TTA", 20), ("TAM", 30), ("TCPAC", 31)]
    {
      #expect(!bit(n, of: all), "\(name)")
    }
    // Without SVE and SME their bits are RES1.
    #expect(ControlRegisters.cptr(CPU.cortexA72) == 0x33ff)
  }

  @Test("MDCR_EL2: native traps nothing, shared traps debug, and PMU traps never")
  func mdcr() {
    for cpu in [CPU.bare, CPU.cortexA72, CPU.everything] {
      let native = ControlRegisters.mdcr(cpu, counters: 6, debugTraps: false)
      let shared = ControlRegisters.mdcr(cpu, counters: 6, debugTraps: true)
      #expect(native & 0x1f == 6, "HPMN: all counters are the guest's")
      #expect(native ^ shared == 0b1111 << 8, "TDE, TDA, TDOSA, TDRA")
      #expect(native & 0b1111 << 8 == 0)
      for (name, n) in [("TPMCR", 5), ("TPM", 6), ("TPMS", 14), ("TTRF", 19), ("TDCC", 27)] {
        #expect(!bit(n, of: shared), "\(name)")
      }
    }
  }

  @Test(
    "The PMU does not count EL2 where the CPU can be told so",
    arguments: [(0 as UInt64, false, false), (1, false, false), (4, true, false), (6, true, true)])
  func pmuProhibited(version: UInt64, events: Bool, cycles: Bool) {
    var cpu = CPU.bare
    cpu.dfr0 = version << 8
    let mdcr = ControlRegisters.mdcr(cpu, counters: 0, debugTraps: false)
    #expect(bit(17, of: mdcr) == events, "HPMD")
    #expect(bit(23, of: mdcr) == cycles, "HCCD")
  }

  @Test("Profiling and trace buffers are EL1's")
  func buffers() {
    let mdcr = ControlRegisters.mdcr(CPU.everything, counters: 0, debugTraps: false)
    #expect(mdcr >> 12 & 3 == 3, "E2PB")
    #expect(mdcr >> 24 & 3 == 3, "E2TB")
  }

  @Test("HCRX_EL2 enables exactly what there is")
  func hcrx() {
    #expect(ControlRegisters.hcrx(CPU.cortexA72) == 0)
    let all = ControlRegisters.hcrx(CPU.everything)
    for (name, n) in [
      ("EnAS0", 0), ("EnALS", 1), ("EnASR", 2), ("MSCEn", 11), ("TCR2En", 14), ("SCTLR2En", 15),
      ("GCSEn", 22),
    ] {
      #expect(bit(n, of: all), "\(name)")
    }
  }

  @Test(
    "VTCR_EL2 and TCR_EL2 cover the addresses from a level that the architecture allows",
    arguments: [
      // Bits, SL0 for a 4 KiB granule (1 starts at level 1, 2 at level 0), PS
      (32, 1 as UInt64, 0 as UInt64), (36, 1, 1), (40, 1, 2), (42, 1, 3), (44, 2, 4), (48, 2, 5),
    ])
  func vtcr(bits: Int, sl0: UInt64, size: UInt64) {
    let vtcr = ControlRegisters.vtcr(CPU.bare, addressBits: bits)
    #expect(vtcr & 0x3f == UInt64(64 - bits), "T0SZ")
    #expect(vtcr >> 6 & 3 == sl0, "SL0")
    #expect(vtcr >> 14 & 3 == 0, "TG0: 4 KiB")
    #expect(vtcr >> 16 & 7 == size, "PS")
    #expect(bit(31, of: vtcr), "RES1")
    #expect(ControlRegisters.tcr(addressBits: bits) >> 16 & 7 == size, "TCR_EL2.PS")
    let pages = rootPages(
      startLevel: ControlRegisters.stage2StartLevel(addressBits: bits), inputBits: bits)
    #expect(pages <= 16, "at most 16 tables can be concatenated")
  }

  @Test(
    "Addresses are as wide as the machine calls for, so that a narrower core can come up later",
    arguments: [
      // PARange of the boot core, the highest address that is named, bits
      (4 as UInt64, 0xffff_ffff as UInt64, 40), (4, 0xff_ffff_ffff, 40), (4, 0x100_0000_0000, 42),
      (5, 0x3ff_ffff_ffff, 42), (5, 0x400_0000_0000, 44), (5, 0x1000_0000_0000, 48),
      (6, .max, 48),
      // What the boot core has not nobody can have.
      (0, 0xffff_ffff, 32), (1, 0xffff_ffff, 36), (4, .max, 44),
    ])
  func addressBits(paRange: UInt64, last: UInt64, bits: Int) {
    var cpu = CPU.bare
    cpu.mmfr0 = paRange
    #expect(ControlRegisters.addressBits(cpu, reaching: last) == bits)
  }

  @Test("A Cortex-A53 comes up beside a Cortex-A72 that has booted")
  func unequalCores() {
    var a53 = CPU.cortexA72
    a53.mmfr0 = 0x1122
    #expect(a53.physicalAddressBits == 40)
    let bits = ControlRegisters.addressBits(CPU.cortexA72, reaching: 0xffff_ffff)
    #expect(a53.lack(besideAddressBits: bits, needsGICv3: true) == nil)
    // Where the tree names something beyond what it can address, it cannot.
    guard case .shortAddresses? = a53.lack(besideAddressBits: 44, needsGICv3: true) else {
      Issue.record("44 bits")
      return
    }
  }

  @Test("A core that cannot be beneath a guest is refused with its reason")
  func lacks() {
    var host = CPU.cortexA72
    // ID_AA64MMFR4_EL1.E2H0 is -1 or -2 where HCR_EL2.E2H is always 1.
    for value in [0xe as UInt64, 0xf] {
      host.mmfr4 = value << 24
      guard case .hostModeOnly? = host.lack(besideAddressBits: 40, needsGICv3: true) else {
        Issue.record("E2H0 = \(value)")
        return
      }
    }
    host.mmfr4 = 0
    #expect(host.lack(besideAddressBits: 40, needsGICv3: true) == nil)
    host.mmfr0 |= 0xf << 28
    guard case .noGranule? = host.lack(besideAddressBits: 40, needsGICv3: true) else {
      Issue.record("no granule")
      return
    }
    host.pfr0 &= ~(0xf << 24)
    // Of a GICv2 it needs nothing.
    guard case .noGranule? = host.lack(besideAddressBits: 40, needsGICv3: false) else {
      Issue.record("no GICv3 needed")
      return
    }
    guard case .noGICv3? = host.lack(besideAddressBits: 40, needsGICv3: true) else {
      Issue.record("no GICv3")
      return
    }
  }

  @Test("The guest reads its own CPU's identity")
  func identity() {
    var cpu = CPU.cortexA72
    cpu.midr = 0x410f_d083
    cpu.mpidr = 0x8000_0003
    #expect(ControlRegisters.vpidr(cpu) == cpu.midr)
    #expect(ControlRegisters.vmpidr(cpu) == cpu.mpidr)
  }

  @Test("Fine-grained traps: bits whose names begin with n are set, all others clear")
  func fineGrainedTraps() {
    typealias Traps = ControlRegisters.FineGrainedTraps
    // nACCDATA_EL1; nGCS_EL0, nGCS_EL1, nSMPRI_EL1, nTPIDR2_EL0, nRCWMASK_EL1, nPIRE0_EL1,
    // nPIR_EL1, nPOR_EL0, nPOR_EL1, nS2POR_EL1, nMAIR2_EL1, nAMAIR2_EL1.
    #expect(Traps.registers == 0xfff4_0000_0000_0000)
    #expect(Traps.instructions == 0x0f80_0000_0000_0000)
    #expect(Traps.debugReads == 0x7800_0000_0000_0000)
    #expect(Traps.debugWrites == 0x7000_0000_0000_0000)
    #expect(Traps.activityMonitors == 0)
    // FEAT_FGT2: nPMSSDATA, nSPMID and nSPMDEVAFF_EL1 have no write, nPMZR_EL0 no read.
    #expect(Traps.debugReads2 ^ Traps.debugWrites2 == 1 << 6 | 1 << 17 | 1 << 18 | 1 << 21)
    #expect(Traps.debugReads2 | Traps.debugWrites2 == (1 << 25) - 1)
    #expect(Traps.registerReads2 ^ Traps.registerWrites2 == 1 << 1)
    #expect(!bit(0, of: Traps.instructions2), "TSBCSYNC")
  }
}
