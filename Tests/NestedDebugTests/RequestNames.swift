import DebugModel

@testable import NestedDebug

// Requests by their numbers, which in a table that was never full are those of the insertions.

extension RequestList {
  /// Bit n is set for request n.
  var bits: UInt16 { (0..<count).reduce(0) { $0 | 1 << UInt16(self[$1].number) } }
}

extension Owner {
  /// The debugger, for the request of this number alone.
  static func debugger(request: Int) -> Owner {
    var ids = RequestIDs()
    ids.append(RequestID(number: UInt32(request), tenancy: 0))
    return .debugger(ids)
  }
}

extension Disposition {
  /// What the debugger is told if the policy stops for everything.
  func stop(in requests: borrowing DebugRequests) -> DebuggerStop? {
    guard case .candidate(let reason) = self else { return nil }
    return DebuggerStop(reason, in: requests)
  }
}
