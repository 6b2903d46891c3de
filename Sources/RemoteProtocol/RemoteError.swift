/// The errors that the server answers with: `E` and these two digits.
///
/// The digits read as a decimal number are the `errno` value of Linux that comes nearest, which is
/// what QEMU's server sends too. GDB and LLDB show the digits at most, so `monitor` is the place for
/// explanations.
enum RemoteError: UInt8, Error {
  /// No such thread, or it is powered off (ESRCH).
  case noSuchThread = 0x03
  /// What the packet names, a register or a document, does not exist or refuses (ENXIO).
  case noSuchObject = 0x06
  /// The packet is longer than the server's `PacketSize` (E2BIG).
  case tooLong = 0x07
  /// Memory cannot be accessed there (EFAULT).
  case badAddress = 0x14
  /// The packet is malformed, or a value in it makes no sense (EINVAL).
  case malformed = 0x22
  /// No comparator or other means is left for the point (ENOSPC).
  case exhausted = 0x28
  /// The `monitor` command failed, as its output says (EPROTO).
  case commandFailed = 0x71
  /// The packet did not arrive as it was sent, and no-acknowledgment mode has no way to ask for it
  /// again (EBADMSG).
  case corrupt = 0x74
  /// The packet asks for something that was never offered (EOPNOTSUPP).
  case unsupported = 0x95
}
