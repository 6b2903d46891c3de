/// Puts a packet together, sends it, and keeps it in case the debugger asks for it again.
///
/// What does not fit is never written, and the packet then goes out as an error instead.
struct PacketSender<Link: DebugLink & ~Copyable>: ~Copyable {
  /// How text that goes through ``TextOutput`` gets into the packet.
  private enum TextForm {
    /// As it is: it needs no escape.
    case plain
    /// Two hexadecimal digits for each byte.
    case hex
    /// The same, in as many `O` packets as it takes.
    case console
    /// The piece of a document that the debugger asked for: `skipped` bytes are still to be left
    /// out, then `taken` to be put in, escaped; `isCut` if anything comes after these.
    case document(skipped: UInt64, taken: UInt64, isCut: Bool)
  }

  /// The way to the debugger.
  var link: Link

  /// How the debugger wants its errors.
  var errorForm = ErrorForm.code

  // "$", the payload of up to `packetSize` bytes, "#" and two digits.
  private var bytes = InlineArray<4100, UInt8>(repeating: 0)
  private var end = 1
  private var sentCount = 0
  private var overflowed = false
  private var textForm = TextForm.plain
  /// Console output was left out because the debugger does not read.
  private var leftOutConsole = false

  init(link: consuming Link) {
    self.link = link
  }

  // MARK: Putting together

  /// How many payload bytes still fit.
  var room: Int { packetSize &+ 1 &- end }

  /// Begins a packet, and forgets the last one.
  mutating func begin() {
    bytes[0] = UInt8(ascii: "$")
    end = 1
    sentCount = 0
    overflowed = false
    textForm = .plain
  }

  /// Puts in a byte that needs no escape.
  mutating func append(_ byte: UInt8) {
    guard room > 0 else {
      overflowed = true
      return
    }
    bytes[end] = byte
    end &+= 1
  }

  /// Puts in the byte as two hexadecimal digits.
  mutating func append(hexByte byte: UInt8) {
    guard room >= 2 else {
      overflowed = true
      return
    }
    bytes[end] = Hex.digit(byte >> 4)
    bytes[end &+ 1] = Hex.digit(byte)
    end &+= 2
  }

  /// Puts in the bytes, in their order, as two hexadecimal digits each.
  @inline(never)
  mutating func append(hexBytes bytes: Span<UInt8>) {
    for index in bytes.indices { append(hexByte: bytes[index]) }
  }

  /// Puts in a byte of binary data, escaped where it must be.
  ///
  /// - Returns: false if there was no room for it; the packet is then as it was.
  @inline(__always)
  mutating func appendBinary(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "}"), UInt8(ascii: "*"):
      guard room >= 2 else { return false }
      append(UInt8(ascii: "}"))
      append(byte ^ 0x20)
    default:
      guard room >= 1 else { return false }
      append(byte)
    }
    return true
  }

  // MARK: Sending

  /// Sends the packet that was put together.
  @inline(never)
  mutating func send() {
    if overflowed {
      begin()
      append(.tooLong)
    }
    var sum: UInt8 = 0
    for index in 1..<end { sum &+= bytes[index] }
    bytes[end] = UInt8(ascii: "#")
    bytes[end &+ 1] = Hex.digit(sum >> 4)
    bytes[end &+ 2] = Hex.digit(sum)
    sentCount = end &+ 3
    resend()
  }

  /// Puts the error's answer in.
  @inline(never)
  mutating func append(_ error: RemoteError) {
    write("E")
    switch errorForm {
    case .code:
      append(hexByte: error.code)
    case .text:
      write(".")
      write(error.sentence)
    case .codeAndText:
      append(hexByte: error.code)
      write(";")
      beginHex()
      write(error.sentence)
      endHex()
    }
  }

  /// Sends the last packet again, unless another one was begun since.
  @inline(never)
  mutating func resend() {
    guard sentCount > 0 else { return }
    link.send(bytes.span.extracting(0..<sentCount))
  }

  /// Sends the mark that a packet arrived well, or that it did not.
  mutating func acknowledge(_ arrivedWell: Bool) {
    let mark: InlineArray<1, UInt8> = [arrivedWell ? UInt8(ascii: "+") : UInt8(ascii: "-")]
    link.send(mark.span)
  }

  // MARK: Text

  /// Text that follows goes into the packet in hexadecimal digits, until ``endHex()``.
  mutating func beginHex() { textForm = .hex }

  /// Text that follows goes into the packet as it is.
  mutating func endHex() { textForm = .plain }

  /// Text that follows is for the user's console, not for this packet.
  @inline(never)
  mutating func beginConsole() {
    begin()
    write("O")
    textForm = .console
  }

  /// Sends what is left of the text, and begins the packet that answers the command.
  @inline(never)
  mutating func endConsole() {
    if end > 2 { sendConsole() }
    if leftOutConsole {
      leftOutConsole = false
      beginConsole()
      write("(Output is left out here: the debugger does not read it.)\n")
      send()
    }
    begin()
  }

  /// Sends a packet of console output if there is room for it besides the answer that follows.
  @inline(never)
  private mutating func sendConsole() {
    if leftOutConsole || link.room < longestAnswer &+ end &+ 3 {
      leftOutConsole = true
    } else {
      send()
    }
  }

  /// Text that follows is a document, of which the packet takes at most `length` bytes at `offset`.
  mutating func beginDocument(offset: UInt64, length: UInt64) {
    begin()
    write("l")
    textForm = .document(skipped: offset, taken: length, isCut: false)
  }

  /// The document is written; the packet says whether there is more of it than it holds.
  mutating func endDocument() {
    if case .document(_, _, isCut: true) = textForm { bytes[1] = UInt8(ascii: "m") }
    textForm = .plain
  }
}

extension PacketSender: TextOutput where Link: ~Copyable {
  @inline(__always)
  mutating func write(_ byte: UInt8) {
    switch textForm {
    case .plain:
      append(byte)
    case .hex:
      append(hexByte: byte)
    case .console:
      if room < 2 {
        sendConsole()
        beginConsole()
      }
      append(hexByte: byte)
    case .document(let skipped, let taken, let isCut):
      if skipped > 0 {
        textForm = .document(skipped: skipped &- 1, taken: taken, isCut: isCut)
      } else if taken > 0, !isCut, appendBinary(byte) {
        textForm = .document(skipped: 0, taken: taken &- 1, isCut: false)
      } else {
        textForm = .document(skipped: 0, taken: 0, isCut: true)
      }
    }
  }
}
