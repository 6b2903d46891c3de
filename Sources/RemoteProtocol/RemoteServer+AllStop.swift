// All-stop: the machine runs or stands still as a whole, and one stop reply speaks for all its vCPUs (GDB manual,
// "All-Stop Mode"). A vCPU that the debugger holds while others run stays `reported`.

extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  /// Whether everything stands still, and the server has been told.
  public func standsStill(_ target: inout Machine) -> Bool {
    for vcpu in 0..<target.vcpuCount where !target.state(of: vcpu).standsStill { return false }
    return true
  }

  /// Has every vCPU stopped, if that was not asked for already. ``targetDidStop(_:target:)`` follows.
  mutating func stopMachine(_ target: inout Machine) {
    var asks = false
    for vcpu in 0..<target.vcpuCount where target.state(of: vcpu) == .running {
      target.setState(.stopping, of: vcpu)
      asks = true
    }
    if asks { target.stopAll() }
  }

  /// Every vCPU has come to stand still.
  func noteStandstill(_ target: inout Machine) {
    for vcpu in 0..<target.vcpuCount where !target.state(of: vcpu).standsStill {
      target.setState(.stopped, of: vcpu)
    }
  }

  /// A stop reply tells the debugger of one vCPU, and thereby of all.
  func noteReport(_ target: inout Machine) {
    for vcpu in 0..<target.vcpuCount where target.state(of: vcpu) == .stopped {
      target.setState(.reported, of: vcpu)
    }
  }

  /// Lets the vCPUs go that are not held.
  func release(_ target: inout Machine) {
    for vcpu in 0..<target.vcpuCount where target.action(of: vcpu) != .hold {
      target.setState(.running, of: vcpu)
    }
    target.resume()
  }
}
