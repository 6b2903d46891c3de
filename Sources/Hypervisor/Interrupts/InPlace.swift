internal import Synchronization

/// A member for types of several KiB that must be worked on where they are. An atomic has an
/// address, and so has whatever contains it: the compiler passes such a value by address. Without,
/// it is free to copy even a noncopyable value to the stack wherever it is borrowed, and does.
struct InPlace: ~Copyable {
  private let address = Atomic<UInt8>(0)
}
