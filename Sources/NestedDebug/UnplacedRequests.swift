/// Requests for which there is no comparator, because the guest has enabled it itself.
///
/// There are never more than a processor has comparators: `VirtualDebug.fits` refuses what it could
/// never meet. Of requests that were not checked, this names as many as it holds.
public struct UnplacedRequests: Equatable, Sendable {
  public private(set) var breakpoints = RequestList<16>()
  public private(set) var watchpoints = RequestList<16>()

  /// Whether there is none.
  public var isEmpty: Bool { breakpoints.isEmpty && watchpoints.isEmpty }

  mutating func removeAll() {
    breakpoints.removeAll()
    watchpoints.removeAll()
  }

  mutating func noteBreakpoints(_ ids: RequestIDs) {
    for index in 0..<ids.count { breakpoints.append(ids[index]) }
  }

  mutating func noteWatchpoints(_ ids: RequestIDs) {
    for index in 0..<ids.count { watchpoints.append(ids[index]) }
  }

  /// Adds those of `other`. What the debugger has removed since is dropped, and makes room.
  mutating func note(_ other: UnplacedRequests, of requests: borrowing DebugRequests) {
    breakpoints.removeAbandoned(in: requests)
    watchpoints.removeAbandoned(in: requests)
    breakpoints.append(other.breakpoints)
    watchpoints.append(other.watchpoints)
  }
}
