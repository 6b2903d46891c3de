import ArmDebug
import SeededRandom
import Testing

@testable import DebugModel
@testable import NestedDebug

/// A processor with every debug register, whose OS Lock locks and whose registers do to a write what the
/// architecture's table says.
private struct WholeProcessor: DebugHardware, GuestProcessor {
  var state = GuestDebugState()
  let capabilities: DebugCapabilities
  var events: [RecordingHardware.Event] { others.events }
  private var others = RecordingHardware()

  init(_ capabilities: DebugCapabilities) { self.capabilities = capabilities }

  /// What an access comes to on this processor.
  mutating func access(_ register: DebugRegister, isRead: Bool, _ value: UInt64) -> AccessResult {
    state.access(register, isRead: isRead, value: value, on: capabilities)
  }

  mutating func read(_ register: DebugRegister) -> UInt64 {
    guard case .read(let value) = access(register, isRead: true, 0) else {
      Issue.record("\(register) is read")
      return 0
    }
    return value
  }
  mutating func write(_ register: DebugRegister, _ value: UInt64) {
    others.write(register, value)
    if access(register, isRead: false, value) != .written { Issue.record("\(register) is written") }
  }

  mutating func read(_ register: ExceptionRegister) -> UInt64 { others.read(register) }
  mutating func write(_ register: ExceptionRegister, _ value: UInt64) {
    others.write(register, value)
  }
  mutating func read(_ register: GeneralRegister) -> UInt64 { others.read(register) }
  mutating func write(_ register: GeneralRegister, _ value: UInt64) {
    others.write(register, value)
  }
  mutating func setDebugTraps(_ on: Bool) { others.setDebugTraps(on) }
  mutating func setVirtualInterruptsWithheld(_ on: Bool) {}
  mutating func setWaitTraps(_ on: Bool) {}
  mutating func synchronize() { others.synchronize() }
  mutating func fetchInstruction(at pc: UInt64) -> UInt32? { nil }
  mutating func load(
    _ size: UInt64, at address: UInt64, from el: ExceptionLevel
  ) -> ExclusiveValue? { nil }
  mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome { .impossible }
}

/// Where the processor has the external debugger's registers, they too are the same in both modes.
@Suite("Every register, from mode to mode")
struct ExternalModeTests {
  private static var capabilities: DebugCapabilities {
    var capabilities = DebugCapabilities.model
    capabilities.external = ExternalDebugRegisters(
      authenticationStatus: 0xFF, romAddress: 0x8000_0003)
    return capabilities
  }

  /// Every register that there is, and the first of each kind that there is not.
  private static let registers: [DebugRegister] =
    (0...6).flatMap { [.dbgbvr($0), .dbgbcr($0)] } + (0...4).flatMap { [.dbgwvr($0), .dbgwcr($0)] }
    + [
      .mdscr, .mdccint, .mdrar, .oslar, .oslsr, .osdlr, .oseccr, .osdtrrx, .osdtrtx, .dbgprcr,
      .dbgclaimset, .dbgclaimclr, .dbgauthstatus, .mdccsr, .dbgdtr, .dbgdtrRxTx,
    ]

  private static var requests: DebugRequests { requests(isHeld: true) }

  /// One breakpoint, if the debugger holds the hardware.
  private static func requests(isHeld: Bool) -> DebugRequests {
    var requests = DebugRequests()
    if isHeld { try? requests.insertBreakpoint(at: 0xF000) }
    return requests
  }

