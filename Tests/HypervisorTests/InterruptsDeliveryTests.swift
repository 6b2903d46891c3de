import Testing

@testable import Hypervisor

@Suite("Delivering interrupts through list registers", .bothPaths)
struct InterruptDeliveryTests {
  @Test(
    "a level-sensitive SPI is active until its end, and pending again if its line still is"
  )
  func levelSensitive() {
    let machine = InterruptMachine()
    machine.enableSPI(40, isEdge: false)
    machine.setLine(40, true)
    #expect(machine.acknowledge() == 40)
    #expect(machine.acknowledge() == 1023)
    machine.end(40)
    #expect(machine.acknowledge() == 40)
    machine.setLine(40, false)
    machine.end(40)
    #expect(machine.acknowledge() == 1023)
    #expect(!machine.model.source(40, core: 0).isActive)
  }

  @Test(
    "a level-sensitive interrupt whose line falls while the guest masks interrupts is not taken",
    arguments: [27, 40, 1060, 4100] as [UInt32])
  func fallsWhileMasked(number: UInt32) {
    let machine = InterruptMachine()
    machine.enableLevelSensitive(number)
    machine.guestIsMasked = true
    for isEnded in [false, true] {
      machine.setLine(of: number, true)
      if isEnded {
        // The handler ends its interrupt, and tells the device only then: it has come again.
        #expect(machine.acknowledge() == number)
        machine.end(number)
        #expect(machine.model.cores[0].lists.contains { $0 >> 62 == 1 })
      }
      machine.setLine(of: number, false)
      #expect(machine.acknowledge() == 1023)
      #expect(!machine.model.source(number, core: 0).isActive)
      machine.setLine(of: number, true)
      #expect(machine.acknowledge() == number, "and it comes the next time")
      machine.setLine(of: number, false)
      machine.end(number)
      #expect(machine.acknowledge() == 1023)
    }
  }

  @Test(
    "what has fallen is gone as soon as EL2 returns to the guest, and lets the less urgent pass")
  func fallsAmongOthers() {
    let machine = InterruptMachine(listCount: 2)
    machine.guestIsMasked = true
    for n: UInt32 in 40..<46 {
      machine.enableLevelSensitive(n)
      machine.setLine(n, true)
    }
    machine.enableSPI(50, priority: 0xd0)
    machine.pulse(50)
    for n: UInt32 in 40..<46 where n != 43 { machine.setLine(n, false) }
    _ = machine.read(0x4)
    let pending = machine.model.cores[0].lists.filter { $0 >> 62 == 1 }
    #expect(Set(pending.map { UInt32(truncatingIfNeeded: $0) }) == [43, 50])
    #expect(machine.acknowledge() == 43)
    machine.setLine(43, false)
    machine.end(43)
    #expect(machine.drain() == [50])
  }

  @Test("what the guest made pending itself stays so without a line, and an edge stays an edge")
  func doesNotFall() {
    let machine = InterruptMachine()
    machine.guestIsMasked = true
    machine.enableLevelSensitive(40)
    machine.write(0x204, 1 << 8)
    #expect(machine.drain() == [40])
    machine.enableSPI(41)
    machine.pulse(41)
    #expect(machine.drain() == [41])
  }

  @Test("an acknowledge traps only after a level-sensitive one came while the guest was masked")
  func guards() {
    let machine = InterruptMachine()
    machine.enableLevelSensitive(40)
    machine.enableSPI(41)
    func traps() -> Bool { machine.model.cores[0].hcr & 0b11 << 11 != 0 }
    machine.setLine(40, true)
    #expect(!traps())
    #expect(machine.acknowledge() == 40)
    machine.setLine(40, false)
    machine.end(40)
    machine.guestIsMasked = true
    machine.pulse(41)
    #expect(!traps())
    #expect(machine.drain() == [41])
    machine.setLine(40, true)
    #expect(traps())
    machine.setWithheld(true)
    machine.setWithheld(false)
    #expect(traps())
    #expect(machine.acknowledge() == 40)
    #expect(!traps())
  }

  @Test("PPIs and SPIs have the hardware link, SGIs and LPIs have none")
  func hardwareLink() {
    for (number, isLinked): (UInt32, Bool) in [
      (27, true), (40, true), (1060, true), (4100, true), (3, false), (8192, false),
    ] {
      let register = ListRegister(pending: InterruptNumber(number), priority: 0xa0, group: .group1)
      #expect(register.isHardwareLinked == isLinked)
      #expect(register.rawValue >> 32 & 0x1fff == (isLinked ? UInt64(number) : 0))
      #expect(register.number.rawValue == number)
    }
  }

