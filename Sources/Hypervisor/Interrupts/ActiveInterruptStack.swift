/// The interrupts that the guest has taken and not yet ended, and that had to leave their list
/// register for a more urgent one.
///
/// With ICC_CTLR_EL1.EOImode 0 a guest ends interrupts in the reverse order of taking them. The one
/// that leaves a list register is always the one taken first, so those outside end after those
/// inside and among themselves last in, first out: ICH_HCR_EL2.EOIcount says how many to take off.
/// At most 128 can be active at a time, one for each preemption level (IHI 0069, 4.8.2).
///
/// With EOImode 1 there is no order and no such bound, but then ICC_DIR_EL1 names the interrupt and
/// is trapped. A physical interrupt is remembered by the distributor, where it is active; only the
/// guest's SGIs need a note.
///
/// All zero bytes are the empty stack.
struct ActiveInterruptStack: ~Copyable {
  private var entries = InlineArray<128, ListRegister>(repeating: ListRegister())
  private var depth = 0
  private let inPlace = InPlace()

  /// Active SGIs outside the list registers that no entry stands for, a bit each.
  var unorderedSGIs: UInt32 = 0

  /// Whether the next unmatched end of interrupt has an entry.
  var hasEntries: Bool { depth != 0 }

  /// Puts the contents of a list register on top. A guest that keeps the architecture's rules never
  /// has more than fit; of one that does not, the interrupt stays active until it clears it.
  mutating func push(_ interrupt: ListRegister) {
    guard depth < 128 else { return }
    entries[depth] = interrupt
    depth &+= 1
  }

  /// Takes off the interrupt that ends next.
  mutating func pop() -> ListRegister? {
    guard depth > 0 else { return nil }
    depth &-= 1
    return entries[depth]
  }

  /// Whether `number` is active in here.
  func contains(_ number: InterruptNumber) -> Bool {
    if number.kind == .sgi && unorderedSGIs & 1 << number.rawValue != 0 { return true }
    for n in 0..<depth where entries[n].isActive && entries[n].number == number { return true }
    return false
  }

  /// Makes `number` inactive. Its entry keeps its place, because the guest still owes the end that
  /// the entry stands for.
  mutating func deactivate(_ number: InterruptNumber) {
    if number.kind == .sgi { unorderedSGIs &= ~(1 << number.rawValue) }
    for n in 0..<depth where entries[n].number == number { entries[n].isActive = false }
  }

  /// The active SGIs, a bit each.
  var activeSGIs: UInt32 {
    var mask = unorderedSGIs
    for n in 0..<depth where entries[n].isActive && entries[n].number.kind == .sgi {
      mask |= 1 << entries[n].number.rawValue
    }
    return mask
  }

  /// Forgets everything.
  mutating func removeAll() {
    depth = 0
    unorderedSGIs = 0
  }
}
