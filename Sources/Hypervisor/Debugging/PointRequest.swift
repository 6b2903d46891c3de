internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

// A point of the protocol is one request of the engine's. Its name carries all that the debugger said, so that
// a stop can be told in the debugger's own words.
extension DebugRequest {
  /// What `point` asks for.
  init(_ point: Point) {
    self.init(
      point.kind.accessKind.map { .watchpoint($0) } ?? .breakpoint, at: point.address,
      length: point.length, label: point.kind.rawValue)
  }

  /// Whether the debugger calls it a software breakpoint.
  var isSoftwareBreakpoint: Bool { label == Point.Kind.softwareBreakpoint.rawValue }

  /// A watched address as the debugger names it: with the tag that the watchpoint's own address has. A
  /// debugger looks for the address of the stop among those of its watchpoints.
  func addressAsNamed(_ watched: UInt64) -> UInt64 {
    address &+ (watched.untagged &- address.untagged)
  }
}

extension StopReason {
  /// What the debugger is told. A stop for a hardware breakpoint and a software breakpoint is the hardware
  /// breakpoint's.
  func cause(in requests: borrowing DebugRequests) -> StopEvent.Cause {
    switch self {
    case .breakpoint(let ids, _):
      for index in 0..<ids.count {
        if let request = requests[ids[index]], !request.isSoftwareBreakpoint {
          return .hardwareBreakpoint
        }
      }
      return .softwareBreakpoint
    case .watchpoint(let ids, let watched):
      guard let id = ids.first, let request = requests[id],
        case .watchpoint(let kind) = request.kind
      else { return .watchpoint(.access, address: watched) }
      let address = request.addressAsNamed(watched)
      return switch kind {
      case .load: .watchpoint(.read, address: address)
      case .store: .watchpoint(.write, address: address)
      case .any: .watchpoint(.access, address: address)
      }
    case .step: return .stepped
    }
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
