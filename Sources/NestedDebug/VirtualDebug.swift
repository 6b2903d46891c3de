public import ArmDebug

/// The debug architecture of one vCPU, shared between the guest and the debugger.
///
/// The hypervisor calls, for each exit: `guestExited` first; then what the exit asks for (`handle`
/// for a debug exception, `access` for a trapped debug register, `instructionEmulated` for an
/// instruction that EL2 has completed, `inject` for an exception that the guest is to take); and
/// `prepareToRun` last.
public struct VirtualDebug: ~Copyable {
  /// Who the debug hardware of the core belongs to.
  public enum Mode: Equatable, Sendable {
    /// The hardware holds nothing of the guest's: not yet, after a reset, or not any more, after
    /// `restore`. Guest state is the truth, and goes into the hardware at the next `prepareToRun`.
    case reset
    /// The hardware registers are the guest's.
    case native
    /// The hardware holds the plan; the guest's registers are emulated.
    case shared
  }

  /// What debug hardware the core has.
  public let capabilities: DebugCapabilities
  /// Which comparators that comes to.
  let comparators: Comparators
  /// What the core does to PSTATE when an exception is taken.
  public let features: ExceptionFeatures
  /// The size in bytes of the block that DC ZVA writes, a power of two.
  public let zeroBlockSize: UInt64
  /// VTTBR_EL2.VMID, which some of the guest's breakpoints compare.
  public let vmid: UInt16

  /// Who the hardware belongs to.
  public internal(set) var mode = Mode.reset
  /// The guest's registers. In native mode they are current only after `captureGuestState`.
  public internal(set) var guest = GuestDebugState()
  /// What the hardware holds in shared mode, and whose it is.
  public internal(set) var plan = Plan()
  /// The requests that a plan had no comparator for since `forgetMissed`, be it for a while only.
  public internal(set) var missed = UnplacedRequests()
  /// How far the debugger's step has come.
  public var debuggerStep: DebuggerStep { step.debugger }

  var step = StepState()
  var exclusives = ExclusiveMonitor()
  /// How the guest was entered, while it runs stepped.
  var entry: SteppedEntry?
  /// The external debugger's registers are in guest state, and the hardware's are stale. Never so
  /// where the processor does not have them.
  var holdsExternalRegisters = false
  /// What the comparators of the hardware hold, while `installedIsKnown`.
  var installed = ComparatorBank()
  var installedIsKnown = false
  /// What `plan` was made from.
  var planned: PlanInputs?
  /// Whether the guest was entered, or is about to be, with nothing stepped and nothing passed over:
  /// an exit that changes neither guest state nor step state can return without `guestExited` and
  /// `prepareToRun`, which would do nothing.
  public internal(set) var allowsFastPath = false
  /// Whether the guest was entered for one of its own steps, masked or not, and for nothing else:
  /// `fastStep`.
  public internal(set) var stepsForGuest = false
  /// What the last `prepareToRun` was given, if `allowsFastPath`.
  var preparedInputs = PreparedInputs(guestChanges: 0, requestsGeneration: 0)
  /// What the hardware has been set to; nil while that is not known.
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

  /// Puts the vCPU into its reset state: PSCI CPU_ON. Nothing that the core's hardware holds is relied upon
  /// afterwards; the next `prepareToRun` writes it all. What the debugger has still to be told stays.
  public mutating func reset() {
    // A new value, so that nothing can be forgotten.
    let missed = missed
    self = VirtualDebug(
      capabilities: capabilities, features: features, zeroBlockSize: zeroBlockSize, vmid: vmid)
    self.missed = missed
  }

  /// Completes a trapped access to a debug register on guest state, or returns nil if the register
  /// is not one. In native mode accesses do not trap. `value` is what a write writes. The hypervisor then
  /// calls `instructionEmulated`, or `injectUndefined` where the access is undefined.
  public mutating func access(_ access: SystemRegisterAccess, value: UInt64) -> AccessResult? {
    guard let register = DebugRegister(access.register) else { return nil }
    return guest.access(register, isRead: access.isRead, value: value, on: capabilities)
  }

  /// Whether this vCPU's processor can meet all of `requests` at once, if the guest leaves it the
  /// comparators. What the guest holds never makes a request fail: it is not in force meanwhile, and comes
  /// into force as the guest lets go.
  public func fits(_ requests: borrowing DebugRequests) -> Bool {
    Planner.fits(requests, on: capabilities)
  }

  /// Those of `requests` that would not be in force if the guest went on now, for it has the comparators. In
  /// native mode this needs guest state to be current: `captureGuestState`.
  public func unplaced(of requests: borrowing DebugRequests) -> UnplacedRequests {
    var plan = Plan()
    var guest = guest
    let planner = Planner(comparators: comparators, passOver: .nothing, stepping: false)
    _ = planner.make(&plan, guest: &guest, requests: requests)
    return plan.unplaced
  }

  /// The debugger has been told what was missed.
  public mutating func forgetMissed() { missed = UnplacedRequests() }

  /// Asks for one instruction to be run, from the next `prepareToRun` on.
  public mutating func requestStep() { step.debugger = .requested }

  /// Takes that back. A step that has run but was not reported yet is not reported any more.
  public mutating func cancelStep() { step.debugger = .none }

  /// The debugger has moved PC. What was noted of the instruction that was to run is of no account any more:
  /// events of it that were dealt with, a watched store, and the load-exclusive before it, which an
  /// exclusives monitor would not have kept either.
  public mutating func programCounterMoved() {
    step.leave()  // mutant: movedForgetsEvents
    exclusives = ExclusiveMonitor()  // mutant: movedForgetsExclusives
    allowsFastPath = false
  }
}

// Most exits change nothing that the way back to the guest depends on.
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

/// The inputs of `prepareToRun` of which it left nothing to do.
struct PreparedInputs {
  var guestChanges: UInt32
  var requestsGeneration: UInt32
}

/// Everything that a plan depends on and that can change.
struct PlanInputs: Equatable {
  var comparatorChanges: UInt32
  var maskChanges: UInt32
  var requestsGeneration: UInt32
  var passOver: PassOver
  var stepping: Bool

  /// Whether a plan made from `old` has the right comparators for the right owners, though not yet armed
  /// as the guest's masks are now.
  func differsInMasksAlone(from old: PlanInputs?) -> Bool {
    guard var old else { return false }
    old.maskChanges = maskChanges
    old.stepping = stepping
    return self == old
  }
}
