import Testing

@testable import Hypervisor

@Suite("Interrupt numbers, sets and registers as values")
struct InterruptValueTests {
  @Test(
    "INTIDs divide into ranges",
    arguments: [
      (0, 15, .sgi), (16, 31, .ppi), (32, 1019, .spi), (1020, 1055, .special), (1056, 1119, .ppi),
      (1120, 4095, .special), (4096, 5119, .spi), (5120, 8191, .special), (8192, 0xff_ffff, .lpi),
    ] as [(UInt32, UInt32, InterruptNumber.Kind)])
  func kinds(first: UInt32, last: UInt32, kind: InterruptNumber.Kind) {
    #expect(InterruptNumber(first).kind == kind)
    #expect(InterruptNumber(last).kind == kind)
  }

  @Test("an affinity is packed from MPIDR_EL1 and spread for GICD_IROUTER")
  func affinity() {
    let affinity = Affinity(mpidr: 0x0000_0012_8034_5678)
    #expect(affinity.rawValue == 0x1234_5678)
    #expect(affinity.route == 0x12_0034_5678)
  }

  @Test("an SGI to one core names its affinity, its range of sixteen and its bit")
  func sgiRequest() {
    let affinity = Affinity(mpidr: 0x0000_0012_0034_5678)
    let request = ICC_SGIR(sgi: InterruptNumber(9), target: affinity)
    #expect(request.rawValue == 0x0012_7034_0956_0100)
    #expect(request.sgi.rawValue == 9)
    #expect(request.isFor(affinity, from: Affinity(mpidr: 0)))
  }

  @Test("a set has what was inserted and not removed, in order, summaries included")
  func set() {
    var set = InterruptSet()
    var reference: Set<UInt32> = []
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    for step in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Few numbers, close together and far apart, so that words and summaries become empty.
      let number = [0, 63, 64, 4095, 4096, 65535][Int(state >> 33) % 6] ^ UInt32(state >> 60 & 1)
      if state >> 40 & 1 == 0 {
        set.insert(InterruptNumber(number))
        reference.insert(number)
      } else {
        set.remove(InterruptNumber(number))
        reference.remove(number)
      }
      guard step % 50 == 0 else { continue }
      var members: [UInt32] = []
      var next = set.first(from: 0)
      while let member = next {
        members.append(member.rawValue)
        next = set.first(from: member.rawValue + 1)
      }
      #expect(members == reference.sorted())
      let (isEmpty, contains) = (set.isEmpty, set.contains(InterruptNumber(number)))
      #expect(isEmpty == reference.isEmpty)
      #expect(contains == reference.contains(number))
    }
  }

  @Test("a set can hold every INTID below 65536 at once, and none above")
  func fullSet() {
    var set = InterruptSet()
    for number: UInt32 in 0..<65536 { set.insert(InterruptNumber(number)) }
    for number: UInt32 in [65536, 100_000, .max] {
      set.insert(InterruptNumber(number))
      let (contains, first) = (set.contains(InterruptNumber(number)), set.first(from: number))
      #expect(!contains && first == nil)
    }
    for first: UInt32 in [0, 32, 64, 65504] {
      let mask = set.mask(from: InterruptNumber(first))
      #expect(mask == ~0)
    }
    var removed: UInt32 = 0
    while let number = set.first(from: 0) {
      #expect(number.rawValue == removed)
      set.remove(number)
      removed += 1
    }
    #expect(removed == 65536)
  }

  @Test("active interrupts outside the list registers are taken off last in, first out, 128 deep")
  func stack() {
    var stack = ActiveInterruptStack()
    for number: UInt32 in 100..<230 {
      var interrupt = ListRegister(
        pending: InterruptNumber(number), priority: 0, group: .group1)
      interrupt.isActive = true
      stack.push(interrupt)
    }
    stack.deactivate(InterruptNumber(226))
    let contains = [225, 226].map { stack.contains(InterruptNumber($0)) }
    #expect(contains == [true, false])
    for number: UInt32 in (100..<228).reversed() {
      let interrupt = stack.pop()
      #expect(interrupt?.number.rawValue == number && interrupt?.isActive == (number != 226))
    }
    let (rest, hasEntries) = (stack.pop(), stack.hasEntries)
    #expect(rest == nil && !hasEntries)
  }

  @Test("ICH_VTR_EL2 gives list registers, active-priority registers and priority bits")
  func interfaceType() {
    let qemu = VirtualInterfaceType(rawValue: 0x9078_0003)
    #expect(qemu.listRegisterCount == 4 && qemu.activePriorityRegisterCount == 1)
    #expect(qemu.priorityMask == 0xf8 && qemu.canTrapDeactivation)
    let largest = VirtualInterfaceType(rawValue: 7 << 29 | 6 << 26 | 0x1f)
    #expect(largest.listRegisterCount == 16 && largest.activePriorityRegisterCount == 4)
    #expect(largest.priorityMask == 0xff && !largest.canTrapDeactivation)
  }
}
