import ArmDebug
import Testing

@testable import Hypervisor

/// A machine with the model of a GICv3, the controller under test, and a guest that is written as
/// method calls. After each thing that the guest or a device does, every core takes its physical
/// interrupts and looks, as it does in the hypervisor.
final class MachineOf<Model: InterruptModel> {
  let model: Model
  let controller: InterruptController<Model>
  private let interfaces: PerVCPU<VirtualCPUInterface>
  private var hasStarted: Set<Int> = []
  /// Why the controller or a core did not start.
  private(set) var faults: [InterruptControllerFault] = []
  /// What it does to a core that is turned on.
  private let firmware: (Model, _ core: Int) -> Void
  /// How many interrupts took the fast path.
  var fastPathCount = 0
  /// Whether every core is asked for more than interrupts.
  var isCalled = false
  /// PSTATE.I of the guest on every core.
  var guestIsMasked = false
  /// EL2's own interrupts that came, on which core.
  var events: [(core: Int, event: HypervisorInterrupt)] = []

  static var link: UInt32 { 79 }
  static var kick: UInt32 { 7 }
  static var timer: UInt32 { 26 }

  /// `cores` of consecutive Aff0, started, with a guest that has done what an operating system does
  /// first: everything in group 1, the groups enabled, nothing masked.
  init(
    cores: Int = 1, affinities: [UInt64]? = nil, security: Security = .current, listCount: Int = 4,
    canTrapDeactivation: Bool = true, isGuestSetUp: Bool = true,
    linkTrigger: InterruptTrigger = .edge, prepare: (Model) -> Void = { _ in },
    firmware: @escaping (Model, _ core: Int) -> Void = { _, _ in }
  ) {
    self.firmware = firmware
    let affinities = affinities ?? (0..<cores).map { UInt64($0) }
    model = Model(
      affinities: affinities, hasSingleSecurityState: security == .one, listCount: listCount,
      canTrapDeactivation: canTrapDeactivation)
    model.routesGroup0ToEL3 = security != .twoWithRawMask
    prepare(model)
    var links = InlineArray<4, OwnInterrupts.Link?>(repeating: nil)
    links[0] = OwnInterrupts.Link(
      number: InterruptNumber(Self.link), trigger: linkTrigger)
    controller = InterruptController(
      hardware: model,
      own: OwnInterrupts(
        kick: InterruptNumber(Self.kick), maintenance: InterruptNumber(25),
        timer: InterruptNumber(Self.timer), links: links),
      privateInterrupts: .forTests(affinities.count) { _ in PrivateInterrupts() })
    interfaces = .forTests(affinities.count) { _ in VirtualCPUInterface() }
    noteFault { () throws(InterruptControllerFault) in
      try controller.startDistributor(bootProcessor: 0)
    }
    for core in affinities.indices { start(core) }
    if isGuestSetUp { for core in affinities.indices { setUpGuest(on: core) } }
  }

  private func noteFault(_ body: () throws(InterruptControllerFault) -> Void) {
    do throws(InterruptControllerFault) { try body() } catch { faults.append(error) }
  }

