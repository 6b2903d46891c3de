public import ArmDebug

/// The debug architecture of one vCPU, shared between the guest and the debugger.
///
/// For each exit the hypervisor calls `guestExited` first. Then it calls what the exit needs: `handle` for
/// a debug exception, `access` for a trapped debug register, `instructionEmulated` for an instruction that
/// EL2 has completed, `inject` for an exception that the guest must take. It calls `prepareToRun` last.
public struct VirtualDebug: ~Copyable {
  /// The owner of the core's debug hardware.
  public enum Mode: Equatable, Sendable {
    /// The hardware does not hold the guest's registers, because of a reset or of `restore`. Guest state is
    /// the truth, and the next `prepareToRun` writes it to the hardware.
    case reset
    /// The hardware registers are the guest's.
    case native
    /// The hardware holds the plan; the guest's registers are emulated.
    case shared
  }

  /// The debug hardware of the core.
  public let capabilities: DebugCapabilities
  /// The comparators of the core.
  let comparators: Comparators
  /// How the core changes PSTATE when an exception is taken.
  public let features: ExceptionFeatures
  /// The size in bytes of the block that DC ZVA writes, a power of two.
  public let zeroBlockSize: UInt64
  /// VTTBR_EL2.VMID, which some of the guest's breakpoints compare.
  public let vmid: UInt16

  /// The owner of the hardware.
  public internal(set) var mode = Mode.reset
  /// The guest's registers. In native mode they are current only after `captureGuestState`.
  public internal(set) var guest = GuestDebugState()
  /// The content of the hardware in shared mode, and its owners.
  public internal(set) var plan = Plan()
  /// The requests that were without a comparator at any time since `forgetMissed`.
  public internal(set) var missed = UnplacedRequests()
  /// The progress of the debugger's step.
  public var debuggerStep: DebuggerStep { step.debugger }

  var step = StepState()
  var exclusives = ExclusiveMonitor()
  /// How the guest was entered, while it runs stepped.
  var entry: SteppedEntry?
  /// Guest state holds the registers of the external debugger, and those of the hardware are stale. Always
  /// false where the processor does not have them.
  var holdsExternalRegisters = false
  /// The content of the hardware's comparators, if `installedIsKnown`.
  var installed = ComparatorBank()
  var installedIsKnown = false
  /// The inputs of `plan`.
  var planned: PlanInputs?
  /// Whether the guest runs, or is about to, with nothing stepped and nothing passed over. An exit that
  /// changes neither guest state nor step state can then return without `guestExited` and `prepareToRun`,
  /// which would do nothing.
  public internal(set) var allowsFastPath = false
  /// Whether the guest was entered for one of its own steps, masked or not, and for nothing else. `fastStep`
  /// may then handle the exit.
  public internal(set) var stepsForGuest = false
  /// The inputs of the last `prepareToRun`, if `allowsFastPath`.
  var preparedInputs = PreparedInputs(guestChanges: 0, requestsGeneration: 0)
  /// The settings of the hardware; nil while they are not known.
  var interruptsWithheld: Bool?  // mutant: interruptsUnknown
  var waitsTrapped: Bool?

  /// A vCPU in its reset state.
  ///
  /// - Parameters:
  ///   - zeroBlockSize: from DCZID_EL0.BS; bytes, a power of two.
  ///   - vmid: the guest's.
  public init(
    capabilities: DebugCapabilities, features: ExceptionFeatures, zeroBlockSize: UInt64 = 64,
    vmid: UInt16 = 0
  ) {
    self.capabilities = capabilities
    comparators = Comparators(of: capabilities)
    self.features = features
    self.zeroBlockSize = zeroBlockSize
    self.vmid = vmid
  }

  /// Puts the vCPU into its reset state: PSCI CPU_ON. The content of the hardware is not relied on
  /// afterwards; the next `prepareToRun` writes all of it. `missed` stays, because the debugger has not
  /// been told yet.
  public mutating func reset() {
    // A new value, so that no field is forgotten.
    let missed = missed
    self = VirtualDebug(
      capabilities: capabilities, features: features, zeroBlockSize: zeroBlockSize, vmid: vmid)
    self.missed = missed
  }

  /// Completes a trapped access to a debug register on guest state, or returns nil if the register is not
  /// one. In native mode accesses do not trap. `value` is the value of a write. The hypervisor must then
  /// call `instructionEmulated`, or `injectUndefined` if the access is undefined.
  public mutating func access(_ access: SystemRegisterAccess, value: UInt64) -> AccessResult? {
    guard let register = DebugRegister(access.register) else { return nil }
    return guest.access(register, isRead: access.isRead, value: value, on: capabilities)
  }

  /// Whether the processor of this vCPU can meet all of `requests` at once, should the guest leave the
  /// comparators free. A request never fails because the guest holds comparators: it is not in force
  /// until the guest releases one.
  public func fits(_ requests: borrowing DebugRequests) -> Bool {
    Planner.fits(requests, on: capabilities)
  }

  /// Those of `requests` that would not be in force if the guest went on now, because it holds the
  /// comparators. In native mode the caller must first make guest state current: `captureGuestState`.
  public func unplaced(of requests: borrowing DebugRequests) -> UnplacedRequests {
    var plan = Plan()
    var guest = guest
    let planner = Planner(comparators: comparators, passOver: .nothing, stepping: false)
    _ = planner.make(&plan, guest: &guest, requests: requests)
    return plan.unplaced
  }

  /// The debugger has been told of `missed`.
  public mutating func forgetMissed() { missed = UnplacedRequests() }

  /// Asks for a step of one instruction, from the next `prepareToRun` on.
  public mutating func requestStep() { step.debugger = .requested }

  /// Cancels the step. A step that has run and was not reported is not reported any more.
  public mutating func cancelStep() { step.debugger = .none }

  /// The debugger has moved PC. Nothing that was noted of the next instruction counts any more: events that
  /// were dealt with, a watched store, and the load-exclusive before it.
  public mutating func programCounterMoved() {
    step.leave()  // mutant: movedForgetsEvents
    exclusives = ExclusiveMonitor()  // mutant: movedForgetsExclusives
    allowsFastPath = false
  }
}

// Most exits change nothing that the return to the guest depends on.
extension VirtualDebug {
  func hasNothingToPrepare(for requestsGeneration: UInt32) -> Bool {
    allowsFastPath && preparedInputs.guestChanges == guest.changes
      && preparedInputs.requestsGeneration == requestsGeneration && !step.isAtWork
  }

  mutating func allowFastPath(for requestsGeneration: UInt32) {
    allowsFastPath = true
    preparedInputs = PreparedInputs(
      guestChanges: guest.changes, requestsGeneration: requestsGeneration)
  }
}

/// The inputs for which `prepareToRun` has done everything.
struct PreparedInputs {
  var guestChanges: UInt32
  var requestsGeneration: UInt32
}

/// Everything that a plan depends on and that may change.
struct PlanInputs: Equatable {
  var comparatorChanges: UInt32
  var maskChanges: UInt32
  var requestsGeneration: UInt32
  var passOver: PassOver
  var stepping: Bool

  /// Whether a plan made from `old` has the right comparators for the right owners, and may only be armed
  /// for other masks of the guest.
  func differsInMasksAlone(from old: PlanInputs?) -> Bool {
    guard var old else { return false }
    old.maskChanges = maskChanges
    old.stepping = stepping
    return self == old
  }
}
