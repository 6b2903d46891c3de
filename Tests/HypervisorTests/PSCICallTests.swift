import Testing

@testable import Hypervisor

/// A machine with memory from 1 to 2 GiB, and firmware that takes note of what it is asked.
private final class FakeMachine: PSCIMachine {
  /// By vCPU. Those of index 0 to 3 have affinity 0, 1, 0x100 and 0x1_0000_0000.
  var powers: [PSCI.Power] = [.on, .off, .onPending, .on]
  static let affinities: [UInt64] = [0, 1, 0x100, 0x1_0000_0000]
  var hasFirmware = true
  /// A device that ends the machine where there is no firmware.
  var hasPowerManager = false
  var canEnd: Bool { hasFirmware || hasPowerManager }
  var powerStateFormat = PSCI.PowerState.Format.original
  /// What firmware answers to a function identifier, or to PSCI_FEATURES of one; all else it does not
  /// know.
  var answers: [UInt32: UInt64] = [:]
  var features: [UInt32: UInt64] = [:]
  /// What a core's start comes to.
  var startStatus = PSCI.Status.success

  /// Where vCPUs begin. What an earlier CPU_ON left is stale.
  private(set) var entries = Array(repeating: "stale", count: 4)
  /// What another core does meanwhile: it runs before and after each step of a call.
  var otherCore: ((FakeMachine) -> Void)?

  /// What was done, in order.
  private(set) var deeds: [String] = []
  private(set) var isLocked = false

  var vcpuCount: Int { powers.count }
  func vcpu(affinity: UInt64) -> Int? { Self.affinities.firstIndex(of: affinity) }
  func isGuestMemory(_ address: UInt64) -> Bool { (1 << 30..<2 << 30).contains(address) }

  func callFirmware(_ call: PSCI.Call) -> UInt64 {
    guard hasFirmware else { return PSCI.Status.notSupported.value }
    if call.id == PSCI.Function.features.rawValue {
      return features[UInt32(call.x1)] ?? 0xffff_ffff
    }
    deeds.append("firmware \(hex(UInt64(call.id))) \(hex(call.x1)) \(hex(call.x2))")
    return answers[call.id] ?? 0xffff_ffff
  }

  func power(of vcpu: Int) -> PSCI.Power { step { powers[vcpu] } }
  func setPower(of vcpu: Int, _ power: PSCI.Power) {
    #expect(isLocked)
    step { powers[vcpu] = power }
  }
  func withPowerLocked<Result>(_ body: () -> Result) -> Result {
    #expect(!isLocked)
    step { isLocked = true }
    defer { step { isLocked = false } }
    return body()
  }

  func prepare(_ vcpu: Int, entry: UInt64, context: UInt64) {
    #expect(isLocked)
    #expect(powers[vcpu] == .off)
    step { entries[vcpu] = "\(hex(entry)) \(hex(context))" }
  }
  func start(_ vcpu: Int) -> PSCI.Status {
    step { deeds.append("start \(vcpu) \(entries[vcpu])") }
    return startStatus
  }
  func stop(_ vcpu: Int) { step { deeds.append("stop \(vcpu)") } }

  private func step<Result>(_ body: () -> Result) -> Result {
    look()
    defer { look() }
    return body()
  }

  /// The other core's own steps are not interrupted.
  private func look() {
    guard let otherCore else { return }
    self.otherCore = nil
    otherCore(self)
    self.otherCore = otherCore
  }
  func standBy(_ vcpu: Int) { deeds.append("standby \(vcpu)") }
  func end(_ call: PSCI.Call, for vcpu: Int) {
    deeds.append("end \(vcpu) \(hex(UInt64(call.id))) \(hex(call.x1)) \(hex(call.x2))")
  }
  func cannotEnd() { deeds.append("cannot end") }

  private func hex(_ value: UInt64) -> String { String(value, radix: 16) }
}

@Suite("PSCI calls, Arm DEN 0022 section 5: each argument that a guest may give")
struct PSCICallTests {
  struct Row: CustomTestStringConvertible {
    var testDescription: String
    var x: [UInt64]
    var caller = 0
    /// nil where firmware's answer comes later.
    var answer: Int64?
    var deeds: [String] = []
  }

  private static func row(
    _ name: String, _ x: UInt64..., by caller: Int = 0, is answer: Int64?, _ deeds: String...
  ) -> Row {
    Row(testDescription: name, x: x, caller: caller, answer: answer, deeds: deeds)
  }

