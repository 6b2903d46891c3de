/// One value for each vCPU, or for the physical core that it is bound to, in memory that was taken at boot.
///
/// Which core may touch a vCPU's value, and when, is said where the property is declared, as for
/// ``Fixed``. An index out of range is a fault of EL2's own and ends in a report: no number that
/// a guest, a debugger or a device tree gives is used as an index unchecked.
@safe struct PerVCPU<Element: ~Copyable> {
  /// How many vCPUs there are.
  let count: Int
  private let elements: UnsafeMutablePointer<Element>

  /// A value for each of `count` vCPUs, made by `value` in the order of their numbers.
  ///
  /// - Returns: nil where `memory` has no room.
  init?(_ count: Int, in memory: inout BootMemory, _ value: (Int) -> Element) {
    // Memory was taken for so many elements, aligned as they have to be, and is never given back.
    guard let address = memory.take(count, of: Element.self),
      let elements = unsafe UnsafeMutablePointer<Element>(bitPattern: address)
    else { return nil }
    self.count = count
    unsafe self.elements = elements
    for index in 0..<count { unsafe (elements + index).initialize(to: value(index)) }
  }

  /// The value of vCPU `index`.
  subscript(index: Int) -> Element {
    // The check keeps the access inside of what `init` has initialised.
    unsafeAddress { unsafe UnsafePointer(elements + checked(index)) }
    nonmutating unsafeMutableAddress { unsafe elements + checked(index) }
  }

  /// The place of vCPU `index`'s value, for whoever keeps it.
  func place(of index: Int) -> Fixed<Element> { unsafe Fixed(elements + checked(index)) }

  @inline(__always)
  private func checked(_ index: Int) -> Int {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "There is no such vCPU.")
    return index
  }
}
