public import ArmDebug

/// Why a request cannot be accepted.
public enum RequestError: Error, Equatable, Sendable {
  /// The storage is used up, or too many requests ask the hardware for the same.
  case full
  /// A breakpoint's address is odd: no instruction begins there.
  case misaligned
  /// A watchpoint watches no byte.
  case empty
  /// A watchpoint goes beyond the end of the address space, or is larger than comparators could
  /// ever watch.
  case tooLarge
}

/// What the debugger asks for: a stop before an instruction, or before an access.
///
/// Two requests that differ in their names alone ask the hardware for the same and share its
/// comparators, but each is inserted, removed and named in a stop for itself.
public struct DebugRequest: Equatable, Sendable {
  /// What is stopped at.
  public enum Kind: Equatable, Sendable {
    /// The instruction at the address.
    case breakpoint
    /// Accesses of this kind to any of the bytes.
    case watchpoint(AccessKind)
  }

  public var kind: Kind
  /// The address as the debugger names it. The hardware ignores an address tag.
  public var address: UInt64
  /// The number of bytes that are watched; for a breakpoint it is part of the name.
  public var length: UInt64
  /// Another part of the name. The engine attaches no meaning to it.
  public var label: UInt8

  public init(_ kind: Kind, at address: UInt64, length: UInt64, label: UInt8 = 0) {
    self.kind = kind
    self.address = address
    self.length = length
    self.label = label
  }

  /// The watched bytes, of at least one; or those of the instruction.
  public var range: WatchedRange {
    let first = address.untagged
    return WatchedRange(first: first, last: first &+ (length &- 1))
  }

  /// Whether it is a breakpoint.
  public var isBreakpoint: Bool { kind == .breakpoint }

  /// The comparator of a breakpoint: for an A64 instruction, or a T32 one in the upper half of a word.
  var breakpoint: Breakpoint { Self.breakpoint(at: address) }

  /// The comparator of a breakpoint at `address`.
  static func breakpoint(at address: UInt64) -> Breakpoint {
    Breakpoint(
      value: address.untagged & ~0b11, control: .address(bas: address & 0b10 == 0 ? 0xF : 0xC))
  }

  /// Whether `other` asks the hardware for the same.
  func isAlike(_ other: DebugRequest) -> Bool {
    kind == other.kind && address.untagged == other.address.untagged
      && (isBreakpoint || length == other.length)
  }

  /// Refuses what no comparator could ever do.
  func check() throws(RequestError) {
    guard kind != .breakpoint else {
      guard address & 1 == 0 else { throw .misaligned }
      return
    }
    guard length > 0 else { throw .empty }
    guard !address.untagged.addingReportingOverflow(length &- 1).overflow,
      range.comparatorCount(atMost: ComparatorBank.capacity) != nil
    else { throw .tooLarge }
  }
}
