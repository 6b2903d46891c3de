/// The stacks that physical cores have at EL2, one for each vCPU.
struct CoreStacks {
  /// Bytes of a stack; `Layout.h` has the same figure.
  static let size: UInt = 0x1_0000
  /// The lowest bytes of each stack, which are not mapped: a stack that overflows is a fault with a
  /// report, not memory of something else that is overwritten.
  static let guardSize: UInt = 0x1000

  let count: Int
  private let start: UInt

  /// - Returns: nil where `memory` has no room.
  init?(_ count: Int, in memory: inout BootMemory) {
    guard let start = memory.take(bytes: UInt(count) &* Self.size, alignment: Self.guardSize)
    else { return nil }
    self.count = count
    self.start = start
  }

  /// One past the highest byte of the stack of vCPU `index`'s core.
  func top(of index: Int) -> UInt {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "There is no such vCPU.")
    return start &+ (UInt(bitPattern: index) &+ 1) &* Self.size
  }

  /// The general registers of vCPU `index`: the vectors store them at the top of its core's stack.
  func frame(of index: Int) -> Fixed<TrapFrame> {
    // `Power.powerUp` writes one before the guest is entered, and nothing reads that of a vCPU that is off.
    unsafe Fixed(at: top(of: index) &- UInt(MemoryLayout<TrapFrame>.stride))
  }

  /// The lowest page of that stack, which must not be mapped.
  func guardPage(of index: Int) -> UInt { top(of: index) &- Self.size }
}
