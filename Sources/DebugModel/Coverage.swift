import ArmDebug

/// What the comparison is about and a trial may or may not meet. A proof in which one of these hardly
/// ever happens proves little.
package enum Feature: Int, CaseIterable, Sendable {
  // Exceptions of the guest's own debug hardware.
  case guestBreakpoint, guestLinkedBreakpoint, guestContextBreakpoint, guestVMIDBreakpoint
  case guestWatchpoint, guestLinkedWatchpoint, guestBlockWatchpoint, guestWordWatchpoint
  case guestWatchedPair, guestWatchedZero, guestWatchedExclusive, guestWatchedUnprivileged
  case guestStepAtEL0, guestStepAtEL1, guestStepWithoutInstruction, guestStepExclusive
  // The same, masked, and passed over by EL2.
  case maskedBreakpoint, maskedWatchpoint, silentStep
  // What the debugger is told.
  case debuggerBreakpoint, debuggerWatchedLoad, debuggerWatchedStore, debuggerWatchedPair
  case debuggerWatchedZero, debuggerWatchedExclusive
  case bothBreakpoints, bothWatchpoints, guestWatchpointFirst
  case unplacedBreakpoint, unplacedWatchpoint, refused, detached
  // Steps, by what they run.
  case stepNOP, stepAccess, stepPair, stepZero, stepLoadExclusive, stepStoreExclusive, stepBranch
  case stepSVC, stepHVC, stepBRK, stepUndefined, stepERET, stepWFI
  case stepDebugRegister, stepDAIF, stepPending
  case stepGuestBreakpoint, stepGuestStep, stepInterrupt
  case interrupt, interruptWithheld
  // Exclusives.
  case exclusiveStored, exclusiveFailed, exclusiveSpurious, exclusiveByEL2
  case absentRegister, oSLock, doubleLock
}

/// Which of them have been met.
package struct Coverage: Equatable, Sendable {
  private var bits: UInt64 = 0

  package func contains(_ feature: Feature) -> Bool { bits >> feature.rawValue & 1 == 1 }

  mutating func note(_ feature: Feature) { bits |= 1 << feature.rawValue }

  mutating func formUnion(_ other: Coverage) { bits |= other.bits }
}

/// In how many trials each of them was met.
package struct FeatureCounts: Sendable {
  private var counts = [Int](repeating: 0, count: Feature.allCases.count)

  package init() {}

  package subscript(_ feature: Feature) -> Int { counts[feature.rawValue] }

  package mutating func add(_ met: Coverage) {
    for feature in Feature.allCases where met.contains(feature) { counts[feature.rawValue] += 1 }
  }

  mutating func add(_ other: FeatureCounts) {
    for n in counts.indices { counts[n] += other.counts[n] }
  }

  /// The rarest first.
  package var ascending: [(feature: Feature, count: Int)] {
    Feature.allCases.map { ($0, self[$0]) }.sorted { $0.1 < $1.1 }
  }
}

extension Coverage {
  /// An event of the guest that the debugger is not told of.
  mutating func note(unseen exceptionClass: ExceptionClass, isPassedOver: Bool) {
    guard isPassedOver else { return }
    switch exceptionClass {
    case .breakpointLower: note(.maskedBreakpoint)
    case .watchpointLower: note(.maskedWatchpoint)
    case .stepLower: note(.silentStep)
    default: break
    }
  }

  mutating func note(debuggerWatchpoint operation: Operation) {
    switch operation {
    case .load: note(.debuggerWatchedLoad)
    case .loadPair, .storePair: note(.debuggerWatchedPair)
    case .zero: note(.debuggerWatchedZero)
    case .loadExclusive, .storeExclusive: note(.debuggerWatchedExclusive)
    default: note(.debuggerWatchedStore)
    }
  }

  /// What a step of the debugger is about to run.
  mutating func note(step upcoming: ModelCore.Upcoming) {
    switch upcoming {
    case .stepException: note(.stepGuestStep)
    case .interrupt: note(.stepInterrupt)
    case .breakpoint: note(.stepGuestBreakpoint)
    case .instruction(let operation): if let feature = operation.step { note(feature) }
    }
  }

  /// What happens next on the bare machine.
  mutating func note(_ core: borrowing ModelCore) {
    if core.osLock { note(.oSLock) }
    if core.doubleLock { note(.doubleLock) }
    switch core.upcoming {
    case .stepException:
      note(core.pstate.el == .el0 ? .guestStepAtEL0 : .guestStepAtEL1)
      if !core.stepped { note(.guestStepWithoutInstruction) }
      if core.stepped, core.steppedLoadExclusive { note(.guestStepExclusive) }
    case .interrupt: note(.interrupt)
    case .breakpoint(let n):
      switch core.bcr[n] >> 20 & 0xF {
      case 0: note(.guestBreakpoint)
      case 1: note(.guestLinkedBreakpoint)
      case 2: note(.guestContextBreakpoint)
      default: note(.guestVMIDBreakpoint)
      }
    case .instruction(let operation):
      if let access = operation.access(zeroBlock: core.processor.zeroBlock) {
        if let watch = core.watch(access) { return note(watch, operation, core) }
        if case .storeExclusive = operation {
          note(core.canStore(operation) ? .exclusiveStored : .exclusiveFailed)
        }
      }
      if core.pstate.el == .el1 {
        switch operation {
        case .mrs(let register) where !core.exists(register, isRead: true),
          .msr(let register, _) where !core.exists(register, isRead: false):
          note(.absentRegister)
        default: break
        }
      }
    }
  }

  private mutating func note(
    _ watch: ModelCore.Watch, _ operation: Operation, _ core: borrowing ModelCore
  ) {
    note(.guestWatchpoint)
    let control = core.wcr[watch.n]
    if control >> 20 & 1 == 1 { note(.guestLinkedWatchpoint) }
    if control >> 24 & 31 != 0 { note(.guestBlockWatchpoint) }
    if core.wvr[watch.n] & 4 != 0 { note(.guestWordWatchpoint) }
    switch operation {
    case .loadPair, .storePair: note(.guestWatchedPair)
    case .zero: note(.guestWatchedZero)
    case .loadUnprivileged, .storeUnprivileged: note(.guestWatchedUnprivileged)
    case .loadExclusive, .storeExclusive: note(.guestWatchedExclusive)
    default: break
    }
  }
}

extension Operation {
  /// What a step of it is evidence of.
  fileprivate var step: Feature? {
    switch self {
    case .nop: .stepNOP
    case .load, .store, .loadUnprivileged, .storeUnprivileged: .stepAccess
    case .loadPair, .storePair: .stepPair
    case .zero: .stepZero
    case .loadExclusive: .stepLoadExclusive
    case .storeExclusive: .stepStoreExclusive
    case .branch, .retry: .stepBranch
    case .svc: .stepSVC
    case .hvc: .stepHVC
    case .brk: .stepBRK
    case .undefined: .stepUndefined
    case .eret: .stepERET
    case .wfi: .stepWFI
    case .daifSet, .daifClr: .stepDAIF
    case .readPending, .acknowledge: .stepPending
    case .msr(let register, _), .mrs(let register):
      register.op0 == 2 ? .stepDebugRegister : register == .daif ? .stepDAIF : nil
    case .clearExclusive, .skipOne, .setSPSR, .prepareReturn: nil
    }
  }
}