  private static func enter(
    _ debug: inout VirtualDebug, _ hardware: inout WholeProcessor,
    _ requests: borrowing DebugRequests
  ) {
    // EL1 with every mask: no step is due, whatever the guest writes to MDSCR_EL1.
    var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
    debug.guestExited(nil, context: &context, hardware: &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
  }

  /// The guest's access, on the hardware or trapped.
  private static func access(
    _ debug: inout VirtualDebug, _ hardware: inout WholeProcessor, _ register: DebugRegister,
    isRead: Bool, _ value: UInt64
  ) -> AccessResult {
    guard debug.mode == .shared else {
      return hardware.access(register, isRead: isRead, value)
    }
    return debug.access(
      SystemRegisterAccess(register: register.encoding, rt: 0, isRead: isRead), value: value)
      ?? .undefined
  }

  @Test(
    "a guest cannot tell when the debugger comes and goes, by any register",
    arguments: 0..<UInt64(60)
  )
  func comesAndGoes(seed: UInt64) {
    var random = SplitMix64(state: seed)
    var bare = WholeProcessor(Self.capabilities)
    var hardware = WholeProcessor(Self.capabilities)
    var debug = VirtualDebug(capabilities: Self.capabilities, features: .none)
    var isHeld = seed & 1 == 0
    Self.enter(&debug, &hardware, Self.requests(isHeld: isHeld))
    for step in 0..<400 {
      if Int.random(in: 0..<8, using: &random) == 0 {
        debug.captureGuestState(hardware: &hardware)
        isHeld.toggle()
        Self.enter(&debug, &hardware, Self.requests(isHeld: isHeld))
        #expect(debug.mode == (isHeld ? .shared : .native))
      }
      guard let register = Self.registers.randomElement(using: &random) else { return }
      let isRead = Bool.random(using: &random)
      let value = UInt64.random(in: 0...UInt64.max, using: &random)
      let expected = bare.access(register, isRead: isRead, value)
      let found = Self.access(&debug, &hardware, register, isRead: isRead, value)
      if found != expected {
        Issue.record("seed \(seed), step \(step): \(register) \(found), bare \(expected)")
        return
      }
      if isHeld { Self.enter(&debug, &hardware, Self.requests) }
    }
  }

  @Test("after a reset they are as the hardware has them, and stay so", arguments: [true, false])
  func reset(isHeld: Bool) {
    var hardware = WholeProcessor(Self.capabilities)
    for (register, value) in [
      (.dbgclaimset, 0x81), (.osdtrtx, 0x1234), (.osdtrrx, 0x5678), (.oseccr, 0x11),
      (.dbgprcr, 1), (.mdscr, 1 << 29 | 1 << 14 | 0x8000), (.dbgbcr(0), 1),
    ] as [(DebugRegister, UInt64)] {
      _ = hardware.access(register, isRead: false, value)
    }
    var debug = VirtualDebug(capabilities: Self.capabilities, features: .none)
    Self.enter(&debug, &hardware, Self.requests(isHeld: isHeld))
    for (register, value) in [
      (.dbgclaimclr, 0x81), (.osdtrtx, 0x1234), (.osdtrrx, 0x5678), (.oseccr, 0x11),
      // Of MDSCR_EL1 only what is the external debugger's.
      (.dbgprcr, 1), (.mdscr, 1 << 29 | 1 << 14), (.dbgbcr(0), 0), (.oslsr, 0b1010),
      (.dbgauthstatus, 0xFF), (.mdrar, 0x8000_0003),
    ] as [(DebugRegister, UInt64)] {
      #expect(
        Self.access(&debug, &hardware, register, isRead: true, 0) == .read(value), "\(register)")
    }
    Self.enter(&debug, &hardware, DebugRequests())
    #expect(hardware.state.claimTags == 0x81)
    #expect(hardware.state.oseccr == 0x11)
    #expect(hardware.state.mdscr.rawValue == 1 << 29 | 1 << 14)
  }

  @Test("a snapshot that is put back is in the hardware when the guest goes on")
  func restored() throws {
    var source = VirtualDebug(capabilities: Self.capabilities, features: .none)
    var other = WholeProcessor(Self.capabilities)
    Self.enter(&source, &other, Self.requests)
    for (register, value) in [
      (.dbgclaimset, 0x42), (.osdtrtx, 0x1234), (.oseccr, 0x22), (.dbgprcr, 1),
    ] as [(DebugRegister, UInt64)] {
      _ = Self.access(&source, &other, register, isRead: false, value)
    }
    var hardware = WholeProcessor(Self.capabilities)
    _ = hardware.access(.dbgclaimset, isRead: false, 0xFF)
    var debug = VirtualDebug(capabilities: Self.capabilities, features: .none)
    Self.enter(&debug, &hardware, DebugRequests())
    try debug.restore(source.snapshot())
    Self.enter(&debug, &hardware, DebugRequests())
    #expect(debug.mode == .native)
    #expect(hardware.state.claimTags == 0x42)
    #expect(hardware.state.dtrtx == 0x1234)
    #expect(hardware.state.oseccr == 0x22)
    #expect(hardware.state.noPowerDownRequest)
  }

  @Test("where the processor lacks them, none is touched", arguments: [true, false])
  func absent(osLock: Bool) {
    var hardware = RecordingHardware.filled(osLock: osLock)
    var debug = VirtualDebug(capabilities: .model, features: .none)
    for isHeld in [false, true, false] {
      var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
      debug.prepareToRun(
        context: &context, hardware: &hardware, requests: Self.requests(isHeld: isHeld))
    }
    for event in hardware.events {
      guard case .write(let register, _) = event else { continue }
      switch register {
      case .osdtrrx, .osdtrtx, .oseccr, .dbgprcr, .dbgclaimset, .dbgclaimclr:
        Issue.record("\(register) is written")
      default: break
      }
    }
  }
}
