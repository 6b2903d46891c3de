import Testing

@testable import Hypervisor

/// A machine with the model of a GICv2, the controller under test, and a guest that is written as method calls, as
/// `MachineOf` is with a GICv3. ``Security/one`` is a GICv2 without the Security Extensions; with two Security states
/// all is as Non-secure software sees it.
final class GICv2Machine {
  let model: GICv2Model
  let controller: InterruptController<GICv2Model>
  private let interfaces: PerVCPU<VirtualCPUInterface>
  private var hasStarted: Set<Int> = []
  var fastPathCount = 0
  var guestIsMasked = false
  /// EL2's own interrupts that came, on which core.
  var events: [(core: Int, event: HypervisorInterrupt)] = []

  static var link: UInt32 { 79 }
  static var kick: UInt32 { 7 }
  static var timer: UInt32 { 26 }

  /// - Parameter numbers: the numbers of the vCPUs' CPU interfaces.
  init(
    numbers: [UInt8] = [0], listCount: Int = 4, isGuestSetUp: Bool = true, startsAll: Bool = true,
    prepare: (GICv2Model) -> Void = { _ in }
  ) {
    model = GICv2Model(
      numbers: numbers, hasSecurityExtensions: Security.current != .one, listCount: listCount)
    prepare(model)
    var links = InlineArray<4, OwnInterrupts.Link?>(repeating: nil)
    links[0] = OwnInterrupts.Link(number: InterruptNumber(Self.link), trigger: .edge)
    controller = InterruptController(
      hardware: model,
      own: OwnInterrupts(
        kick: InterruptNumber(Self.kick), maintenance: InterruptNumber(25),
        timer: InterruptNumber(Self.timer), links: links),
      privateInterrupts: .forTests(numbers.count) { _ in PrivateInterrupts() })
    interfaces = .forTests(numbers.count) { _ in VirtualCPUInterface() }
    #expect(throws: Never.self) { try controller.startDistributor(bootProcessor: 0) }
    for core in numbers.indices where startsAll || core == 0 {
      start(core)
      if isGuestSetUp { setUpGuest(on: core) }
    }
  }

  /// What Linux does to a core's GIC before it enables interrupts; without the Security Extensions everything is in
  /// group 0 then.
  func setUpGuest(on core: Int) {
    if core == 0 {
      write(0x000, 0)
      for n in 8..<255 { write(0x400 + 4 * n, 0xa0a0_a0a0) }
      for n in 1..<32 { write(0x180 + 4 * n, ~0) }
      write(0x000, 1)
    }
    for n in 0..<8 { write(0x400 + 4 * n, 0xa0a0_a0a0, on: core) }
    write(0x180, 0xffff_0000, on: core)
    write(0x100, 0x0000_ffff, on: core)
    setCPUInterface(on: core)
  }

  /// The guest writes GICC_CTLR and GICC_PMR, and finds GICV there.
  func setCPUInterface(control: UInt32 = 1, priorityMask: UInt32 = 0xf0, on core: Int = 0) {
    model.guestWriteInterface(control: control, priorityMask: priorityMask, on: core)
    settle()
  }

  // MARK: The hypervisor

  /// Runs something of EL2's on a core. Afterwards the guest goes on.
  private func onCore<Result>(
    _ core: Int, _ body: (inout VirtualCPUInterface) -> Result
  ) -> Result {
    model.executing = core
    let result = body(&interfaces[core])
    #expect(model.incompleteWrites == 0, "GICH was written, and nothing waits for it")
    return result
  }

  func start(_ core: Int) {
    onCore(core) { interface in
      if hasStarted.insert(core).inserted {
        #expect(throws: Never.self) { try controller.startCore(&interface, processor: core) }
      } else {
        controller.startVCPU(&interface)
      }
      controller.endWaiting(&interface)
    }
    settle()
  }

  func stop(_ core: Int) {
    onCore(core) {
      controller.stopVCPU(&$0)
      controller.beginWaiting(&$0)
    }
    settle()
  }

  func beginWaiting(on core: Int = 0) { onCore(core) { controller.beginWaiting(&$0) } }

  func endWaiting(on core: Int = 0) {
    onCore(core) {
      controller.endWaiting(&$0)
      controller.synchronize(&$0)
    }
    settle()
  }

  func setWithheld(_ isWithheld: Bool, on core: Int = 0) {
    onCore(core) { controller.setWithheld(isWithheld, &$0) }
    settle()
  }

  func hasPendingVirtualInterrupt(on core: Int = 0) -> Bool {
    onCore(core) { controller.hasPendingVirtualInterrupt($0) }
  }

  /// ISR_EL1 as the debugger reads it.
  func virtualStatus(on core: Int = 0) -> UInt64 {
    onCore(core) { _ in controller.virtualInterruptStatus() }
  }

