import ArmDebug
import DebugModel
import Testing

@testable import NestedDebug

/// What is put back is what was read out, or nothing is.
@Suite("Snapshots")
struct SnapshotTests {
  static let full = DebugCapabilities(dfr0: 0xF0F0_F006)

  /// Every register that stores something, the OS Lock's own last.
  static let stored: [DebugRegister] =
    (0..<16).flatMap { n -> [DebugRegister] in [.dbgbvr(n), .dbgbcr(n), .dbgwvr(n), .dbgwcr(n)] }
    + [.mdscr, .mdccint, .osdlr, .oseccr, .osdtrrx, .osdtrtx, .dbgprcr, .dbgclaimset]

  private static func access(
    _ debug: inout VirtualDebug, _ register: DebugRegister, write value: UInt64? = nil
  ) throws -> AccessResult? {
    let encoding = register.encoding
    return debug.access(
      SystemRegisterAccess(register: encoding, rt: 0, isRead: value == nil), value: value ?? 0)
  }

  /// Everything that the guest can read.
  private static func values(_ debug: inout VirtualDebug) throws -> [AccessResult?] {
    var values: [AccessResult?] = []
    for register in stored + [.oslsr, .dbgclaimclr, .mdccsr] {
      values.append(try access(&debug, register))
    }
    return values
  }

  /// A vCPU whose every register has a value of its own.
  private static func filled(osLock: Bool = true) throws -> VirtualDebug {
    var debug = VirtualDebug(capabilities: full, features: .none)
    for (n, register) in stored.enumerated() {
      _ = try access(&debug, register, write: 0x9E37_79B9_7F4A_7C15 &* UInt64(2 * n + 1))
    }
    _ = try access(&debug, .oslar, write: osLock ? 1 : 0)
    return debug
  }

  private static func restore(_ bytes: [UInt8], into debug: inout VirtualDebug) -> SnapshotError? {
    do throws(SnapshotError) {
      try debug.restore(SnapshotRecord(bytes.span))
      return nil
    } catch {
      return error
    }
  }

  private static func bytes(_ record: SnapshotRecord) -> [UInt8] {
    record.bytes.indices.map { record.bytes[$0] }
  }

