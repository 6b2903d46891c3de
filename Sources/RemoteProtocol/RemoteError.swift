/// An error that the server answers with.
///
/// The code's two digits read as a decimal number are the `errno` value of Linux that comes nearest,
/// which is what QEMU's server sends too. The sentence goes with it where the debugger has said that it
/// takes one: see ``ErrorForm``.
struct RemoteError: Error {
  let code: UInt8
  /// What is wrong and, where that helps, what to do, in characters that need no escape. GDB makes it
  /// the end of a sentence of its own, and adds the full stop.
  let sentence: StaticString

  init(_ code: UInt8, _ sentence: StaticString) {
    self.code = code
    self.sentence = sentence
  }

  // MARK: ESRCH

  static var noSuchThread: RemoteError {
    RemoteError(0x03, "This machine has no such thread: thread n is vCPU n - 1")
  }
  static var noSuchProcess: RemoteError {
    RemoteError(0x03, "The machine is the only process that there is, and its number is 1")
  }
  static var nothingRuns: RemoteError {
    RemoteError(
      0x03,
      "The vCPU that is to run is powered off, and those that could turn it on are held: let them run"
    )
  }

  // MARK: ENXIO

  static var noSuchRegister: RemoteError {
    RemoteError(0x06, "There is no register of this number, or it cannot be read now")
  }
  static var registerRefuses: RemoteError {
    RemoteError(0x06, "This register does not exist, or does not take this value")
  }
  static var vcpuIsOff: RemoteError {
    RemoteError(0x06, "This vCPU is powered off: it has no registers until it is turned on")
  }
  /// EIO.
  static var coreDoesNotAnswer: RemoteError {
    RemoteError(
      0x05,
      "The CPU that this vCPU runs on does not answer, and only it can do this: try again, or use another thread"
    )
  }
  static var noSuchDocument: RemoteError {
    RemoteError(0x06, "There is no document of this name")
  }

  // MARK: E2BIG, EFAULT, EINVAL, EBADMSG, EOPNOTSUPP

  static var tooLong: RemoteError {
    RemoteError(
      0x07, "The packet, or its answer, is longer than the PacketSize that was announced")
  }
  static var badAddress: RemoteError {
    RemoteError(0x14, "There is no memory at this address that a debugger can reach")
  }
  static var malformed: RemoteError {
    RemoteError(0x22, "The packet is malformed, or a value in it makes no sense")
  }
  /// No-acknowledgment mode has no way to ask for it again.
  static var corrupt: RemoteError {
    RemoteError(0x74, "The packet did not arrive as it was sent: its checksum is wrong")
  }
  static var unsupported: RemoteError {
    RemoteError(0x95, "The packet asks for something that was never offered")
  }
}

/// How a debugger wants its errors.
enum ErrorForm {
  /// `E` and two digits.
  case code
  /// `E.` and the sentence: GDB's `error-message`, from version 16 on.
  case text
  /// `E`, two digits, `;` and the sentence in hexadecimal digits: LLDB's `QEnableErrorStrings`.
  case codeAndText
}
