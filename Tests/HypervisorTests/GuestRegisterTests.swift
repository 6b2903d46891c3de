import RemoteProtocol
import Testing

@testable import Hypervisor

private struct Text: TextOutput {
  var bytes: [UInt8] = []
  mutating func write(_ byte: UInt8) { bytes.append(byte) }
  var string: String { String(decoding: bytes, as: UTF8.self) }
}

@Suite("The guest's system registers, as a debugger sees them")
struct GuestRegisterTests {
  private static let names = (0..<UInt8(GuestSystemRegister.count)).map {
    GuestSystemRegister(rawValue: $0).map { "\($0.name)" } ?? "none"
  }

  @Test(
    "each of the 42 is read from where the guest would read it",
    arguments: [
      // EL1's own, which EL2 does not change: live in the register.
      ("SCTLR_EL1", .register), ("ACTLR_EL1", .register), ("CPACR_EL1", .register),
      ("TTBR0_EL1", .register), ("TTBR1_EL1", .register), ("TCR_EL1", .register),
      ("MAIR_EL1", .register), ("AMAIR_EL1", .register), ("VBAR_EL1", .register),
      ("ESR_EL1", .register), ("FAR_EL1", .register), ("AFSR0_EL1", .register),
      ("AFSR1_EL1", .register), ("ELR_EL1", .register), ("SPSR_EL1", .register),
      ("SP_EL0", .register), ("SP_EL1", .register), ("PAR_EL1", .register),
      ("CONTEXTIDR_EL1", .register), ("TPIDR_EL0", .register), ("TPIDRRO_EL0", .register),
      ("TPIDR_EL1", .register), ("CSSELR_EL1", .register),
      // Time: the virtual counter stands still with the guest, the physical one does not.
      ("CNTKCTL_EL1", .register), ("CNTV_CTL_EL0", .virtualTimer), ("CNTV_CVAL_EL0", .register),
      ("CNTP_CTL_EL0", .register), ("CNTP_CVAL_EL0", .register), ("CNTVCT_EL0", .virtualTime),
      ("CNTFRQ_EL0", .register),
      // EL2 reads something else under these names.
      ("ISR_EL1", .virtualInterface), ("MIDR_EL1", .virtualIdentity),
      ("MPIDR_EL1", .virtualIdentity),
      // The same for everybody: HCR_EL2.TID0 to TID3 are 0.
      ("CTR_EL0", .register), ("ID_AA64PFR0_EL1", .register), ("ID_AA64PFR1_EL1", .register),
      ("ID_AA64DFR0_EL1", .register), ("ID_AA64ISAR0_EL1", .register),
      ("ID_AA64ISAR1_EL1", .register), ("ID_AA64MMFR0_EL1", .register),
      ("ID_AA64MMFR1_EL1", .register), ("ID_AA64MMFR2_EL1", .register),
    ] as [(String, GuestSystemRegister.Source)])
  func sources(name: String, source: GuestSystemRegister.Source) throws {
    let index = try #require(Self.names.firstIndex(of: name))
    #expect(try #require(GuestSystemRegister(rawValue: UInt8(index))).source == source)
    #expect(Self.names.count == 42 && GuestSystemRegister.count == 42)
  }

  @Test("the identification registers are what the guest reads as long as nothing traps them")
  func identification() {
    let traps: UInt64 = 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18  // TID0 to TID3
    #expect(ControlRegisters.hcr(ProcessorFeatures()) & traps == 0)
  }

  @Test(
    "ISTATUS is that of the count at which the guest's time stands",
    arguments: [
      // CNTV_CTL_EL0, CNTV_CVAL_EL0, count, what the guest reads
      (0b101, 1001, 1000, 0b001), (0b001, 1000, 1000, 0b101), (0b001, 1001, 1000, 0b001),
      (0b011, 999, 1000, 0b111), (0b100, 0, 1000, 0b000), (0b110, 0, 1000, 0b010),
      (0b001, .max, .max - 1, 0b001), (0b001, 0, 0, 0b101),
    ] as [(UInt64, UInt64, UInt64, UInt64)])
  func timer(control: UInt64, compare: UInt64, count: UInt64, seen: UInt64) {
    #expect(GuestTimer.control(control, compare: compare, count: count) == seen)
  }

  @Test(
    "the virtual counter stands at the stop's count, and never goes back from one stop to the next")
  func counter() {
    var clock = GuestClock()
    clock.stop(at: 1000)
    #expect(clock.virtualCount(at: 4000) == 1000)
    clock.start(at: 5000)
    // A step of 3 ticks.
    clock.stop(at: 5003)
    #expect(clock.virtualCount(at: 9999) == 1003)
    clock.start(at: 9000)
    clock.stop(at: 9000)
    #expect(clock.virtualCount(at: 9999) == 1003)
  }

