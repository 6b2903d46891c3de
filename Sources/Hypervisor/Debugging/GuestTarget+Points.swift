internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

// Breakpoints and watchpoints, as the debugger asks for them.

extension GuestTarget {
  mutating func insert(_ point: Point) throws(PointError) {
    let request = DebugRequest(point)
    if cores.requests.value.id(of: request) != nil { return }
    try point.check(virtualAddressBits: virtualAddressBits)
    do throws(RequestError) {
      try cores.requests.value.insert(request)
    } catch {
      throw error == .full ? .exhausted : .invalid
    }
    // A comparator that the guest holds is no reason to refuse: the request waits until there is room, and
    // the debugger is told so.
    for vcpu in 0..<vcpuCount
    where !cores.vcpu(vcpu).value.debug.fits(cores.requests.value) {
      cores.requests.value.remove(request)
      throw .exhausted
    }
  }

  mutating func remove(_ point: Point) {
    cores.requests.value.remove(DebugRequest(point))
  }

  /// The largest number of bits that a virtual address has on one of the cores. A point that any of them
  /// could meet is no mistake.
  private var virtualAddressBits: Int {
    var bits = 48
    for vcpu in 0..<vcpuCount {
      bits = max(bits, cores.vcpu(vcpu).value.features.virtualAddressBits)
    }
    return bits
  }

  mutating func removeAllPoints() {
    cores.requests.value.removeAll()
    // The next debugger may be somebody else's.
    cores.devices.isOn = false
    cores.devices.watchIsExplained = false
  }

  // MARK: Stops

  /// Drops a pending stop if the debugger has removed all of its points since. Points that were removed
  /// and inserted again, as GDB does at each stop, have the same names.
  func dropStopWithoutCause(_ vcpu: Int) {
    let state = cores.vcpu(vcpu)
    state.value.stop = state.value.stop?.stillAsked(in: cores.requests.value)
  }

  func cause(of reason: StopReason) -> StopEvent.Cause {
    reason.cause(in: cores.requests.value)
  }
}
