public import DeviceTree

/// What EL2 finds in a board's device tree, without the board: the answers of the very code that EL2 boots with.
///
/// What only the board itself can say, such as the features of its CPU or what sits on a virtio transport, counts as
/// it has to be for a guest.
public struct TreeSurvey: ~Copyable {
  /// What a guest needs and a device tree names.
  public enum Part: Sendable {
    case processors, memory, interruptController, console, link
    /// The whole, once its parts are there.
    case machine
  }

  /// How the cores beside the first come up.
  public enum Start: Sendable {
    /// There are none.
    case notNeeded
    /// By the firmware's PSCI.
    case firmware
    /// By a spin table, for which EL2 offers the guest a PSCI of its own.
    case spinTable
    /// The tree names no way that is known. Some boot loaders add it, before they start the image.
    case unknown
  }

  /// How many bytes ``init(_:memory:)`` needs.
  public static let memorySize = maximumVCPUs &* 8 &+ 4096

  /// What EL2's image and its tables take, at most, besides the memory for each vCPU. (The linker script has the sum;
  /// a host does not.)
  private static let ownSize: UInt64 = 4 << 20
  /// A kernel of the usual size, where a boot loader usually puts one.
  private static let usualKernel: UInt64 = 64 << 20

  private let tree: DeviceTree
  private var machine: MachineDescription
  private var processorsError: MachineError?
  private var memoryError: MachineError?
  private var interruptControllerError: MachineError?
  private var linkError: MachineError?
  private var machineError: MachineError?

  /// How the cores beside the first come up.
  public private(set) var start = Start.notNeeded
  /// The regions that no operating system may use as it likes, of both kinds.
  public private(set) var reservationCount = 0
  /// Whether the guest's tree is too large for the place of the loader's, so that it moves.
  public private(set) var treeMoves = false

  /// Surveys a tree.
  ///
  /// - Parameter memory: at least ``memorySize`` bytes that nobody else uses while the survey lasts.
  @unsafe
  public init(_ tree: DeviceTree, memory: UnsafeMutableRawBufferPointer) {
    self.tree = tree
    let begin = UInt(bitPattern: memory.baseAddress)
    var own = BootMemory(from: begin, to: begin &+ UInt(memory.count))
    let count = max(Boot.vcpuCount(of: tree), 1)
    guard let affinities = PerVCPU<UInt64>(count, in: &own, { _ in 0 }) else {
      fatalError("A survey was given too little memory.")
    }
    machine = MachineDescription(affinities: affinities)
    machine.console = MachineDescription.findConsole(tree)
    read()
  }

  /// Reads part after part, so that one that is missing hides no other.
  private mutating func read() {
    // The board starts on the CPU that it lists first; EL2 accepts any.
    var processors = try? tree.processors()
    let first = processors?.next()?.affinity ?? 0
    do throws(MachineError) {
      try machine.readProcessors(tree, bootAffinity: first)
      try machine.readFirmware(tree, isEL3: true)
    } catch { processorsError = error }
    readStart(bootAffinity: first)
    do throws(MachineError) {
      try MachineDescription.readMemory(tree, into: &machine.memory)
    } catch { memoryError = error }
    do throws(MachineError) {
      // GICC_IIDR of a GIC-400, at any of a GICv2's frames that is looked at.
      try machine.readInterruptController(tree) { _ in 0x0202_143b }
    } catch { interruptControllerError = error }
    do throws(MachineError) {
      machine.link = try MachineDescription.findLink(tree, console: machine.console) { _ in true }
    } catch { linkError = error }
    countReservations()
    // Regions cannot be told apart before they are known.
    guard memoryError == nil, interruptControllerError == nil, linkError == nil else { return }
    do throws(MachineError) {
      machine.hypervisor = try place()
      try machine.findOwners(tree)
      treeMoves = try size() > tree.totalSize
    } catch { machineError = error }
  }

  private mutating func readStart(bootAffinity: UInt64) {
    guard machine.processorCount > 1 else { return }
    if machine.usesSpinTable {
      start = .spinTable
    } else {
      start = ((try? tree.psci()) ?? nil) != nil ? .firmware : .unknown
    }
  }

  private mutating func countReservations() {
    var reservations = tree.reservations
    while reservations.next() != nil { reservationCount &+= 1 }
    var nodes = tree.reservedMemoryNodes
    while let node = nodes?.next() {
      if node.isEnabled, node.has("reg") { reservationCount &+= 1 }
    }
  }

