internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// The points that the debugger has set, as it named them. ``DebugRequests`` does not tell a software
/// breakpoint from a hardware one, which the stop reply has to, nor one point from two that ask the
/// same.
struct PointTable {
  private static let capacity = 32
  private var points = InlineArray<32, Point?>(repeating: nil)

  /// Whether `point` was set.
  func contains(_ point: Point) -> Bool { index(of: point) != nil }

  /// - Returns: false if the table is full.
  mutating func insert(_ point: Point) -> Bool {
    for index in 0..<Self.capacity where points[index] == nil {
      points[index] = point
      return true
    }
    return false
  }

  mutating func remove(_ point: Point) {
    if let index = index(of: point) { points[index] = nil }
  }

  @inline(never)
  mutating func removeAll() {
    for index in 0..<Self.capacity { points[index] = nil }
  }

  /// The kind of a breakpoint at `address`: hardware if any is, or nil if there is none.
  func breakpointKind(at address: UInt64) -> Point.Kind? {
    var found: Point.Kind?
    for index in 0..<Self.capacity {
      guard let point = points[index], point.kind.isBreakpoint, point.address == address else {
        continue
      }
      if point.kind == .hardwareBreakpoint { return point.kind }
      found = point.kind
    }
    return found
  }

  /// A watchpoint for `kind` that covers `address`, whatever tag its own address has.
  func watchpoint(covering address: UInt64, kind: AccessKind) -> Point? {
    for index in 0..<Self.capacity {
      guard let point = points[index], point.kind.accessKind == kind,
        address.untagged &- point.address.untagged < point.length
      else { continue }
      return point
    }
    return nil
  }

  /// A watched address as the debugger named it: with the tag of the watchpoint that covers it. A
  /// debugger looks for the stop's address among those of its watchpoints.
  func addressAsNamed(_ address: UInt64, kind: AccessKind) -> UInt64 {
    guard let point = watchpoint(covering: address, kind: kind) else { return address }
    return point.address &+ (address.untagged &- point.address.untagged)
  }

  /// Whether another point than `point` asks the same of the comparators.
  func hasEquivalent(of point: Point) -> Bool {
    for index in 0..<Self.capacity {
      guard let other = points[index], other != point, other.address == point.address else {
        continue
      }
      if other.kind.isBreakpoint && point.kind.isBreakpoint { return true }
    }
    return false
  }

  @inline(never)
  private func index(of point: Point) -> Int? {
    for index in 0..<Self.capacity where points[index] == point { return index }
    return nil
  }
}

extension Point.Kind {
  var isBreakpoint: Bool { self == .softwareBreakpoint || self == .hardwareBreakpoint }

  /// What a watchpoint watches for; nil for a breakpoint.
  var accessKind: AccessKind? {
    switch self {
    case .softwareBreakpoint, .hardwareBreakpoint: nil
    case .writeWatchpoint: .store
    case .readWatchpoint: .load
    case .accessWatchpoint: .any
    }
  }
}
