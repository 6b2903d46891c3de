import ArmDebug
import Testing

@testable import Hypervisor

@Suite("Software-generated interrupts", .bothPaths)
struct InterruptSGITests {
  /// Two clusters of two cores, one with Aff0 above 15, one with Aff3 set.
  static let affinities: [UInt64] = [
    0x00_0000_0000, 0x00_0000_0001, 0x00_0000_0100, 0x00_0000_0101, 0x00_0000_0012,
    0x05_0007_0302,
  ]

  /// ICC_SGI1R_EL1: INTID 3, and which cores get it from core 1.
  @Test(
    "an SGI goes to the cores that affinity, range and list name, or to all but the sender",
    arguments: [
      (0x0000_0000_0300_0001, [0]), (0x0000_0000_0300_0003, [0, 1]),
      (0x0000_0000_0301_0003, [2, 3]), (0x0000_0000_0301_ffff, [2, 3]),
      (0x0000_1000_0300_0004, [4]), (0x0000_0000_0300_0004, []), (0x0000_1000_0300_0003, []),
      (0x0005_0007_0303_0004, [5]), (0x0005_0000_0303_0004, []), (0x0000_0007_0303_0004, []),
      (0x0000_0100_0300_0000, [0, 2, 3, 4, 5]), (0x0000_0100_0300_0002, [0, 2, 3, 4, 5]),
      (0x0000_0000_0300_0000, []),
    ] as [(UInt64, [Int])])
  func targets(value: UInt64, targets: [Int]) {
    let machine = InterruptMachine(affinities: Self.affinities)
    machine.sendSGI(value, on: 1)
    for core in Self.affinities.indices {
      #expect(machine.drain(on: core) == (targets.contains(core) ? [3] : []), "core \(core)")
    }
  }

  @Test("each of the sixteen reaches another core, which is called by one physical SGI only")
  func allSixteen() {
    let machine = InterruptMachine(cores: 2)
    for sgi: UInt64 in 0..<16 {
      machine.events = []
      machine.fastPathCount = 0
      machine.sendSGI(sgi << 24 | 0b10)
      #expect(machine.events.count + machine.fastPathCount == 1)
      #expect(machine.events.allSatisfy { $0.core == 1 && $0.event == .kick })
      #expect(machine.fastPathCount == (BothPaths.takesFastPath ? 1 : 0))
      #expect(machine.drain(on: 1) == [UInt32(sgi)])
    }
  }

  @Test("an SGI that is sent again while it is handled is pending and active, and comes once more")
  func pendingAndActive() {
    let machine = InterruptMachine(cores: 2)
    machine.sendSGI(4 << 24 | 1, on: 1)
    #expect(machine.acknowledge() == 4)
    machine.sendSGI(4 << 24 | 1, on: 1)
    machine.sendSGI(4 << 24 | 1, on: 1)
    #expect(machine.model.cores[0].lists.contains { $0 >> 62 == 3 })
    #expect(machine.acknowledge() == 1023)
    #expect(machine.readPrivate(0x10200) & 1 << 4 != 0, "GICR_ISPENDR0")
    #expect(machine.readPrivate(0x10300) & 1 << 4 != 0, "GICR_ISACTIVER0")
    machine.end(4)
    #expect(machine.drain() == [4])
  }

  @Test("a pending and active SGI that must leave its list register loses neither state")
  func pendingAndActiveMovedOut() {
    let machine = InterruptMachine(listCount: 1)
    machine.sendSGI(4 << 24 | 1)
    #expect(machine.acknowledge() == 4)
    machine.sendSGI(4 << 24 | 1)
    machine.enableSPI(40, priority: 0x10)
    machine.pulse(40)
    #expect(machine.acknowledge() == 40)
    #expect(machine.readPrivate(0x10300) & 1 << 4 != 0)
    machine.end(40)
    #expect(machine.acknowledge() == 1023)
    machine.end(4)
    #expect(machine.drain() == [4])
  }

  @Test("a disabled SGI stays pending and is delivered when it is enabled, by whichever vCPU")
  func disabled() {
    let machine = InterruptMachine(cores: 2)
    machine.writePrivate(0x10180, 1 << 9, on: 1)
    machine.sendSGI(9 << 24 | 0b10)
    #expect(machine.acknowledge(on: 1) == 1023)
    #expect(machine.readPrivate(0x10200, on: 1) == 1 << 9)
    machine.access(.redistributor(1), .write(0x10100, size: 4, 1 << 9), on: 0)
    #expect(machine.drain(on: 1) == [9])
  }

