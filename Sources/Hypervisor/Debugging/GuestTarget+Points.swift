internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

// Breakpoints and watchpoints, as the debugger asks for them.

extension GuestTarget {
  mutating func insert(_ point: Point) throws(PointError) {
    if points.contains(point) { return }
    try point.check(virtualAddressBits: virtualAddressBits)
    var requests = cores.requests
    do throws(RequestError) {
      if let kind = point.kind.accessKind {
        try requests.insertWatchpoint(at: point.address, length: point.length, kind: kind)
      } else {
        try requests.insertBreakpoint(at: point.address)
      }
    } catch {
      throw error == .full ? .exhausted : .invalid
    }
    // What the guest holds is no reason: the request waits until there is room, and that is said.
    for vcpu in 0..<vcpuCount where !cores.vcpu(vcpu).value.debug.fits(requests) {
      throw .exhausted
    }
    guard points.insert(point) else { throw .exhausted }
    cores.requests = requests
  }

  mutating func remove(_ point: Point) {
    guard points.contains(point) else { return }
    points.remove(point)
    if let kind = point.kind.accessKind {
      cores.requests.removeWatchpoint(at: point.address, length: point.length, kind: kind)
    } else if !points.hasEquivalent(of: point) {
      cores.requests.removeBreakpoint(at: point.address)
    }
  }

  /// How many bits a virtual address has on one of the cores at least. A point that any of them could
  /// meet is no mistake.
  private var virtualAddressBits: Int {
    var bits = 48
    for vcpu in 0..<vcpuCount {
      bits = max(bits, cores.vcpu(vcpu).value.features.virtualAddressBits)
    }
    return bits
  }

  mutating func removeAllPoints() {
    points.removeAll()
    cores.requests.removeAll()
    // The next debugger may be somebody else's.
    cores.devices.isOn = false
    cores.devices.watchIsExplained = false
  }

  // MARK: Stops

  /// A pending stop of a point that the debugger has removed since is no longer one.
  func dropStopWithoutCause(_ vcpu: Int) {
    let state = cores.vcpu(vcpu)
    switch state.value.stop {
    case .breakpoint(let address):
      if points.breakpointKind(at: address) == nil { state.value.stop = nil }
    case .watchpoint(let address, let kind):
      if points.watchpoint(covering: address, kind: kind) == nil { state.value.stop = nil }
    case .step, nil: break
    }
  }

  func cause(of reason: StopReason) -> StopEvent.Cause {
    switch reason {
    case .breakpoint(let address):
      return points.breakpointKind(at: address) == .softwareBreakpoint
        ? .softwareBreakpoint : .hardwareBreakpoint
    case .watchpoint(let watched, let kind):
      let address = points.addressAsNamed(watched, kind: kind)
      return switch kind {
      case .load: .watchpoint(.read, address: address)
      case .store: .watchpoint(.write, address: address)
      case .any: .watchpoint(.access, address: address)
      }
    case .step: return .stepped
    }
  }
}