  private static let garbage: UInt64 = 0xdead_beef_0000_0000

  static let rows = [
    row("VERSION", 0x8400_0000, is: 0x1_0001),
    row("VERSION, no live SVE state", 0x8401_0000, is: 0x1_0001),
    row("CPU_ON, no live SVE state", 0xc401_0003, 1, 1 << 30, 9, is: 0, "start 1 40000000 9"),
    row("VERSION, the other half of x0", garbage | 0x8400_0000, is: 0x1_0001),
    row("MIGRATE", 0x8400_0005, is: -1),
    row("MIGRATE, 64 bits", 0xc400_0005, is: -1),
    row("MIGRATE_INFO_TYPE", 0x8400_0006, is: 2),
    row("MIGRATE_INFO_UP_CPU", 0xc400_0007, is: -1),
    row("CPU_FREEZE", 0x8400_000b, is: -1),
    row("CPU_DEFAULT_SUSPEND", 0xc400_000c, 1 << 30, 0, is: -1),
    row("NODE_HW_STATE", 0xc400_000d, 0, 0, is: -1),
    row("SYSTEM_SUSPEND", 0xc400_000e, 1 << 30, 0, is: -1),
    row("PSCI_SET_SUSPEND_MODE", 0x8400_000f, 1, is: -1),
    row("PSCI_STAT_RESIDENCY", 0xc400_0010, 0, 0, is: -1),
    row("PSCI_STAT_COUNT", 0xc400_0011, 0, 0, is: -1),
    row("SYSTEM_OFF2", 0xc400_0015, 1, 0, is: -1),
    row("the last number of the range", 0x8400_001f, is: -1),
    // MEM_PROTECT is firmware's alone.
    row("MEM_PROTECT", 0x8400_0013, 1, is: -1, "firmware 84000013 1 0"),
    row(
      "MEM_PROTECT_CHECK_RANGE", 0xc400_0014, 1 << 30, 1 << 40, is: -1,
      "firmware c4000014 40000000 10000000000"),
    row(
      "MEM_PROTECT_CHECK_RANGE, 32 bits", 0x8400_0014, garbage | 5, garbage | 7, is: -1,
      "firmware 84000014 5 7"),

    // CPU_ON: parameters, then addresses, then states.
    row(
      "CPU_ON", 0xc400_0003, 1, 0x4000_0004, garbage | 9, is: 0, "start 1 40000004 deadbeef00000009"
    ),
    row("CPU_ON, 32 bits", 0x8400_0003, 1, 0x4000_0004, garbage | 9, is: 0, "start 1 40000004 9"),
    row(
      "CPU_ON, 32 bits, other halves", 0x8400_0003, garbage | 1, garbage | 0x4000_0004, 9, is: 0,
      "start 1 40000004 9"),
    row("CPU_ON of itself", 0xc400_0003, 0, 1 << 30, 0, is: -4),
    row("CPU_ON of one that is on", 0xc400_0003, 0x1_0000_0000, 1 << 30, 0, is: -4),
    row("CPU_ON of one on its way", 0xc400_0003, 0x100, 1 << 30, 0, is: -5),
    row("CPU_ON of one that is not there", 0xc400_0003, 2, 1 << 30, 0, is: -2),
    row("CPU_ON, MPIDR's RES1 bit in the affinity", 0xc400_0003, 0x8000_0001, 1 << 30, 0, is: -2),
    row("CPU_ON, bits above the affinity", 0xc400_0003, 1 << 40 | 1, 1 << 30, 0, is: -2),
    row(
      "CPU_ON of Aff3, which 32 bits do not have", 0x8400_0003, 0x1_0000_0000, 1 << 30, 0, is: -4),
    row("CPU_ON at an odd address", 0xc400_0003, 1, 0x4000_0001, 0, is: -9),
    row("CPU_ON between instructions", 0xc400_0003, 1, 0x4000_0002, 0, is: -9),
    row("CPU_ON where there is no memory", 0xc400_0003, 1, 0x900_0000, 0, is: -9),
    row("CPU_ON beyond all addresses", 0xc400_0003, 1, garbage | 1 << 30, 0, is: -9),
    row("CPU_ON of one that is on, at a bad address", 0xc400_0003, 0, 1, 0, is: -9),
    row("CPU_ON of one that is not there, at a bad address", 0xc400_0003, 2, 1, 0, is: -2),

    row("CPU_OFF", 0x8400_0002, is: 0, "stop 0"),
    row("CPU_OFF, arguments of an older version", 0x8400_0002, 0x1_0000, is: 0, "stop 0"),
    row("CPU_OFF, 64 bits", 0xc400_0002, is: -1),

    row("AFFINITY_INFO, on", 0xc400_0004, 0, 0, is: 0),
    row("AFFINITY_INFO, off", 0xc400_0004, 1, 0, is: 1),
    row("AFFINITY_INFO, on its way", 0xc400_0004, 0x100, 0, is: 2),
    row("AFFINITY_INFO, Aff3", 0xc400_0004, 0x1_0000_0000, 0, is: 0),
    row("AFFINITY_INFO, 32 bits, other halves", 0x8400_0004, garbage | 1, garbage, is: 1),
    row("AFFINITY_INFO, the other half of the level", 0xc400_0004, 1, garbage, is: 1),
    row("AFFINITY_INFO of one that is not there", 0xc400_0004, 2, 0, is: -2),
    row("AFFINITY_INFO of a level above", 0xc400_0004, 0, 1, is: -2),
    row("AFFINITY_INFO of no level", 0xc400_0004, 0, 4, is: -2),
    row("AFFINITY_INFO, MPIDR's RES1 bit", 0xc400_0004, 0x8000_0000, 0, is: -2),

    row("CPU_SUSPEND, standby", 0xc400_0001, 0, 0, 0, is: 0, "standby 0"),
    row("CPU_SUSPEND, 32 bits, other halves", 0x8400_0001, garbage, garbage, is: 0, "standby 0"),
    row(
      "CPU_SUSPEND, standby does not look at the entry", 0xc400_0001, 0xffff, 1, 0, is: 0,
      "standby 0"),
    row("CPU_SUSPEND, power-down", 0xc400_0001, 0x1_0000, 1 << 30, 0, is: 0, "standby 0"),
    row(
      "CPU_SUSPEND, power-down of a cluster", 0xc400_0001, 0x101_0000, 1 << 30, 0, is: 0,
      "standby 0"),
    row("CPU_SUSPEND, power-down to an odd address", 0xc400_0001, 0x1_0000, 0x4000_0001, 0, is: -9),
    row("CPU_SUSPEND, power-down to no memory", 0xc400_0001, 0x1_0000, 0, 0, is: -9),
    row("CPU_SUSPEND, reserved bit 17", 0xc400_0001, 0x2_0000, 1 << 30, 0, is: -2),
    row("CPU_SUSPEND, reserved bit 26", 0xc400_0001, 0x400_0000, 0, 0, is: -2),
    row("CPU_SUSPEND, reserved bit 31", 0xc400_0001, 0x8000_0000, 0, 0, is: -2),
    row("CPU_SUSPEND, the other half of the state", 0xc400_0001, garbage, 0, 0, is: 0, "standby 0"),

    row("SYSTEM_OFF", 0x8400_0008, is: nil, "end 0 84000008 0 0"),
    row("SYSTEM_OFF by another", garbage | 0x8400_0008, by: 3, is: nil, "end 3 84000008 0 0"),
    row("SYSTEM_OFF, 64 bits", 0xc400_0008, is: -1),
    row("SYSTEM_RESET", 0x8400_0009, is: nil, "end 0 84000009 0 0"),
    // This firmware does not say that it has it.
    row("SYSTEM_RESET2", 0x8400_0012, 0, 0, is: -1),
    row("SYSTEM_RESET2, 64 bits", 0xc400_0012, 0x8000_0000, 0, is: -1),
  ]

