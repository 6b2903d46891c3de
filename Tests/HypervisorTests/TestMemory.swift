@testable import Hypervisor

extension BootMemory {
  /// Memory for tests of what a boot core would give out. It is never freed.
  static func forTests(_ size: Int = 1 << 20) -> BootMemory {
    let start = UInt(
      bitPattern: UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096))
    return BootMemory(from: start, to: start + UInt(size))
  }
}

extension PerVCPU where Element: ~Copyable {
  /// One value for each of `count` vCPUs, which `value` makes.
  static func forTests(_ count: Int, _ value: (Int) -> Element) -> PerVCPU {
    var memory = BootMemory.forTests(count * MemoryLayout<Element>.stride + 4096)
    guard let made = PerVCPU(count, in: &memory, value) else {
      fatalError("the memory is too small")
    }
    return made
  }
}

extension PerVCPU where Element: Copyable {
  /// The given values, one for each vCPU.
  init(_ values: [Element]) {
    self = .forTests(values.count) { values[$0] }
  }
}
