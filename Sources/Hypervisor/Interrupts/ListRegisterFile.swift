/// The list registers of the executing core, read once, changed as values and written back.
struct ListRegisterFile: ~Copyable {
  private var registers: InlineArray<16, ListRegister>
  private var changed: UInt16 = 0
  private let inPlace = InPlace()

  /// How many there are: 1 to 16.
  let count: Int

  /// Reads the `count` list registers of the executing core.
  init(reading hardware: borrowing some VirtualInterface & ~Copyable, count: Int) {
    self.count = count
    registers = InlineArray(repeating: ListRegister())
    for n in 0..<count { registers[n] = hardware.readListRegister(n) }
  }

  /// List register `n`, below `count`.
  subscript(n: Int) -> ListRegister {
    get { registers[n] }
    set {
      guard registers[n] != newValue else { return }
      registers[n] = newValue
      changed |= 1 << UInt16(truncatingIfNeeded: n)
    }
  }

  /// Writes what was changed to the executing core. An empty one is written as zero, so that no reserved
  /// combination is left of an invalid state with HW set.
  mutating func write(to hardware: borrowing some VirtualInterface & ~Copyable) {
    for n in 0..<count where changed & 1 << UInt16(truncatingIfNeeded: n) != 0 {
      hardware.writeListRegister(n, registers[n].isEmpty ? ListRegister() : registers[n])
    }
    changed = 0
  }

  /// A list register with nothing in it.
  var freeIndex: Int? {
    for n in 0..<count where registers[n].isEmpty { return n }
    return nil
  }

  /// The deliverable interrupt of lowest priority; of equals, the last.
  var lowestDeliverable: Int? { lowest { $0.isDeliverable } }

  /// The active interrupt of lowest priority: the one that the guest will end last.
  var lowestActive: Int? { lowest { $0.isActive } }

  /// The interrupt of lowest priority for which `condition` holds; of equals, the last.
  @inline(__always)
  private func lowest(where condition: (ListRegister) -> Bool) -> Int? {
    var lowest: Int?
    for n in 0..<count where condition(registers[n]) {
      if let found = lowest, registers[found].priority > registers[n].priority { continue }
      lowest = n
    }
    return lowest
  }

  /// One bit for each interrupt from `first` to `first + 31` that is in a list register of which
  /// `condition` holds: the shape of GICD_ISPENDR and its like.
  func mask(from first: InterruptNumber, where condition: (ListRegister) -> Bool) -> UInt32 {
    var mask: UInt32 = 0
    for n in 0..<count where !registers[n].isEmpty && condition(registers[n]) {
      let distance = registers[n].number.rawValue &- first.rawValue
      if distance < 32 { mask |= 1 << distance }
    }
    return mask
  }
}