  @Test("GDB writes back no system register after a call, and lists them as a group")
  func description() {
    var text = Text()
    writeTargetDescription(to: &text)
    let lines = text.string.split(separator: "\n").filter { $0.contains("<reg ") }
    let system = lines.filter { $0.contains("save-restore=\"no\"") }
    #expect(system.count == 42)
    #expect(system.allSatisfy { $0.contains("group=\"system\"") })
    #expect(Array(lines.suffix(42)) == Array(system))
  }

  @Test("a vector register has the members that it has in GDB's own description")
  func vectors() {
    var text = Text()
    writeTargetDescription(to: &text)
    for (union, members) in [
      ("vnd", "f u s"), ("vns", "f u s"), ("vnh", "bf f u s"), ("vnb", "u s"), ("vnq", "u s"),
      ("aarch64v", "d s h b q"),
    ] {
      let body =
        text.string.split(separator: "<union id=\"\(union)\">").last?
        .split(separator: "</union>").first ?? ""
      let names = body.matches(of: /<field name="([a-z]+)"/).map { String($0.output.1) }
      #expect(names.joined(separator: " ") == members)
    }
  }
}

@Suite("What the guest reads in ISR_EL1")
struct VirtualSignalTests {
  private static let irq: UInt64 = 1 << 7
  private static let fiq: UInt64 = 1 << 6

  /// VPMR, VBPR0 and VBPR1 of 2 and 3 (five bits of group priority for both), VFIQEn, both groups enabled.
  private static let control: UInt64 = 0xf8 << 24 | 2 << 21 | 3 << 18 | 1 << 3 | 0b11

  private func status(
    _ priority: UInt8, _ group: InterruptGroup = .group1, control: UInt64 = control,
    active: Int? = nil
  ) -> UInt64 {
    VirtualSignal(
      control: VirtualMachineControl(rawValue: control),
      type: VirtualInterfaceType(rawValue: 4 << 26 | 4 << 29), activePriority: active
    ).status(ListRegister(pending: InterruptNumber(40), priority: priority, group: group))
  }

  @Test("group 1 is an IRQ, group 0 an FIQ where VFIQEn is 1, and nothing pending neither")
  func groups() {
    #expect(status(0xa0) == Self.irq)
    #expect(status(0xa0, .group0) == Self.fiq)
    #expect(status(0xa0, .group0, control: Self.control & ~(1 << 3)) == Self.irq)
    let signal = VirtualSignal(
      control: VirtualMachineControl(rawValue: Self.control),
      type: VirtualInterfaceType(rawValue: 4 << 26 | 4 << 29), activePriority: nil)
    #expect(signal.status(nil) == 0)
  }

  @Test("the priority mask keeps back what is not above it")
  func mask() {
    let control = Self.control & 0xff_ffff | 0xa0 << 24
    #expect(status(0xa0, control: control) == 0)
    #expect(status(0x98, control: control) == Self.irq)
  }

  @Test(
    "what is active keeps back what it is not preempted by, judged by the bits of group priority",
    arguments: [
      // pending priority, active priority (bit of ICH_APxR), VBPR1, signalled
      (0xa0, 0x14, 3, false), (0x98, 0x14, 3, true), (0xa8, 0x14, 3, false),
      // Binary point 5 leaves [7:5] of group 1: 0x98 is 0x80, and 0xb8 is 0xa0.
      (0x98, 0x14, 5, true), (0xa0, 0x17, 5, false), (0x98, 0x13, 5, false), (0x78, 0x13, 5, true),
    ] as [(UInt8, Int, UInt64, Bool)])
  func preemption(priority: UInt8, active: Int, point: UInt64, isSignalled: Bool) {
    let control = Self.control & ~(7 << 18) | point << 18
    #expect((status(priority, control: control, active: active) != 0) == isSignalled)
  }

  @Test("with VCBPR group 1 takes the binary point of group 0")
  func commonBinaryPoint() {
    // VBPR0 of 5: [7:6] alone.
    let control = 0xf8 << 24 | 5 << 21 | 3 << 18 | 0b11 as UInt64
    #expect(status(0x98, control: control, active: 0x14) == Self.irq)
    #expect(status(0x98, control: control | 1 << 4, active: 0x14) == 0)
  }

  @Test(
    "the guest sees its own interrupt from when it is pending until it acknowledges it, withheld or not"
  )
  func guest() {
    let machine = InterruptMachine()
    func status() -> UInt64 {
      machine.model.executing = 0
      return machine.controller.virtualInterruptStatus()
    }
    machine.enableSPI(40)
    #expect(status() == 0)
    machine.pulse(40)
    #expect(status() == Self.irq)
    machine.setWithheld(true)
    #expect(status() == Self.irq)
    machine.setWithheld(false)
    #expect(machine.acknowledge() == 40)
    #expect(status() == 0)
    // A more urgent one preempts.
    machine.enableSPI(41, priority: 0x80)
    machine.enableSPI(42, priority: 0xa0)
    machine.pulse(42)
    #expect(status() == 0)
    machine.pulse(41)
    #expect(status() == Self.irq)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0, on: 0)
    #expect(status() == 0)
  }
}
