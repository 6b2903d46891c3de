/// Whether bytes may be the first that a debugger sends, for a link that cannot tell whether they are
/// the last of one connection or the first of the next.
///
/// They may be unless there is a whole packet in them and the first one is none that a conversation
/// begins with: GDB's `qSupported`, LLDB's `QStartNoAckMode`. A packet that is not whole cannot be
/// answered before the rest of it comes.
public struct OpeningBytes {
  private enum State {
    case betweenPackets
    case payload
    case checksum
    case checksumEnd
    case decided(Bool)
  }

  private var state = State.betweenPackets
  private var length = 0
  private var isFeatureQuery = true
  private var isModeRequest = true

  /// No bytes yet.
  public init() {}

  /// Takes the next byte.
  public mutating func take(_ byte: UInt8) {
    switch (state, byte) {
    case (.decided, _): break
    case (_, UInt8(ascii: "$")):
      state = .payload
      length = 0
      isFeatureQuery = true
      isModeRequest = true
    case (.betweenPackets, _): break
    case (.payload, UInt8(ascii: "#")): state = .checksum
    case (.payload, _):
      compare(byte, with: "qSupported", &isFeatureQuery)
      compare(byte, with: "QStartNoAckMode", &isModeRequest)
      length &+= 1
    case (.checksum, _): state = .checksumEnd
    case (.checksumEnd, _):
      state = .decided(isFeatureQuery && length >= 10 || isModeRequest && length >= 15)
    }
  }

  /// Whether the bytes may begin a conversation.
  public var mayOpenConversation: Bool {
    if case .decided(let answer) = state { answer } else { true }
  }

  private func compare(_ byte: UInt8, with name: StaticString, _ isEqual: inout Bool) {
    guard length < name.utf8CodeUnitCount else { return }
    // It is a literal, which lives as long as the program, and `length` is within it.
    if unsafe name.utf8Start[length] != byte { isEqual = false }
  }
}