  @Test("is answered as by firmware", arguments: rows)
  func answers(row: Row) {
    let machine = FakeMachine()
    #expect(call(row.x, by: row.caller, on: machine) == row.answer)
    #expect(machine.deeds == row.deeds)
  }

  private func call(
    _ x: [UInt64], by caller: Int = 0, isSMC: Bool = true, on machine: FakeMachine
  ) -> Int64? {
    let x = x + [0, 0, 0, 0]
    return PSCI.answer(
      PSCI.Call(x0: x[0], x[1], x[2], x[3]), by: caller, isSMC: isSMC, on: machine
    ).map { Int64(bitPattern: $0) }
  }

  @Test("A vCPU on its way has its entry: its core may begin at any moment, before it is called")
  func entryBeforeState() {
    let machine = FakeMachine()
    var begun: [String] = []
    machine.otherCore = {
      guard $0.powers[1] == .onPending else { return }
      begun.append($0.entries[1])
      $0.powers[1] = .on
    }
    #expect(call([0xc400_0003, 1, 0x4000_0000, 5], on: machine) == 0)
    #expect(begun == ["40000000 5"])
    #expect(machine.powers[1] == .on)
  }

  @Test("A vCPU that turns itself off is on to the others until its core has done with it")
  func takenUpNotEarlier() {
    let machine = FakeMachine()
    var answers: [Bool: Set<[Int64?]>] = [:]
    machine.otherCore = {
      // Who wants the lock waits for it.
      guard !$0.isLocked else { return }
      let hasStopped = $0.deeds.contains("stop 0")
      let info = call([0xc400_0004, 0], by: 3, on: $0)
      let power = $0.powers[0]
      let on = call([0xc400_0003, 0, 0x4000_0000], by: 3, on: $0)
      $0.powers[0] = power
      answers[hasStopped, default: []].insert([info, on])
    }
    #expect(call([0x8400_0002], on: machine) == 0)
    // AFFINITY_INFO, and CPU_ON: on and ALREADY_ON, then off and SUCCESS.
    #expect(answers[false] == [[0, -4]])
    #expect(answers[true] == [[0, -4], [1, 0]])
  }

