/// A breakpoint or watchpoint, as the `Z` and `z` packets name it (GDB manual, "Packets").
public struct Point: Equatable, Sendable {
  /// The packet's type digit.
  public enum Kind: UInt8, Sendable {
    /// `Z0`: stop before the instruction at the address executes.
    case softwareBreakpoint = 0
    /// `Z1`: the same, without a change to memory.
    case hardwareBreakpoint = 1
    /// `Z2`: stop on a write.
    case writeWatchpoint = 2
    /// `Z3`: stop on a read.
    case readWatchpoint = 3
    /// `Z4`: stop on either.
    case accessWatchpoint = 4
  }

  /// What kind of point it is.
  public var kind: Kind

  /// The lowest address that it marks; any value at all.
  public var address: UInt64

  /// How many bytes a watchpoint watches; the size in bytes of a breakpoint's instruction. Any value
  /// at all, zero and such as run past the top of the address space included.
  public var length: UInt64

  /// A point of `kind` that marks `length` bytes at `address`.
  public init(kind: Kind, address: UInt64, length: UInt64) {
    self.kind = kind
    self.address = address
    self.length = length
  }
}

/// Why a point cannot be set or taken away.
public struct PointError: Error {
  enum Kind {
    case unsupported
    case invalid
    case exhausted
  }

  let kind: Kind
  /// What is told to the user.
  public let reason: StaticString

  /// The machine has no points of this kind; the debugger may then make do with another.
  public static var unsupported: PointError { PointError(kind: .unsupported, reason: "") }

  /// Address and length are not such as this machine can mark.
  public static var invalid: PointError {
    invalid(because: "This machine cannot mark these bytes")
  }

  /// Address and length are not such as this machine can mark.
  ///
  /// - Parameter reason: one sentence for the user, without full stop, `#`, `$`, `}` and `*`.
  public static func invalid(because reason: StaticString) -> PointError {
    PointError(kind: .invalid, reason: reason)
  }

  /// Everything that could hold the point is taken.
  public static var exhausted: PointError {
    exhausted(because: "Everything that could hold this point is taken: delete another one")
  }

  /// Everything that could hold the point is taken.
  ///
  /// - Parameter reason: one sentence for the user, without full stop, `#`, `$`, `}` and `*`.
  public static func exhausted(because reason: StaticString) -> PointError {
    PointError(kind: .exhausted, reason: reason)
  }
}
