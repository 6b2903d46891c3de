/// A value at a fixed place in EL2's own memory, which is there as long as EL2 is.
///
/// Which core may touch a value, and when, is said where the value is declared: most belong to one
/// core, and what several share is only written while they stand still.
@safe struct Fixed<Value: ~Copyable> {
  private let pointer: UnsafeMutablePointer<Value>

  /// The value that was made at `pointer`, and is never destroyed.
  init(_ pointer: UnsafeMutablePointer<Value>) { unsafe self.pointer = pointer }

  /// A value that assembly, the linker script or the boot core placed.
  ///
  /// - Parameter address: of a value of this type that is initialised and stays.
  @unsafe
  init(at address: UInt) {
    // Addresses given here are symbols of the image and places on EL2's stacks, never null.
    unsafe pointer = UnsafeMutablePointer<Value>(bitPattern: address).unsafelyUnwrapped
  }

  /// Makes the value.
  func initialize(to value: consuming Value) { unsafe pointer.initialize(to: value) }

  /// For registers that keep it.
  var address: UInt { unsafe UInt(bitPattern: pointer) }

  /// For assembly.
  @unsafe var rawPointer: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

  var value: Value {
    // The memory is valid for as long as EL2 runs: the linker script or a stack's top gave it.
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }
}
