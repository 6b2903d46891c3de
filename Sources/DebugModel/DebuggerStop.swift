package import ArmDebug
package import NestedDebug

/// What a debugger is told when the guest stands still for it.
package enum DebuggerStop: Equatable, Sendable {
  /// Before the instruction at `address`.
  case breakpoint(address: UInt64)
  /// Before an access to the watched byte at `address`.
  case watchpoint(address: UInt64, kind: AccessKind)
  /// The step is done.
  case step

  /// The engine's stop, by the names of its requests; nil where these are not of the kind that the stop
  /// claims.
  package init?(_ reason: StopReason, in requests: borrowing DebugRequests) {
    let request = reason.requests.first.flatMap { requests[$0] }
    switch (reason, request?.kind) {
    case (.breakpoint(_, let pc), .breakpoint):
      guard request?.address == pc else { return nil }
      self = .breakpoint(address: pc)
    case (.watchpoint(_, let address), .watchpoint(let kind)):
      guard request?.range.contains(address) == true else { return nil }
      self = .watchpoint(address: address, kind: kind)
    case (.step, nil): self = .step
    default: return nil
    }
  }
}

/// Stops for all requests but those that it is told to decline.
package struct DecliningPolicy: StopPolicy {
  package var declined: Set<RequestID> = []
  /// What it was asked, in order.
  package var asked: [RequestID] = []

  package init() {}

  package mutating func stops(for request: RequestID, in context: GuestContext) -> Bool {
    asked.append(request)
    return !declined.contains(request)
  }
}

// Requests as the debugger of a model asks for them.
extension DebugRequests {
  package mutating func insertBreakpoint(at address: UInt64) throws(RequestError) {
    try insert(DebugRequest(.breakpoint, at: address, length: 4))
  }

  package mutating func removeBreakpoint(at address: UInt64) {
    remove(DebugRequest(.breakpoint, at: address, length: 4))
  }

  package mutating func insertWatchpoint(
    at address: UInt64, length: UInt64, kind: AccessKind
  ) throws(RequestError) {
    try insert(DebugRequest(.watchpoint(kind), at: address, length: length))
  }

  package mutating func removeWatchpoint(at address: UInt64, length: UInt64, kind: AccessKind) {
    remove(DebugRequest(.watchpoint(kind), at: address, length: length))
  }
}