  @Test("an SGI that is disabled or cleared while pending in a list register is not delivered")
  func withdrawn() {
    let machine = InterruptMachine(cores: 2)
    machine.sendSGI(9 << 24 | 0b10)
    machine.sendSGI(10 << 24 | 0b10)
    machine.access(.redistributor(1), .write(0x10180, size: 4, 1 << 9), on: 0)
    machine.writePrivate(0x10280, 1 << 10, on: 1)
    #expect(machine.drain(on: 1) == [])
    machine.writePrivate(0x10100, 1 << 9, on: 1)
    #expect(machine.drain(on: 1) == [9])
  }

  @Test("GICR_ISPENDR0 makes SGIs pending like the SGI registers do, on any vCPU")
  func setPendingRegister() {
    let machine = InterruptMachine(cores: 2)
    machine.writePrivate(0x10200, 1 << 2)
    machine.access(.redistributor(1), .write(0x10200, size: 4, 1 << 3), on: 0)
    #expect(machine.drain(on: 0) == [2])
    #expect(machine.drain(on: 1) == [3])
  }

  @Test("the guest's SGI registers hold what it wrote, and no physical SGI but EL2's is enabled")
  func virtualRegisters() {
    let machine = InterruptMachine()
    machine.writePrivate(0x10180, 0xffff)
    machine.writePrivate(0x10100, 0x8421)
    machine.writePrivate(0x10400, 0x10ff_8027)
    machine.writePrivate(0x10080, 0xffff_1234)
    #expect(machine.readPrivate(0x10100) & 0xffff == 0x8421)
    #expect(machine.readPrivate(0x10180) & 0xffff == 0x8421)
    // Five bits of priority, or four.
    #expect(
      machine.readPrivate(0x10400)
        == (machine.model.hasSingleSecurityState ? 0x10f8_8020 : 0x10f0_8020))
    #expect(machine.readPrivate(0x10080) & 0xffff == machine.groups(0x1234))
    let enabled = (0..<16).filter { machine.model.source($0, core: 0).isEnabled }
    #expect(enabled == [InterruptMachine.kick])
    let kick = machine.model.source(InterruptMachine.kick, core: 0)
    #expect(machine.model.seen(kick.priority) == 0)
  }

  @Test(
    "ICC_SGI1R_EL1 sends SGIs of both groups, ICC_SGI0R_EL1 and ICC_ASGI1R_EL1 of group 0 only",
    arguments: [(SGIRegister.sgi1, true), (.sgi0, false), (.asgi1, false)])
  func groups(register: SGIRegister, reachesGroup1: Bool) {
    let machine = InterruptMachine(security: .one)
    machine.write(0x0000, 0b11)
    machine.writePrivate(0x10080, ~(1 << 6))
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b11, on: 0)
    machine.sendSGI(5 << 24 | 1, register)
    machine.sendSGI(6 << 24 | 1, register)
    #expect(machine.drain(group: 1) == (reachesGroup1 ? [5] : []))
    #expect(machine.drain(group: 0) == [6])
  }

  /// ICC_SGI1R, ICC_ASGI1R, ICC_SGI0R, ICC_DIR, ICC_IAR1, a read of ICC_DIR; MDSCR, ICH_HCR.
  @Test(
    "of trapped accesses, SGI requests and deactivations are completed, other ICC registers' are repeated",
    arguments: [
      (SystemRegister(3, 0, 12, 11, 5), false, .completed),
      (SystemRegister(3, 0, 12, 11, 6), false, .completed),
      (SystemRegister(3, 0, 12, 11, 7), false, .completed),
      (SystemRegister(3, 0, 12, 11, 1), false, .completed),
      (SystemRegister(3, 0, 12, 12, 0), true, .repeated),
      (SystemRegister(3, 0, 12, 11, 1), true, .repeated),
      (SystemRegister(2, 0, 0, 2, 2), true, nil), (SystemRegister(3, 4, 12, 11, 0), true, nil),
    ] as [(SystemRegister, Bool, TrappedInterruptAccess?)])
  func trapped(register: SystemRegister, isRead: Bool, result: TrappedInterruptAccess?) {
    let machine = InterruptMachine()
    let access = SystemRegisterAccess(register: register, rt: 0, isRead: isRead)
    #expect(machine.accessCPUInterface(access, value: 1023) == result)
  }

  @Test("an SGI to a vCPU that is off waits for it, and does not call its core")
  func offline() {
    let machine = InterruptMachine(cores: 2)
    machine.stop(1)
    machine.events = []
    machine.sendSGI(1 << 24 | 0b10)
    #expect(machine.events.isEmpty)
    machine.start(1)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 1)
    #expect(machine.drain(on: 1) == [1])
  }
}
