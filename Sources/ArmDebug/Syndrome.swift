/// ESR_ELx: why an exception was taken (Arm ARM D24.2.40).
public struct Syndrome: Equatable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A syndrome put together from its fields. `iss` is cut to 25 bits.
  public init(_ exceptionClass: ExceptionClass, iss: UInt64 = 0) {
    rawValue = 0
    rawValue[bits: 26...31] = UInt64(exceptionClass.rawValue)
    rawValue[bit: 25] = true
    rawValue[bits: 0...24] = iss
  }

  /// The syndrome of a watchpoint exception that an access by EL0 or EL1 takes to EL2.
  public static func watchpoint(isStore: Bool) -> Syndrome {
    Syndrome(.watchpointLower, iss: DebugSyndrome.faultStatus | (isStore ? 1 &<< 6 : 0))
  }

  /// EC, or nil for a value that the architecture has not allocated.
  public var exceptionClass: ExceptionClass? { ExceptionClass(rawValue: ec) }

  /// EC, allocated or not.
  public var ec: UInt8 { UInt8(truncatingIfNeeded: rawValue[bits: 26...31]) }

  /// IL: the instruction is 32 bits long (or the length does not matter).
  public var il: Bool { rawValue[bit: 25] }

  /// ISS, 25 bits, whose meaning depends on the class.
  public var iss: UInt64 { rawValue[bits: 0...24] }

  /// The same syndrome as EL1 sees it when the exception is taken to EL1 from `source`: only the
  /// class can differ.
  @inline(__always)
  public func takenToEL1(from source: ExceptionLevel) -> Syndrome {
    guard isOne(of: Self.pairedClasses) else { return self }
    var syndrome = self
    // The lower exception level's are the even ones.
    syndrome.rawValue[bit: 26] = source != .el0
    return syndrome
  }

  /// Whether the exception sets FAR_ELx to a fault address.
  public var hasFaultAddress: Bool { isOne(of: Self.classesWithFaultAddress) }

  // Sets of classes, bit n for EC = n, because exceptions of guests are frequent.

  /// The classes that exist twice, once for each origin.
  private static var pairedClasses: UInt64 {
    bit(.instructionAbortLower) | bit(.instructionAbortSame) | bit(.dataAbortLower)
      | bit(.dataAbortSame) | bit(.breakpointLower) | bit(.breakpointSame) | bit(.stepLower)
      | bit(.stepSame) | bit(.watchpointLower) | bit(.watchpointSame)
  }

  private static var classesWithFaultAddress: UInt64 {
    bit(.instructionAbortLower) | bit(.instructionAbortSame) | bit(.dataAbortLower)
      | bit(.dataAbortSame) | bit(.pcAlignment) | bit(.watchpointLower) | bit(.watchpointSame)
  }

  private static func bit(_ exceptionClass: ExceptionClass) -> UInt64 {
    1 &<< UInt64(exceptionClass.rawValue)
  }

  private func isOne(of classes: UInt64) -> Bool { classes &>> rawValue[bits: 26...31] & 1 != 0 }
}

/// The ISS of a breakpoint, software step or watchpoint exception. The classes leave each other's bits
/// free, so one view serves all three.
public struct DebugSyndrome: Equatable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The fault status code of every debug exception: IFSC and DFSC 0b100010.
  public static let faultStatus: UInt64 = 0x22

  /// A breakpoint's syndrome.
  public static let breakpoint = DebugSyndrome(rawValue: faultStatus)

  /// A watchpoint's syndrome for a store: WnR = 1.
  public static let storeWatchpoint = DebugSyndrome(rawValue: 1 &<< 6 | faultStatus)

  /// A software step's syndrome. `isv` (bit 24): an instruction was stepped; `ex` (bit 6): it was
  /// a load-exclusive.
  public static func step(isv: Bool, ex: Bool) -> DebugSyndrome {
    var syndrome = DebugSyndrome(rawValue: faultStatus)
    syndrome.rawValue[bit: 24] = isv
    syndrome.rawValue[bit: 6] = isv && ex
    return syndrome
  }

  /// ISV, software step: an instruction was executed in the active-not-pending state.
  public var isv: Bool { rawValue[bit: 24] }
  /// EX, software step: that instruction was a load-exclusive.
  public var ex: Bool { rawValue[bit: 6] }
  /// WnR, watchpoint: the access was a store (also for cache maintenance).
  public var wnr: Bool { rawValue[bit: 6] }
  /// CM, watchpoint: the access was cache maintenance, which counts as a store.
  public var cm: Bool { rawValue[bit: 8] }
  /// WPT, watchpoint: the number of the comparator that matched, where the processor says so
  /// (WPTV, bit 17).
  public var watchpointNumber: Int? {
    rawValue[bit: 17] ? Int(truncatingIfNeeded: rawValue[bits: 18...23]) : nil
  }
}
