/// Why the guest stands still for the debugger.
public enum StopReason: Equatable, Sendable {
  /// Breakpoints of the debugger, before the instruction at `address`, which is PC.
  case breakpoint(RequestIDs, address: UInt64)
  /// Watchpoints of the debugger, before the access. `address` is the watched byte nearest to the one
  /// that the processor reported, without an address tag.
  case watchpoint(RequestIDs, address: UInt64)
  /// The step that the debugger asked for is done.
  case step

  /// The requests that ask for it; none for a step.
  public var requests: RequestIDs {
    switch self {
    case .breakpoint(let ids, _), .watchpoint(let ids, _): ids
    case .step: RequestIDs()
    }
  }

  /// The same for some of the requests.
  func narrowed(to ids: RequestIDs) -> StopReason {
    switch self {
    case .breakpoint(_, let address): .breakpoint(ids, address: address)
    case .watchpoint(_, let address): .watchpoint(ids, address: address)
    case .step: .step
    }
  }

  /// The same without the requests that the debugger has removed since; nil if none is left.
  public func stillAsked(in requests: borrowing DebugRequests) -> StopReason? {
    guard self != .step else { return self }
    var ids = self.requests
    ids.removeAbandoned(in: requests)
    return ids.isEmpty ? nil : narrowed(to: ids)
  }
}

/// What becomes of the vCPU after a debug exception.
public enum Disposition: Equatable, Sendable {
  /// The event is not the debugger's; the guest goes on.
  case resume
  /// An event for which the debugger has asked. `VirtualDebug.decide` says whether the guest stops.
  case candidate(StopReason)
}

/// Decides whether the guest stands still for a request: where conditions, ignore counts and
/// tracepoints have their place. It is asked before any vCPU is stopped.
public protocol StopPolicy: ~Copyable {
  /// Whether the guest, which stands in `context`, stops for `request`. If not, it goes on over the
  /// instruction, for which the policy is not asked again.
  mutating func stops(for request: RequestID, in context: GuestContext) -> Bool
}

/// The policy that knows no conditions.
public struct StopAlways: StopPolicy {
  public init() {}

  public func stops(for request: RequestID, in context: GuestContext) -> Bool { true }
}

extension VirtualDebug {
  /// Asks `policy` about each request of a candidate that `handle` has returned.
  ///
  /// - Returns: why the guest stops, with the requests for which it does; or nil if it goes on.
  public mutating func decide<Policy: StopPolicy & ~Copyable>(
    _ candidate: StopReason, in context: GuestContext, by policy: inout Policy
  ) -> StopReason? {
    var reason = candidate
    if candidate != .step {
      var ids = RequestIDs()
      let asked = candidate.requests
      // All are asked: a tracepoint counts even where a breakpoint stops.
      for index in 0..<asked.count where policy.stops(for: asked[index], in: context) {
        ids.append(asked[index])
      }
      if ids.isEmpty { return nil }  // mutant: declinedGoesOn
      reason = candidate.narrowed(to: ids)
    }
    // Whatever stops the guest ends the debugger's step.
    step.debugger = .none  // mutant: stopEndsStep
    return reason
  }
}