  @Test("Of two vCPUs that turn themselves off at any moments of each other's, one stays on")
  func bothTurnOff() {
    for moment in 0..<40 {
      let machine = FakeMachine()
      machine.powers = [.on, .off, .off, .on]
      var moments = 0, other: Int64?
      machine.otherCore = {
        if moments >= moment && !$0.isLocked && other == nil {
          other = call([0x8400_0002], by: 3, on: $0)
        }
        moments += 1
      }
      let own = call([0x8400_0002], on: machine)
      if other == nil { other = call([0x8400_0002], by: 3, on: machine) }
      #expect(Set([own, other]) == [0, -3])
      #expect(machine.powers.count { $0 == .on } == 1)
    }
  }

  @Test(
    "SMCCC_VERSION is there for who calls by SMC, as firmware says; by HVC nothing of firmware's is"
  )
  func conventionVersion() {
    let machine = FakeMachine()
    machine.features = [0x8000_0000: 0]
    #expect(call([0x8400_000a, 0x8000_0000], on: machine) == 0)
    #expect(call([0x8400_000a, 0x8000_0000], isSMC: false, on: machine) == -1)
    #expect(FirmwareFilter.decision(for: 0x8000_0000, trustedOS: false) == .pass)
    machine.features = [:]
    #expect(call([0x8400_000a, 0x8000_0000], on: machine) == -1)
  }

  @Test("CPU_ON's target is on its way, and off again if its core does not start")
  func turningOn() {
    let machine = FakeMachine()
    #expect(call([0xc400_0003, 1, 1 << 30], on: machine) == 0)
    #expect(machine.powers[1] == .onPending)
    machine.powers[1] = .off
    machine.startStatus = .internalFailure
    #expect(call([0xc400_0003, 1, 1 << 30], on: machine) == -6)
    #expect(machine.powers[1] == .off)
  }

  @Test(
    "CPU_OFF of the last vCPU that is on is DENIED; one on its way is one that is on",
    arguments: [
      ([PSCI.Power.on, .off, .off, .off], 0, -3 as Int64), ([.off, .off, .off, .on], 3, -3),
      ([.on, .off, .onPending, .off], 0, 0), ([.on, .on, .off, .off], 1, 0),
    ])
  func turningOff(powers: [PSCI.Power], caller: Int, answer: Int64) {
    let machine = FakeMachine()
    machine.powers = powers
    #expect(call([0x8400_0002], by: caller, on: machine) == answer)
    #expect(machine.powers[caller] == (answer == 0 ? .off : .on))
    #expect(machine.deeds == (answer == 0 ? ["stop \(caller)"] : []))
  }