  @Test("32 SPIs and 16 SGIs pending at once are each delivered once, in order of priority")
  func manyAtOnce() {
    let machine = InterruptMachine()
    machine.model.cores[0].vmcr &= ~0xff00_0000  // ICC_PMR_EL1 is 0: nothing is taken yet.
    var priorities: [UInt32: UInt8] = [:]
    for n: UInt32 in 0..<32 {
      priorities[32 + n] = UInt8(n * 7 % 15) * 16
      machine.enableSPI(32 + n, priority: priorities[32 + n]!)
    }
    for n: UInt32 in 0..<16 {
      priorities[n] = UInt8(n * 5 % 15) * 16
      machine.access(
        .redistributor(0), .write(0x10400 + Int(n), size: 1, UInt64(priorities[n]!)))
    }
    for n: UInt32 in 0..<32 { machine.pulse(32 + n) }
    for n: UInt64 in 0..<16 { machine.sendSGI(n << 24 | 1) }

    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 0)
    let taken = machine.drain()
    #expect(taken.sorted() == Array(0..<16) + Array(32..<64))
    #expect(taken.map { priorities[$0]! } == taken.map { priorities[$0]! }.sorted())
  }

  @Test(
    "whatever the number of list registers, nothing is lost and the order is that of priorities",
    arguments: [1, 2, 3, 4, 16])
  func anyListCount(count: Int) {
    let machine = InterruptMachine(listCount: count)
    for n: UInt32 in 0..<40 { machine.enableSPI(100 + n, priority: UInt8(n * 11 % 15) * 16) }
    for n: UInt32 in (0..<40).reversed() { machine.pulse(100 + n) }
    let taken = machine.drain()
    #expect(taken.sorted() == Array(100..<140))
    let priorities = taken.map { ($0 - 100) * 11 % 15 }
    #expect(priorities == priorities.sorted())
  }

  @Test(
    "each core has its own list registers: 4 on the one that boots and 16 on another, or fewer",
    arguments: [1, 2, 16])
  func unequalCores(count: Int) {
    let machine = InterruptMachine(cores: 2) {
      // 5 bits of priority on both; the rest as the boot core's.
      $0.interfaceTypes[1] = $0.interfaceType & ~0x1f | UInt64(count - 1)
    }
    for core in 0..<2 {
      let first = UInt32(100 + 40 * core)
      for n in 0..<UInt32(20) {
        machine.enableSPI(first + n, priority: UInt8(n) * 8, route: UInt64(core))
      }
      for n in (0..<UInt32(20)).reversed() { machine.pulse(first + n) }
      let inUse = machine.model.cores[core].lists.count { $0 >> 62 != 0 }
      #expect(inUse == (core == 0 ? 4 : count), "core \(core)")
      let taken = machine.drain(on: core)
      #expect(taken.sorted() == Array(first..<first + 20), "core \(core)")
      // Non-secure software has one bit of priority less with two Security states.
      let mask: UInt8 = machine.controller.sharedInterrupts.hasSingleSecurityState ? 0xf8 : 0xf0
      let urgency = taken.map { UInt8($0 - first) * 8 & mask }
      #expect(urgency == urgency.sorted(), "core \(core)")
    }
  }

  @Test("an interrupt of higher priority displaces a pending one of lower priority")
  func displacement() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<4 { machine.enableSPI(40 + n, priority: 0xa0) }
    machine.enableSPI(50, priority: 0x20)
    machine.pulse(40, 41, 42, 43, 50)
    let lists = Set(machine.model.cores[0].lists[..<4].map { UInt32(truncatingIfNeeded: $0) })
    #expect(lists.contains(50))
    #expect(machine.drain() == [50, 40, 41, 42, 43])
  }

  @Test("an interrupt of equal or lower priority displaces nothing")
  func noDisplacement() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<4 { machine.enableSPI(40 + n, priority: 0x80) }
    machine.enableSPI(50, priority: 0x80)
    machine.enableSPI(51, priority: 0xc0)
    machine.pulse(40, 41, 42, 43, 51, 50)
    let lists = Set(machine.model.cores[0].lists[..<4].map { UInt32(truncatingIfNeeded: $0) })
    #expect(lists == [40, 41, 42, 43])
    #expect(machine.drain() == [40, 41, 42, 43, 50, 51])
  }

  @Test(
    "a guest may nest deeper than there are list registers: each comes, and each ends",
    arguments: [1, 2, 4])
  func deepNesting(count: Int) {
    let machine = InterruptMachine(listCount: count)
    // As deep as there are priorities that preempt, less the lowest.
    let step: UInt32 = machine.model.hasSingleSecurityState ? 8 : 16
    let depth = 248 / step - 1
    for n in 0..<depth { machine.enableSPI(200 + n, priority: UInt8((depth - 1 - n) * step)) }
    for n in 0..<depth {
      machine.pulse(200 + n)
      #expect(machine.acknowledge() == 200 + n)
      #expect(machine.acknowledge() == 1023)
    }
    // Each is active, so it can be pending but not taken again.
    for n in 0..<depth {
      #expect(machine.model.source(200 + n, core: 0).isActive)
      machine.pulse(200 + n)
    }
    #expect(machine.acknowledge() == 1023)
    // Ended in reverse, each comes again at once: it is more urgent than those still active.
    for n in (0..<depth).reversed() {
      machine.end(200 + n)
      #expect(machine.acknowledge() == 200 + n)
      machine.end(200 + n)
      #expect(!machine.model.source(200 + n, core: 0).isActive)
    }
    #expect(machine.acknowledge() == 1023)
  }

  @Test("less urgent interrupts wait through deep nesting and follow in order")
  func nestingWithWaiting() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<7 {
      machine.enableSPI(200 + n, priority: UInt8(6 - n) * 16)
      machine.enableSPI(300 + n, priority: UInt8(7 + n) * 16)
    }
    for n: UInt32 in 0..<7 {
      machine.pulse(200 + n, 306 - n)
      #expect(machine.acknowledge() == 200 + n)
    }
    for n: UInt32 in (0..<7).reversed() { machine.end(200 + n) }
    #expect(machine.drain() == Array(300..<307))
  }

  @Test("with EOImode 1 any number may be active, and be deactivated in any order")
  func splitEndOfInterrupt() {
    let machine = InterruptMachine()
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, splits: true, on: 0)
    // Of the lowest priority, so that it leaves its list register first.
    machine.access(.redistributor(0), .write(0x10405, size: 1, 0xe0))
    machine.sendSGI(5 << 24 | 1)
    #expect(machine.acknowledge() == 5)
    machine.end(5)
    for n: UInt32 in 0..<12 { machine.enableSPI(60 + n) }
    for n: UInt32 in 0..<12 {
      machine.pulse(60 + n)
      #expect(machine.acknowledge() == 60 + n)
      machine.end(60 + n)
    }
    #expect(machine.readPrivate(0x10300) == 1 << 5)
    for n: UInt32 in [3, 0, 11, 7, 1, 2, 4, 5, 6, 8, 9, 10] {
      #expect(machine.model.source(60 + n, core: 0).isActive)
      machine.deactivate(60 + n)
      #expect(!machine.model.source(60 + n, core: 0).isActive)
    }
    machine.sendSGI(5 << 24 | 1)
    #expect(machine.acknowledge() == 1023, "still active")
    machine.deactivate(5)
    #expect(machine.acknowledge() == 5)
  }

  @Test("with EOImode 1 deactivating what is only pending changes nothing")
  func deactivatePending() {
    let machine = InterruptMachine(listCount: 1)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, splits: true, on: 0)
    for n: UInt32 in 0..<3 { machine.enableSPI(60 + n) }
    machine.pulse(60)
    #expect(machine.acknowledge() == 60)
    machine.end(60)
    machine.pulse(61, 62)
    #expect(machine.model.cores[0].hcr & 1 << 14 != 0, "TDIR, since 60 had to leave")
    for number: UInt32 in [61, 62, InterruptMachine.link, 9000, 1023] {
      machine.deactivate(number)
    }
    for number: UInt32 in [61, 62] { #expect(machine.model.source(number, core: 0).isActive) }
    #expect(machine.drain() == [61, 62])
  }

  @Test("where ICC_DIR_EL1 cannot be trapped, the next interrupt waits for a list register")
  func splitWithoutTrap() {
    let machine = InterruptMachine(canTrapDeactivation: false)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, splits: true, on: 0)
    for n: UInt32 in 0..<5 { machine.enableSPI(60 + n) }
    for n: UInt32 in 0..<4 {
      machine.pulse(60 + n)
      #expect(machine.acknowledge() == 60 + n)
      machine.end(60 + n)
    }
    machine.pulse(64)
    #expect(machine.acknowledge() == 1023)
    for n: UInt32 in 0..<3 { machine.deactivate(60 + n) }
    #expect(machine.acknowledge() == 64)
  }

  @Test("LPIs come with the priority of their table, and wait in the queue like others")
  func lpis() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<10 {
      machine.model.lpiConfigurations[8192 + n] = UInt8(n * 3 % 10) << 4 | 1
      machine.model.sendLPI(8192 + n, toCore: 0)
    }
    machine.model.lpiConfigurations[65535] = 0xe1
    machine.model.sendLPI(65535, toCore: 0)
    machine.settle()
    #expect(
      machine.drain() == [8192, 8199, 8196, 8193, 8200, 8197, 8194, 8201, 8198, 8195, 65535])
  }

  @Test("an LPI that arrives again while it waits or is handled is delivered once more, not twice")
  func lpiAgain() {
    let machine = InterruptMachine()
    for _ in 0..<3 {
      machine.model.sendLPI(9000, toCore: 0)
      machine.settle()
    }
    #expect(machine.acknowledge() == 9000)
    for _ in 0..<3 {
      machine.model.sendLPI(9000, toCore: 0)
      machine.settle()
    }
    machine.end(9000)
    #expect(machine.drain() == [9000])
  }

  @Test("LPIs that leave their list register while they are handled owe no deactivation")
  func nestedLPIs() {
    let machine = InterruptMachine(listCount: 1)
    machine.model.showsActiveLPIs = true
    machine.model.sendLPI(9000, toCore: 0)
    machine.settle()
    #expect(machine.acknowledge() == 9000)
    machine.enableSPI(40, priority: 0x80)
    machine.enableSPI(41, priority: 0x60)
    machine.pulse(40)
    #expect(machine.acknowledge() == 40)
    machine.pulse(41)
    #expect(machine.acknowledge() == 41)
    for number: UInt32 in [41, 40, 9000] { machine.end(number) }
    machine.model.sendLPI(9000, toCore: 0)
    machine.settle()
    #expect(machine.drain() == [9000])
    // LRENPIE: nothing that is outside the list registers is still to be ended.
    #expect(machine.model.cores[0].hcr & 1 << 2 == 0)
  }

  @Test("a withheld guest gets nothing, and gets everything afterwards")
  func withheld() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<6 { machine.enableSPI(40 + n) }
    machine.setWithheld(true)
    machine.pulse(40, 41, 42, 43, 44, 45)
    #expect(machine.acknowledge() == 1023)
    #expect(machine.hasPendingVirtualInterrupt())
    machine.setWithheld(false)
    #expect(machine.drain() == Array(40..<46))
    #expect(!machine.hasPendingVirtualInterrupt())
  }

  @Test("an interrupt wakes a waiting vCPU unless ICC_PMR_EL1 or ICC_IGRPEN1_EL1 hold it back")
  func wakeUp() {
    let machine = InterruptMachine()
    machine.enableSPI(40, priority: 0x80)
    #expect(!machine.hasPendingVirtualInterrupt())
    machine.pulse(40)
    #expect(machine.hasPendingVirtualInterrupt())
    machine.setCPUInterface(priorityMask: 0x80, groups: 0b10, on: 0)
    #expect(!machine.hasPendingVirtualInterrupt())
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b00, on: 0)
    #expect(!machine.hasPendingVirtualInterrupt())
  }

  @Test("interrupts of a group that the CPU interface disables wait, and do not block the other's")
  func disabledGroupDoesNotBlock() {
    let machine = InterruptMachine(security: .one)
    machine.write(0x0000, 0b11)
    machine.write(0x0080 + 4 * 2, 0xffff_0000)  // 64 to 79 are in group 0, 80 to 95 in group 1.
    for n: UInt32 in 0..<8 {
      machine.enableSPI(64 + n, priority: 0x40)
      machine.enableSPI(80 + n, priority: 0x80)
    }
    for n: UInt32 in 0..<8 { machine.pulse(64 + n, 80 + n) }
    #expect(machine.drain() == Array(80..<88))
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b11, on: 0)
    #expect(machine.drain(group: 0) == Array(64..<72))
  }

  @Test(
    "a group that is disabled while its interrupts fill the list registers lets the other's pass")
  func groupDisabledLater() {
    let machine = InterruptMachine(security: .one)
    machine.write(0x0000, 0b11)
    machine.write(0x0080 + 4 * 2, 0xffff_0000)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b11, on: 0)
    for n: UInt32 in 0..<8 {
      machine.enableSPI(64 + n, priority: 0x40)
      machine.enableSPI(80 + n, priority: 0x80)
    }
    for n: UInt32 in 0..<8 { machine.pulse(64 + n, 80 + n) }
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 0)
    #expect(machine.drain() == Array(80..<88))
  }

  @Test("EL2's own interrupts come to their owners and never to the guest")
  func ownInterrupts() {
    let machine = InterruptMachine(cores: 2)
    machine.events = []
    machine.pulse(InterruptMachine.link)
    machine.setLine(InterruptMachine.timer, ofCore: 1, true)
    #expect(machine.events.map(\.core) == [0, 1])
    #expect(
      machine.events.map(\.event) == [.link(InterruptNumber(InterruptMachine.link)), .timer])
    #expect(machine.acknowledge(on: 0) == 1023)
    #expect(machine.acknowledge(on: 1) == 1023)
  }
}
