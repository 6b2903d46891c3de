/// The condition of an A32 or T32 instruction (Arm ARM F1.3.1, table "Condition codes").
public struct Condition: Equatable, Sendable {
  /// The encoding, 0 (EQ) to 14 (AL); 15 is always true as well.
  public var rawValue: UInt8

  /// The lower four bits of `rawValue` count.
  public init(rawValue: UInt8) { self.rawValue = rawValue & 0xF }

  /// Whether the flags of `state` meet the condition (pseudocode ConditionHolds).
  public func holds(in state: PState) -> Bool {
    let n = state.flags[bit: 3]
    let z = state.flags[bit: 2]
    let c = state.flags[bit: 1]
    let v = state.flags[bit: 0]
    let positive =
      switch rawValue &>> 1 {
      case 0: z
      case 1: c
      case 2: n
      case 3: v
      case 4: c && !z
      case 5: n == v
      case 6: n == v && !z
      default: true
      }
    // The odd ones are the opposites of the even ones before them, but for 15.
    return rawValue & 1 == 1 && rawValue != 0xF ? !positive : positive
  }
}