  @Test(
    "PSCI_FEATURES says 0 of what there is, and of what is firmware's what firmware says",
    arguments: [
      (0x8400_0000 as UInt64, 0 as Int64), (0x8400_0001, 0), (0xc400_0001, 0), (0x8400_0002, 0),
      (0x8400_0003, 0), (0xc400_0003, 0), (0x8400_0004, 0), (0xc400_0004, 0), (0x8400_0006, 0),
      (0x8400_0008, 0), (0x8400_0009, 0), (0x8400_000a, 0), (0xdead_beef_8400_000a, 0),
      (0x8400_0012, -1), (0xc400_0012, 0), (0x8400_0013, -1), (0xc400_0014, 5), (0x8000_0000, 0),
      // Not there, or not with 64 bits.
      (0xc400_0000, -1), (0xc400_0002, -1), (0x8400_0005, -1), (0x8400_0007, -1), (0x8400_000b, -1),
      (0x8400_000c, -1), (0x8400_000d, -1), (0xc400_000e, -1), (0x8400_000f, -1), (0x8400_0010, -1),
      (0x8400_0011, -1), (0xc400_0015, -1), (0x8400_001f, -1), (0x8400_0020, -1), (0, -1),
      (0x8000_0001, -1),
    ])
  func features(id: UInt64, answer: Int64) {
    let machine = FakeMachine()
    machine.features = [0xc400_0012: 0, 0xc400_0014: 5, 0x8000_0000: 0]
    #expect(call([0x8400_000a, id], on: machine) == answer)
    #expect(machine.deeds == [])
  }

  @Test("The format of CPU_SUSPEND's argument is firmware's, and the guest is told which")
  func extendedPowerState() {
    let machine = FakeMachine()
    machine.powerStateFormat = .extended
    #expect(call([0x8400_000a, 0xc400_0001], on: machine) == 2)
    #expect(call([0xc400_0001, 0x0fff_ffff], on: machine) == 0)
    #expect(call([0xc400_0001, 0x4000_0033, 1 << 30], on: machine) == 0)
    #expect(call([0xc400_0001, 0x4000_0033, 2], on: machine) == -9)
    for reserved in [28, 29, 31] {
      #expect(call([0xc400_0001, 1 << UInt64(reserved)], on: machine) == -2)
    }
    #expect(machine.deeds == ["standby 0", "standby 0"])
  }

  @Test(
    "SYSTEM_RESET2 that firmware has: the warm reset and a vendor's types are firmware's, others nobody's",
    arguments: [
      (0 as UInt64, true), (0x8000_0000, true), (0xffff_ffff, true), (1, false),
      (0x7fff_ffff, false),
    ])
  func reset2(type: UInt64, isPassedOn: Bool) {
    let machine = FakeMachine()
    machine.features = [0x8400_0012: 0, 0xc400_0012: 0]
    #expect(
      call([0xc400_0012, 0xff << 32 | type, 1 << 40], on: machine) == (isPassedOn ? nil : -2))
    #expect(call([0x8400_0012, type, 1 << 40 | 3], by: 3, on: machine) == (isPassedOn ? nil : -2))
    let id = String(0xff << 32 | type, radix: 16), id32 = String(type, radix: 16)
    #expect(
      machine.deeds
        == (isPassedOn ? ["end 0 c4000012 \(id) 10000000000", "end 3 84000012 \(id32) 3"] : []))
  }

  @Test("Without firmware nobody ends the machine, which is said and answered")
  func noFirmware() {
    let machine = FakeMachine()
    machine.hasFirmware = false
    for id: UInt64 in [0x8400_0008, 0x8400_0009, 0x8400_0012] {
      #expect(call([0x8400_000a, id], on: machine) == -1)
      #expect(call([id], on: machine) == -1)
    }
    #expect(machine.deeds == ["cannot end", "cannot end"])
  }

  @Test("A device that ends the machine stands in for firmware, for off and reset")
  func powerManager() {
    let machine = FakeMachine()
    machine.hasFirmware = false
    machine.hasPowerManager = true
    for id: UInt64 in [0x8400_0008, 0x8400_0009] {
      #expect(call([0x8400_000a, id], on: machine) == 0)
      #expect(call([id], on: machine) == nil)
    }
    // Other kinds of reset are firmware's.
    #expect(call([0x8400_0012], on: machine) == -1)
    #expect(machine.deeds == ["end 0 84000008 0 0", "end 0 84000009 0 0"])
  }
}