  /// What Linux does to a core's GIC before it enables interrupts.
  func setUpGuest(on core: Int) {
    if core == 0 {
      write(0x0000, 0, on: core)
      for n in 1..<32 { write(0x0080 + 4 * n, ~0, on: core) }
      for n in 0..<32 { write(0x1000 + 4 * n, ~0, on: core) }
      write(0x0000, 0b10, on: core)
    }
    writePrivate(0x14, 0, on: core)
    for n in 0..<3 { writePrivate(0x10080 + 4 * n, ~0, on: core) }
    for n in 0..<4 { writePrivate(0x10400 + 4 * n, 0xa0a0_a0a0, on: core) }
    writePrivate(0x10100, 0xffff, on: core)
    setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: core)
  }

  /// The guest writes ICC_PMR_EL1, ICC_IGRPEN<n>_EL1 and ICC_CTLR_EL1.EOImode.
  func setCPUInterface(priorityMask: UInt64, groups: UInt64, splits: Bool = false, on core: Int) {
    model.cores[core].vmcr = priorityMask << 24 | groups | 1 << 3 | (splits ? 1 << 9 : 0)
    settle()
  }

  /// What reads back of a priority that was written: Non-secure software has a bit less.
  func readable(_ priority: UInt8) -> UInt64 {
    UInt64(priority & (model.hasSingleSecurityState ? 0xf8 : 0xf0))
  }

  /// What reads back of groups that were written: with two Security states they are not Non-secure's.
  func groups(_ value: UInt32) -> UInt32 { model.hasSingleSecurityState ? value : 0 }

  // MARK: The hypervisor

  func start(_ core: Int) {
    firmware(model, core)
    model.executing = core
    if hasStarted.insert(core).inserted {
      noteFault { () throws(InterruptControllerFault) in
        try controller.startCore(&interfaces[core], processor: core)
      }
    } else {
      controller.startVCPU(&interfaces[core])
    }
    controller.endWaiting(&interfaces[core])
    settle()
  }

  /// The vCPU is turned off; its core waits in EL2.
  func stop(_ core: Int) {
    model.executing = core
    controller.stopVCPU(&interfaces[core])
    controller.beginWaiting(&interfaces[core])
    settle()
  }

  /// The core begins to wait in EL2, with its vCPU as it is.
  func beginWaiting(on core: Int) {
    model.executing = core
    controller.beginWaiting(&interfaces[core])
  }

  func endWaiting(on core: Int) {
    model.executing = core
    controller.endWaiting(&interfaces[core])
    controller.synchronize(&interfaces[core])
  }

  func takeOwnInterrupt(on core: Int) {
    model.executing = core
    controller.takeOwnInterrupt(&interfaces[core])
  }

  func setWithheld(_ isWithheld: Bool, on core: Int = 0) {
    model.executing = core
    controller.setWithheld(isWithheld, &interfaces[core])
    settle()
  }

  func hasPendingVirtualInterrupt(on core: Int = 0) -> Bool {
    model.executing = core
    return controller.hasPendingVirtualInterrupt(interfaces[core])
  }

  /// Every core handles its physical interrupts, until there are none.
  func settle() {
    for _ in 0..<1000 {
      var isQuiet = true
      for core in model.cores.indices where model.highestPending(on: core) != nil {
        isQuiet = false
        model.executing = core
        var acknowledged = AcknowledgedInterrupt.none
        if BothPaths.takesFastPath {
          guard
            let handedOn = controller.deliverOnFastPath(
              &interfaces[core], guestIsMasked: guestIsMasked, isCalled: isCalled)
          else {
            fastPathCount += 1
            continue
          }
          acknowledged = handedOn
        }
        if let event = controller.handlePhysicalInterrupt(
          &interfaces[core], acknowledged: acknowledged, guestIsMasked: guestIsMasked)
        {
          events.append((core, event))
          // Its owner sees to the timer, or it would come again.
          if event == .timer { model.setLine(Self.timer, ofCore: core, false) }
        }
        controller.synchronize(&interfaces[core])
      }
      if isQuiet { return }
    }
    Issue.record("an interrupt that is handled comes again for ever")
  }

  // MARK: The guest

  /// Acknowledges: the INTID, or 1023.
  func acknowledge(on core: Int = 0, group: Int = 1) -> UInt32 {
    // TALL0, TALL1.
    if model.cores[core].hcr & 0b11 << 11 != 0 {
      model.executing = core
      controller.guestAcknowledges(&interfaces[core])
      #expect(model.cores[core].hcr & 0b11 << 11 == 0, "it would trap for ever")
    }
    let number = model.guestAcknowledge(on: core, group: group)
    settle()
    return number
  }

  func end(_ number: UInt32, on core: Int = 0) {
    model.guestEnd(number, on: core)
    settle()
  }

  func deactivate(_ number: UInt32, on core: Int = 0) {
    if !model.guestDeactivate(number, on: core) {
      model.executing = core
      controller.deactivate(InterruptNumber(number), &interfaces[core])
      controller.synchronize(&interfaces[core])
    }
    settle()
  }

  /// Takes and ends interrupts until there is none: in the order of taking.
  func drain(on core: Int = 0, group: Int = 1) -> [UInt32] {
    var taken: [UInt32] = []
    while taken.count < 10_000 {
      let number = acknowledge(on: core, group: group)
      if number == 1023 { break }
      taken.append(number)
      end(number, on: core)
    }
    return taken
  }

  func sendSGI(_ value: UInt64, _ register: SGIRegister = .sgi1, on core: Int = 0) {
    model.executing = core
    let isDone =
      BothPaths.takesFastPath && register == .sgi1
      && controller.requestSGIOnFastPath(value, from: interfaces[core])
    if !isDone {
      controller.requestSGI(register, value, from: interfaces[core])
      controller.synchronize(&interfaces[core])
    }
    settle()
  }

  /// A trapped access of an ICC register.
  func accessCPUInterface(
    _ access: SystemRegisterAccess, value: UInt64, on core: Int = 0
  ) -> TrappedInterruptAccess? {
    model.executing = core
    return controller.accessCPUInterface(access, value: value, &interfaces[core])
  }

  @discardableResult
  func access(
    _ frame: GICv3Frame, _ access: RegisterAccess, on core: Int = 0
  ) -> UInt64 {
    let value = accessQuietly(frame, access, on: core)
    settle()
    return value
  }

  /// An access after which no physical interrupt is looked for.
  @discardableResult
  func accessQuietly(
    _ frame: GICv3Frame, _ access: RegisterAccess, on core: Int = 0
  ) -> UInt64 {
    model.executing = core
    let value: UInt64 =
      switch frame {
      case .distributor: controller.accessDistributor(access, by: &interfaces[core])
      case .redistributor(let n):
        controller.accessRedistributor(of: n, access, by: &interfaces[core])
      }
    controller.synchronize(&interfaces[core])
    return value
  }

  func write(_ offset: Int, _ value: UInt32, on core: Int = 0) {
    access(.distributor, .write(offset, size: 4, UInt64(value)), on: core)
  }

  func read(_ offset: Int, on core: Int = 0) -> UInt32 {
    UInt32(accessQuietly(.distributor, .read(offset, size: 4), on: core))
  }

  /// A core's access of its own redistributor.
  func writePrivate(_ offset: Int, _ value: UInt32, on core: Int = 0) {
    access(.redistributor(core), .write(offset, size: 4, UInt64(value)), on: core)
  }

  func readPrivate(_ offset: Int, on core: Int = 0) -> UInt32 {
    UInt32(accessQuietly(.redistributor(core), .read(offset, size: 4), on: core))
  }

  /// Sets up one of the guest's SPIs (32 to 1019) and enables it.
  func enableSPI(_ number: UInt32, priority: UInt8 = 0xa0, isEdge: Bool = true, route: UInt64 = 0) {
    access(.distributor, .write(0x400 + Int(number), size: 1, UInt64(priority)))
    let offset = 0xc00 + Int(number / 16) * 4
    let bit: UInt32 = 0b10 << (number % 16 * 2)
    write(offset, isEdge ? read(offset) | bit : read(offset) & ~bit)
    access(.distributor, .write(0x6000 + 8 * Int(number), size: 8, route))
    write(0x100 + Int(number / 32) * 4, 1 << (number % 32))
  }

  /// Sets up one of the guest's PPIs or SPIs of any range as level-sensitive, and enables it.
  func enableLevelSensitive(_ number: UInt32) {
    let number = InterruptNumber(number)
    let frame: GICv3Frame = number.kind == .spi ? .distributor : .redistributor(0)
    func write(_ register: InterruptRegister, size: Int = 4, _ value: UInt64) {
      access(frame, .write(register.offset(of: number), size: size, value))
    }
    write(.igroupr, ~0)
    write(.ipriorityr, size: 1, 0xa0)
    write(.icfgr, 0)
    write(.isenabler, UInt64(number.bit))
  }

  /// A device changes the line of any of core 0's.
  func setLine(of number: UInt32, _ isAsserted: Bool) {
    if InterruptNumber(number).kind == .spi {
      setLine(number, isAsserted)
    } else {
      setLine(number, ofCore: 0, isAsserted)
    }
  }

  /// A device pulls the line of an edge-triggered SPI up and down.
  func pulse(_ numbers: UInt32...) {
    for number in numbers {
      model.setLine(number, true)
      model.setLine(number, false)
    }
    settle()
  }

  /// A device changes the line of a level-sensitive SPI.
  func setLine(_ number: UInt32, _ isAsserted: Bool) {
    model.setLine(number, isAsserted)
    settle()
  }

  /// A private device of `core` changes its line.
  func setLine(_ number: UInt32, ofCore core: Int, _ isAsserted: Bool) {
    model.setLine(number, ofCore: core, isAsserted)
    settle()
  }
}

typealias InterruptMachine = MachineOf<InterruptModel>

/// What the machine has of Security states.
enum Security: CaseIterable, CustomTestStringConvertible {
  case one
  /// Two, group 0 being EL3's (SCR_EL3.FIQ = 1).
  case two
  /// Two, and SCR_EL3.FIQ = 0: ICC_PMR_EL1 is of all priorities, other priorities are the Non-secure's.
  case twoWithRawMask

  /// That which the test at hand is run with.
  @TaskLocal static var current = one

  var testDescription: String { "\(self)" }
}

/// Runs each test with one Security state and with two, and each with the fast path of an interrupt
/// wherever the hypervisor takes it, and without.
struct BothPaths: SuiteTrait, TestTrait, TestScoping {
  @TaskLocal static var takesFastPath = false

  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    for security in Security.allCases {
      for takesFastPath in [false, true] {
        try await Security.$current.withValue(security) {
          try await Self.$takesFastPath.withValue(takesFastPath) { try await function() }
        }
      }
    }
  }
}

extension Trait where Self == BothPaths {
  static var bothPaths: Self { Self() }
}
