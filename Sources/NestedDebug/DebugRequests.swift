public import ArmDebug

/// Why a request cannot be accepted.
public enum RequestError: Error, Equatable, Sendable {
  /// The table of requests is full.
  case full
  /// A breakpoint's address is odd: no instruction begins there.
  case misaligned
  /// A watchpoint watches no byte.
  case empty
  /// A watchpoint goes beyond the end of the address space, or is larger than comparators could
  /// ever watch.
  case tooLarge
}

/// A breakpoint of the debugger's.
public struct BreakpointRequest: Equatable, Sendable {
  public var address: UInt64

  /// The comparator that does it. An A64 instruction, or a T32 one in the upper half of a word.
  var comparator: Breakpoint {
    Breakpoint(value: address & ~0b11, control: .address(bas: address & 0b10 == 0 ? 0xF : 0xC))
  }
}

/// A watchpoint of the debugger's.
public struct WatchpointRequest: Equatable, Sendable {
  public var range: WatchedRange
  public var kind: AccessKind
}

/// What the debugger asks of the comparators, for all vCPUs. Written by the protocol server only,
/// while the guest stands still.
public struct DebugRequests: Sendable {
  /// The most breakpoints, and the most watchpoints.
  public static let capacity = 16

  // Read through `span` in loops: an InlineArray that is a parameter's is otherwise copied whole for
  // each element.
  private(set) var breakpoints = [16 of BreakpointRequest](repeating: .init(address: 0))
  private(set) var watchpoints = [16 of WatchpointRequest](
    repeating: .init(range: .init(first: 0, last: 0), kind: .any))
  /// Which of those there are; what the others hold means nothing. Loops run over these sets: most
  /// guests run beside a request or two.
  private(set) var breakpointsInUse = ComparatorSet.none
  private(set) var watchpointsInUse = ComparatorSet.none

  /// Changes with every change of the requests.
  public private(set) var generation: UInt32 = 0

  /// No requests.
  public init() {}

  /// Whether there is no request.
  public var isEmpty: Bool { breakpointsInUse.isEmpty && watchpointsInUse.isEmpty }

  /// Breakpoint request `n` of 0 to 15, where there is one.
  public func breakpoint(_ n: Int) -> BreakpointRequest? {
    0..<Self.capacity ~= n && breakpointsInUse.contains(n) ? breakpoints[n] : nil
  }

  /// Watchpoint request `n` of 0 to 15, where there is one.
  public func watchpoint(_ n: Int) -> WatchpointRequest? {
    0..<Self.capacity ~= n && watchpointsInUse.contains(n) ? watchpoints[n] : nil
  }

  /// Asks for a stop before the instruction at `address`. Asking twice is asking once.
  public mutating func insertBreakpoint(at address: UInt64) throws(RequestError) {
    guard address & 1 == 0 else { throw .misaligned }
    let request = BreakpointRequest(address: address.untagged)
    var used = breakpointsInUse
    while let n = used.popFirst() {
      if breakpoints[n] == request { return }
    }
    guard let free = breakpointsInUse.complement.first else { throw .full }
    breakpoints[free] = request
    breakpointsInUse.insert(free)
    generation &+= 1
  }

  /// Takes the breakpoint back, if there is one.
  public mutating func removeBreakpoint(at address: UInt64) {
    let request = BreakpointRequest(address: address.untagged)
    var used = breakpointsInUse
    while let n = used.popFirst() {
      guard breakpoints[n] == request else { continue }
      breakpointsInUse.remove(n)
      generation &+= 1
    }
  }

  /// Asks for a stop before any access of `kind` to one of `length` bytes at `address`.
  /// Any length and alignment will do, as long as few enough comparators watch it.
  public mutating func insertWatchpoint(
    at address: UInt64, length: UInt64, kind: AccessKind
  ) throws(RequestError) {
    guard length > 0 else { throw .empty }
    let first = address.untagged
    let (last, wraps) = first.addingReportingOverflow(length &- 1)
    guard !wraps else { throw .tooLarge }
    let request = WatchpointRequest(range: WatchedRange(first: first, last: last), kind: kind)
    guard request.range.comparatorCount(atMost: ComparatorBank.capacity) != nil else {
      throw .tooLarge
    }
    var used = watchpointsInUse
    while let n = used.popFirst() {
      if watchpoints[n] == request { return }
    }
    guard let free = watchpointsInUse.complement.first else { throw .full }
    watchpoints[free] = request
    watchpointsInUse.insert(free)
    generation &+= 1
  }

  /// Takes the watchpoint back, if there is one.
  public mutating func removeWatchpoint(at address: UInt64, length: UInt64, kind: AccessKind) {
    guard length > 0 else { return }
    let first = address.untagged
    let request = WatchpointRequest(
      range: WatchedRange(first: first, last: first &+ (length &- 1)), kind: kind)
    var used = watchpointsInUse
    while let n = used.popFirst() {
      guard watchpoints[n] == request else { continue }
      watchpointsInUse.remove(n)
      generation &+= 1
    }
  }

  /// Takes everything back.
  public mutating func removeAll() {
    guard !isEmpty else { return }
    breakpointsInUse = .none
    watchpointsInUse = .none
    generation &+= 1
  }
}
