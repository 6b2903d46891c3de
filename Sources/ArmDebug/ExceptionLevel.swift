/// An exception level (Arm ARM D1.1).
public enum ExceptionLevel: UInt8, Equatable, Comparable, Sendable {
  case el0, el1, el2, el3

  public static func < (a: ExceptionLevel, b: ExceptionLevel) -> Bool { a.rawValue < b.rawValue }
}
