extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  /// `Z`: sets a breakpoint or watchpoint.
  mutating func insertPoint(_ target: inout Machine) throws(RemoteError) {
    guard let point = try takePoint() else { return }
    do throws(PointError) {
      try target.insert(point)
    } catch {
      try report(error)
      return
    }
    sender.write("OK")
  }

  /// `z`: takes a breakpoint or watchpoint away.
  mutating func removePoint(_ target: inout Machine) throws(RemoteError) {
    guard let point = try takePoint() else { return }
    do throws(PointError) {
      try target.remove(point)
    } catch {
      try report(error)
      return
    }
    sender.write("OK")
  }

  /// Reads `type,address,length`.
  ///
  /// Nothing may follow: conditions and commands, after a `;`, are not offered, and a breakpoint that
  /// ignored its condition would stop where it must not.
  ///
  /// - Returns: nil for a type that does not exist.
  private mutating func takePoint() throws(RemoteError) -> Point? {
    let type = try receiver.packet.takeNumber()
    guard let kind = UInt8(exactly: type).flatMap(Point.Kind.init(rawValue:)) else { return nil }
    try receiver.packet.expect(",")
    let address = try receiver.packet.takeNumber()
    try receiver.packet.expect(",")
    let length = try receiver.packet.takeNumber()
    if receiver.packet.take(";") { throw .unsupported }
    try receiver.packet.expectEnd()
    return Point(kind: kind, address: address, length: length)
  }

  private func report(_ error: PointError) throws(RemoteError) {
    switch error.kind {
    case .unsupported: return  // with the empty answer, which says just that
    case .invalid: throw RemoteError(0x22, error.reason)  // EINVAL
    case .exhausted: throw RemoteError(0x28, error.reason)  // ENOSPC
    }
  }
}