  func kick(_ target: Int, from core: Int) {
    onCore(core) { _ in controller.kick(target) }
    settle()
  }

  /// Every core handles its physical interrupts, until there are none.
  func settle() {
    for _ in 0..<1000 {
      var isQuiet = true
      for core in model.cores.indices where model.highestPending(on: core) != nil {
        isQuiet = false
        onCore(core) { interface in
          var acknowledged = AcknowledgedInterrupt.none
          if BothPaths.takesFastPath {
            guard
              let handedOn = controller.deliverOnFastPath(
                &interface, guestIsMasked: guestIsMasked, isCalled: false)
            else {
              fastPathCount += 1
              return
            }
            acknowledged = handedOn
          }
          if let event = controller.handlePhysicalInterrupt(
            &interface, acknowledged: acknowledged, guestIsMasked: guestIsMasked)
          {
            events.append((core, event))
            if event == .timer { model.setLine(Self.timer, ofCore: core, false) }
          }
          controller.synchronize(&interface)
        }
      }
      if isQuiet { return }
    }
    Issue.record("an interrupt that is handled comes again for ever")
  }

  // MARK: The guest

  /// GICC_IAR.
  func acknowledge(on core: Int = 0) -> UInt32 {
    let value = model.guestReadIAR(on: core)
    settle()
    return value
  }

  /// GICC_EOIR.
  func end(_ value: UInt32, on core: Int = 0) {
    model.guestWriteEOIR(value, on: core)
    settle()
  }

  /// GICC_DIR.
  func deactivate(_ value: UInt32, on core: Int = 0) {
    model.guestWriteDIR(value, on: core)
    settle()
  }

  /// Takes and ends interrupts until there is none: what GICC_IAR said.
  func drain(on core: Int = 0) -> [UInt32] {
    var taken: [UInt32] = []
    while taken.count < 10_000 {
      let value = acknowledge(on: core)
      if value >= 1020 && value & 0x3ff >= 1020 { break }
      taken.append(value)
      end(value, on: core)
    }
    return taken
  }

  @discardableResult
  func access(_ access: RegisterAccess, on core: Int = 0) -> UInt64 {
    let value = accessQuietly(access, on: core)
    settle()
    return value
  }

  /// An access of the distributor after which no physical interrupt is looked for.
  @discardableResult
  func accessQuietly(_ access: RegisterAccess, on core: Int = 0) -> UInt64 {
    onCore(core) {
      let value = controller.accessDistributor(access, by: &$0)
      controller.synchronize(&$0)
      return value
    }
  }

  func write(_ offset: Int, _ value: UInt32, on core: Int = 0) {
    access(.write(offset, size: 4, UInt64(value)), on: core)
  }

  func write8(_ offset: Int, _ value: UInt8, on core: Int = 0) {
    access(.write(offset, size: 1, UInt64(value)), on: core)
  }

  func read(_ offset: Int, on core: Int = 0) -> UInt32 {
    UInt32(accessQuietly(.read(offset, size: 4), on: core))
  }

  func read8(_ offset: Int, on core: Int = 0) -> UInt8 {
    UInt8(accessQuietly(.read(offset, size: 1), on: core))
  }

  /// GICD_SGIR.
  func sendSGI(_ number: UInt32, to targets: UInt32, filter: UInt32 = 0, on core: Int = 0) {
    write(0xf00, filter << 24 | targets << 16 | number, on: core)
  }

  /// Sets up one of the guest's SPIs and enables it.
  func enableSPI(_ number: UInt32, priority: UInt8 = 0xa0, isEdge: Bool = true, targets: UInt8 = 1)
  {
    write8(0x400 + Int(number), priority)
    let offset = 0xc00 + Int(number / 16) * 4
    let bit: UInt32 = 0b10 << (number % 16 * 2)
    write(offset, isEdge ? read(offset) | bit : read(offset) & ~bit)
    write8(0x800 + Int(number), targets)
    write(0x100 + Int(number / 32) * 4, 1 << (number % 32))
  }

  func pulse(_ numbers: UInt32...) {
    for number in numbers {
      model.setLine(number, true)
      model.setLine(number, false)
    }
    settle()
  }

  func setLine(_ number: UInt32, _ isAsserted: Bool) {
    model.setLine(number, isAsserted)
    settle()
  }

  func setLine(_ number: UInt32, ofCore core: Int, _ isAsserted: Bool) {
    model.setLine(number, ofCore: core, isAsserted)
    settle()
  }

  /// What reads back of a priority that was written.
  func readable(_ priority: UInt8) -> UInt8 { model.seen(model.kept(priority)) }
}
