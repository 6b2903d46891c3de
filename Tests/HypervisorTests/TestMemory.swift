@testable import Hypervisor

extension BootMemory {
  /// Memory for tests of what a boot core would give out. It is never freed.
  static func forTests(_ size: Int = 1 << 20) -> BootMemory {
    let start = UInt(
      bitPattern: UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096))
    return BootMemory(from: start, to: start + UInt(size))
  }
}

extension PerVCPU where Element: Copyable {
  /// The given values, one for each vCPU.
  init(_ values: [Element]) {
    var memory = BootMemory.forTests(values.count * MemoryLayout<Element>.stride + 4096)
    self.init(values.count, in: &memory) { values[$0] }!
  }
}