  /// `bytes` with the checksum that belongs to them: CRC-32, by the polynomial.
  private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var crc = UInt32.max
    for byte in bytes[12...] {
      for bit in 0..<8 {
        let feedback = (crc ^ UInt32(byte >> bit)) & 1 == 1
        crc >>= 1
        if feedback { crc ^= 0xEDB8_8320 }
      }
    }
    return bytes[..<8] + (0..<4).map { UInt8(truncatingIfNeeded: ~crc >> (8 * $0)) } + bytes[12...]
  }

  @Test("every register comes back, the OS Lock on or off", arguments: [true, false])
  func roundTrip(osLock: Bool) throws {
    var source = try Self.filled(osLock: osLock)
    var target = VirtualDebug(capabilities: Self.full, features: .none)
    #expect(Self.restore(Self.bytes(source.snapshot()), into: &target) == nil)
    #expect(try Self.values(&target) == Self.values(&source))
    #expect(Self.bytes(target.snapshot()) == Self.bytes(source.snapshot()))
    // OSECCR_EL1 is kept while the lock hides it.
    _ = try Self.access(&source, .oslar, write: 1)
    _ = try Self.access(&target, .oslar, write: 1)
    #expect(try Self.access(&target, .oseccr) == Self.access(&source, .oseccr))
    #expect(try Self.access(&target, .oseccr) != .read(0))
  }

  @Test("every register has a place of its own in the record", arguments: stored)
  func noAliases(register: DebugRegister) throws {
    var debug = VirtualDebug(capabilities: Self.full, features: .none)
    let before = Self.bytes(debug.snapshot())
    let mask = try #require(register.description(on: Self.full)).mask
    _ = try Self.access(&debug, register, write: .max)
    let after = Self.bytes(debug.snapshot())
    let changed = (12..<600).filter { before[$0] != after[$0] }
    #expect(changed.count == (0..<8).count { mask >> (8 * $0) & 0xFF != 0 })
    #expect(try #require(changed.last) - changed[0] < 8)

    var target = VirtualDebug(capabilities: Self.full, features: .none)
    #expect(Self.restore(after, into: &target) == nil)
    #expect(try Self.values(&target) == Self.values(&debug))
  }

  /// A change for each stored property of guest state but the comparators, which `noAliases` goes
  /// through, by the property's name.
  private static let mutations: [String: @Sendable (inout GuestDebugState) -> Void] = [
    "mdscr": { $0.mdscr.rawValue = MDSCR.maskWhenLocked },
    "mdccint": { $0.mdccint = 0x6000_0000 },
    "osLock": { $0.osLock = false },
    "osDoubleLock": { $0.osDoubleLock = true },
    "oseccr": { $0.oseccr = 0xA5 },
    "dtrrx": { $0.dtrrx = 0x1122_3344 },
    "dtrtx": { $0.dtrtx = 0x5566_7788 },
    "noPowerDownRequest": { $0.noPowerDownRequest = true },
    "claimTags": { $0.claimTags = 0x81 },
  ]

  @Test("no part of guest state is left out of the record, and each comes back alone")
  func complete() throws {
    func fields(_ guest: GuestDebugState) -> [String: String] {
      var fields: [String: String] = [:]
      for child in Mirror(reflecting: guest).children where child.label != "bank" {
        fields[child.label ?? ""] = String(describing: child.value)
      }
      // Not state of the guest's: they tell the planner of writes.
      fields["comparatorChanges"] = nil
      fields["maskChanges"] = nil
      return fields
    }
    // A property that is new is missing here, and has to be thought of in the record.
    #expect(Set(fields(GuestDebugState()).keys) == Set(Self.mutations.keys))
    let empty = Self.bytes(Self.reset().snapshot())
    for (name, mutate) in Self.mutations {
      var source = Self.reset()
      mutate(&source.guest)
      let record = Self.bytes(source.snapshot())
      #expect(record[24...] != empty[24...], "\(name)")
      var target = Self.reset()
      #expect(Self.restore(record, into: &target) == nil)
      #expect(fields(target.guest) == fields(source.guest))
      #expect(fields(target.guest)[name] != fields(GuestDebugState())[name])
    }
  }

  @Test("the record: a header in little-endian, the capabilities, and 600 bytes in all")
  func layout() {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    debug.reset()
    let bytes = Self.bytes(debug.snapshot())
    #expect(bytes.count == SnapshotRecord.byteCount)
    #expect(bytes[..<8] == [0x53, 0x57, 0x44, 0x53, 1, 0, 0x58, 2])
    #expect(bytes[12..<24] == [0, 0, 0, 0, 0x06, 0x50, 0x30, 0x10, 0, 0, 0, 0])
    // Of all registers only OSLSR_EL1 is not 0 after reset.
    #expect((24..<600).filter { bytes[$0] != 0 } == [40])
    #expect(bytes[40] == 0b1010)
    #expect(Self.sealed(bytes) == bytes)
  }

  @Test("a flipped bit is noticed, wherever it is", arguments: 0..<600)
  func damaged(offset: Int) throws {
    let source = try Self.filled()
    var bytes = Self.bytes(source.snapshot())
    bytes[offset] ^= 1 << UInt8(offset & 7)
    var target = VirtualDebug(capabilities: Self.full, features: .none)
    let expected: SnapshotError =
      switch offset {
      case 0..<4: .notASnapshot
      case 4..<6: .unknownVersion
      case 6..<8: .wrongLength
      default: .damaged
      }
    #expect(Self.restore(bytes, into: &target) == expected)
    #expect(Self.bytes(target.snapshot()) == Self.bytes(Self.reset().snapshot()))
  }

  private static func reset() -> VirtualDebug {
    VirtualDebug(capabilities: full, features: .none)
  }

  @Test("a record of another length is refused", arguments: [0, 1, 12, 599, 601, 1200])
  func length(count: Int) throws {
    let source = try Self.filled()
    let bytes = Self.bytes(source.snapshot())
    var target = Self.reset()
    #expect(Self.restore(Array((bytes + bytes).prefix(count)), into: &target) == .wrongLength)
  }

  @Test(
    "a record of a processor with other debug hardware is refused",
    arguments: [
      0xF0F0_E006, 0xF0E0_F006, 0xE0F0_F006, 0xF0F0_F008, 0xF0_F0F0_F006, 0x1030_5106,
    ] as [UInt64])
  func otherProcessor(dfr0: UInt64) throws {
    let source = try Self.filled()
    var target = VirtualDebug(
      capabilities: DebugCapabilities(dfr0: dfr0), features: .none)
    let before = Self.bytes(target.snapshot())
    #expect(Self.restore(Self.bytes(source.snapshot()), into: &target) == .otherProcessor)
    #expect(Self.bytes(target.snapshot()) == before)
  }

  @Test(
    "a bit that its register does not have is refused, and nothing is changed",
    arguments: [
      (24, 0x02), (35, 0x10), (40, 0x01), (48, 0x02), (57, 0x01), (72, 0x02), (81, 0x01),
      (96, 0x08), (104, 0x01), (112 + 3, 0x20),
      // Breakpoint 6 and watchpoint 4, of which there are 6 and 4.
      (88 + 6 * 32, 0x04), (88 + 6 * 32 + 8, 0x01), (88 + 4 * 32 + 16, 0x04),
      (88 + 15 * 32 + 24, 0x01),
    ] as [(Int, UInt8)])
  func reservedBits(offset: Int, bits: UInt8) throws {
    var target = VirtualDebug(capabilities: .model, features: .none)
    let before = Self.bytes(target.snapshot())
    var bytes = before
    bytes[offset] |= bits
    #expect(Self.restore(Self.sealed(bytes), into: &target) == .reservedBits)
    #expect(Self.bytes(target.snapshot()) == before)
  }

  @Test("OSLSR_EL1.OSLM cannot be taken away")
  func lockModel() {
    var target = VirtualDebug(capabilities: .model, features: .none)
    var bytes = Self.bytes(target.snapshot())
    bytes[40] = 0b0010
    #expect(Self.restore(Self.sealed(bytes), into: &target) == .reservedBits)
  }

  /// Brings a vCPU into native or shared mode on `hardware`.
  private static func prepare(
    _ debug: inout VirtualDebug, _ hardware: inout RecordingHardware,
    _ requests: borrowing DebugRequests
  ) {
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x3C5))
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
  }

  @Test("in native mode the hardware has the restored registers when the guest goes on")
  func native() throws {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var other = RecordingHardware()
    Self.prepare(&debug, &other, DebugRequests())
    debug.captureGuestState(hardware: &hardware)
    let kept = debug.snapshot()
    let before = hardware.values

    for register in before.keys where register != .oslsr { hardware.values[register] = 0 }
    hardware.values[.oslsr] = 0b1010
    debug.captureGuestState(hardware: &hardware)
    try debug.restore(kept)
    // The stop goes on: nobody may take the hardware for the guest's registers now.
    debug.captureGuestState(hardware: &hardware)
    hardware.events = []
    Self.prepare(&debug, &hardware, DebugRequests())
    #expect(debug.mode == .native)
    #expect(hardware.events.last == .traps(false))
    for (register, value) in before { #expect(hardware.values[register] == value) }
  }

  @Test("in shared mode the plan follows, and the debugger keeps its requests")
  func shared() throws {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var other = RecordingHardware()
    Self.prepare(&debug, &other, DebugRequests())
    debug.captureGuestState(hardware: &hardware)
    let kept = debug.snapshot()

    var requests = DebugRequests()
    try requests.insertBreakpoint(at: 0xF000)
    debug.reset()
    Self.prepare(&debug, &hardware, requests)
    #expect(!debug.plan.bank.breakpoints[1].control.e)
    try debug.restore(kept)
    #expect(debug.mode == .shared)
    Self.prepare(&debug, &hardware, requests)
    #expect(hardware.values[.dbgbvr(1)] == 0x1004)
    #expect(hardware.values[.dbgbvr(2)] == 0xF000)
    #expect(debug.plan.breakpointOwners[1] == .guest)
    #expect(debug.plan.breakpointOwners[2] == .debugger(request: 0))
    // And in the hardware once the debugger is gone.
    Self.prepare(&debug, &hardware, DebugRequests())
    #expect(hardware.values[.mdscr] == 0xB001)
    #expect(hardware.values[.dbgbvr(0)] == 0x1000)
  }
}