  /// Where EL2 would go.
  private func place() throws(MachineError) -> Region {
    let alignment = Placement.alignment
    let kernel = (machine.memory[0].address &+ alignment &- 1) & ~(alignment &- 1)
    let size = Self.ownSize &+ UInt64(machine.vcpuCount) &* UInt64(EL2.memoryPerVCPU)
    do throws(DeviceTreeError) {
      let used = try UsedMemory(
        tree: tree, at: 0, image: Region(from: kernel, to: kernel &+ Self.usualKernel),
        interrupts: .none)
      let place = Placement.highest(
        (size &+ alignment &- 1) & ~(alignment &- 1), in: machine.memory, below: 1 &<< 48,
        obstacle: { used.first(overlapping: $0) })
      if let place { return place }
    } catch { throw .badDeviceTree(error) }
    throw .noRoom
  }

  private func size() throws(MachineError) -> Int {
    do throws(DeviceTreeError) {
      return try tree.size(
        with: try GuestTree.edits(of: tree, machine, redistributorStride: nil))
    } catch { throw .badDeviceTree(error) }
  }
}

extension TreeSurvey {
  /// How many CPUs the tree has.
  public var processorCount: Int { machine.processorCount }
  /// How many of them have a vCPU.
  public var vcpuCount: Int { machine.vcpuCount }

  /// How much RAM the tree names, in bytes; 0 if the boot loader fills it in.
  public var memorySize: UInt64 {
    var size: UInt64 = 0
    for index in 0..<machine.memory.count { size &+= machine.memory[index].size }
    return size
  }

  /// The interrupt controller's distributor; nil if there is none that EL2 knows.
  public var distributor: DeviceTree.Region? {
    interruptControllerError == nil ? machine.distributor : nil
  }

  /// The node of the interrupt controller that the CPUs' own timers raise their interrupts at, known to EL2 or not.
  public var interruptController: DeviceTree.Node? {
    var node = tree.genericTimer?.node ?? tree.root
    // `interrupt-parent` can form a circle, and so can nothing else here.
    for _ in 0..<DeviceTree.maximumDepth {
      if let phandle = try? node.cell("interrupt-parent") { return tree.node(phandle: phandle) }
      guard let parent = node.parent else { return nil }
      node = parent
    }
    return nil
  }

  /// Where EL2's own messages go, by the address of its registers; nil if there is no console that EL2 knows.
  public var console: UInt64? { machine.console?.base }

  /// The node of the console that `/chosen` names, known to EL2 or not.
  public var namedConsole: DeviceTree.Node? { tree.standardOutput }

  /// The debug link, by the address of its registers; nil if there is none that EL2 knows.
  public var link: UInt64? { linkError == nil ? machine.link.device.base : nil }

  /// Whether ``link`` is a UART, and not a virtio console.
  public var linkIsSerial: Bool { machine.link.isSerial }

  /// Calls `body` with each part that keeps a guest from starting on the board, and why: a sentence. What the boot
  /// loader fills in before it starts the image is none of them.
  public func forEachLack(_ body: (Part, StaticString) -> Void) {
    if let error = processorsError { body(.processors, Self.sentence(error)) }
    if let error = memoryError {
      switch error {
      case .noMemory: break
      default: body(.memory, Self.sentence(error))
      }
    }
    if let error = interruptControllerError { body(.interruptController, Self.sentence(error)) }
    if let error = linkError { body(.link, Self.sentence(error)) }
    if let error = machineError { body(.machine, Self.sentence(error)) }
  }

  /// Why no UART of the tree is the debug link: what keeps the first from it that is not the console.
  private static func sentence(_ survey: UARTSurvey) -> StaticString {
    guard survey.count > 0 else {
      return "the link needs a UART that EL2 drives: no UART that is enabled is of such a kind."
    }
    for index in 0..<survey.count {
      switch survey[index]?.obstacle {
      case .hasChildren?:
        return "the UART beside the console has a device on its line: enable one that is free."
      case .sharesPage?:
        return
          "the UART beside the console has another device in its page: enable one that is alone."
      case .sharesInterrupt?:
        return "the UART beside the console shares its interrupt: enable one that is alone."
      case .noInterrupt?:
        return "the UART beside the console has no interrupt at the GIC: enable one that has."
      case .console?, nil: continue
      }
    }
    return "the only UART that is enabled is the console: enable a second one."
  }

  /// The sentence of an error; that of the tree itself where the tree cannot be used.
  private static func sentence(_ error: MachineError) -> StaticString {
    switch error {
    case .badDeviceTree(let reason): return reason.sentence
    case .noDebugLink(let survey): return sentence(survey)
    default: return error.sentence
    }
  }
}
