import Testing

@testable import Hypervisor

@Suite("What there is one of for each vCPU")
struct PerVCPUTests {
  @Test("each vCPU has a value of its own, at a place that stays")
  func values() {
    var memory = BootMemory.forTests()
    let values = PerVCPU<UInt64>(512, in: &memory) { UInt64($0) * 3 }!
    for vcpu in 0..<512 {
      #expect(values[vcpu] == UInt64(vcpu) * 3)
      values.place(of: vcpu).value += 1
    }
    for vcpu in 0..<512 { #expect(values[vcpu] == UInt64(vcpu) * 3 + 1) }
  }

  @Test("a number that no vCPU has ends in a fault report", arguments: [-1, 3, Int.max])
  func outOfRange(index: Int) async {
    await #expect(processExitsWith: .failure) { [index] in
      _ = PerVCPU<UInt64>([1, 2, 3])[index]
    }
  }

  @Test("what is taken of memory overlaps with nothing, and is aligned to a cache line")
  func taking() {
    var memory = BootMemory(from: 0x1001, to: 0x2000)
    let (first, second) = (memory.take(3, of: UInt8.self), memory.take(1, of: UInt64.self))
    #expect(first == 0x1040)
    #expect(second == 0x1080)
    let page = memory.take(bytes: 1, alignment: 0x800)
    #expect(page == 0x1800)
  }

  @Test("memory that is used up is told", arguments: [0x1000, 0xfff, UInt.max, UInt.max - 0x100])
  func exhaustion(size: UInt) {
    var memory = BootMemory(from: 0x1000, to: 0x2000)
    let taken = memory.take(bytes: size, alignment: 64)
    #expect((taken != nil) == (size <= 0x1000))
    let rest = memory.take(bytes: 1, alignment: 64)
    #expect((rest != nil) == (taken == nil))
  }

  @Test("each core has its own stack, with a guard page at its lower end")
  func stacks() {
    var memory = BootMemory(from: 0x1_0001, to: 0x10_0000)
    let stacks = CoreStacks(3, in: &memory)!
    for core in 0..<3 {
      #expect(stacks.guardPage(of: core) == 0x1_1000 + UInt(core) * CoreStacks.size)
      #expect(stacks.guardPage(of: core) % 0x1000 == 0)
      #expect(stacks.top(of: core) == stacks.guardPage(of: core) + CoreStacks.size)
    }
  }
}
