import Testing

@testable import Hypervisor

@Suite("Groups, sleep and Security states", .bothPaths)
struct InterruptGroupTests {
  @Test("a guest that has disabled the groups in GICD_CTLR gets nothing, and all of it later")
  func groupsDisabled() {
    let machine = InterruptMachine(cores: 2)
    machine.enableSPI(40)
    machine.enableSPI(41, route: 1)
    machine.writePrivate(0x10100, 1 << 27)
    machine.pulse(40)
    machine.write(0x0000, 0)
    machine.pulse(41)
    machine.setLine(27, ofCore: 0, true)
    machine.sendSGI(0b11)
    #expect(machine.acknowledge(on: 0) == 1023)
    #expect(machine.acknowledge(on: 1) == 1023)
    #expect(machine.read(0x200 + 4) & 1 << 8 != 0, "pending all the same")
    machine.write(0x0000, 0b10)
    machine.setLine(27, ofCore: 0, false)
    #expect(machine.drain(on: 0) == [27, 0, 40])
    #expect(machine.drain(on: 1) == [0, 41])
  }

  @Test(
    "GICD_CTLR reads what the guest wrote, with ARE and DS as they are; the hardware stays enabled")
  func distributorControl() {
    let machine = InterruptMachine(security: .one)
    for value: UInt32 in [0, 1, 2, 3, ~0] {
      machine.write(0x0000, value)
      #expect(machine.read(0x0000) == 0x50 | value & 3)
      #expect(machine.model.distributorControl & 0x13 == 0x12)
    }
  }

  @Test("with two Security states the Non-secure guest has group 1 and no choice of groups")
  func twoSecurityStates() {
    let machine = InterruptMachine(security: .two)
    machine.write(0x0000, 3)
    #expect(machine.read(0x0000) == 0x12)
    machine.write(0x084, 0)
    #expect(machine.read(0x084) == 0)
    machine.writePrivate(0x10080, 0)
    #expect(machine.readPrivate(0x10080) == 0)
    machine.writePrivate(0x14, 0b10)
    #expect(machine.readPrivate(0x14) == 0)
    machine.enableSPI(40)
    machine.pulse(40)
    machine.sendSGI(2 << 24 | 1)
    #expect(machine.drain().sorted() == [2, 40])
  }

  @Test("a redistributor that the guest put to sleep forwards nothing until it wakes")
  func sleep() {
    let machine = InterruptMachine(security: .one)
    machine.enableSPI(40)
    machine.writePrivate(0x14, 0b10)
    machine.pulse(40)
    #expect(machine.acknowledge() == 1023)
    machine.writePrivate(0x14, 0)
    #expect(machine.readPrivate(0x14) == 0)
    #expect(machine.drain() == [40])
  }

  @Test(
    "a guest that leaves GICR_WAKER as it is after a reset reads it so, and gets its interrupts")
  func neverWoken() {
    let machine = InterruptMachine(security: .one, isGuestSetUp: false)
    machine.write(0x0000, 0b10)
    machine.write(0x084, ~0)
    machine.writePrivate(0x10080, ~0)
    machine.writePrivate(0x10100, 1 << 3 | 1 << 27)
    machine.enableSPI(40)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 0)
    #expect(machine.readPrivate(0x14) == 0b110)
    machine.pulse(40)
    machine.sendSGI(3 << 24 | 1)
    #expect(machine.drain().sorted() == [3, 40])
    machine.setLine(27, ofCore: 0, true)
    #expect(machine.acknowledge() == 27)
  }

  @Test(
    "where GICR_WAKER is EL3's it reads 0 and decides nothing, whatever Non-secure reads of hardware",
    arguments: [Security.two, .twoWithRawMask])
  func wakerOfSecure(security: Security) {
    let machine = InterruptMachine(cores: 2, security: security, isGuestSetUp: false) { model in
      model.showsMeaninglessSleep = true
      for core in model.cores.indices { model.cores[core].waker = 0b110 }
    }
    for core in 0..<2 {
      #expect(machine.readPrivate(0x14, on: core) == 0)
      machine.setUpGuest(on: core)
      machine.writePrivate(0x14, 0b10, on: core)
      #expect(machine.readPrivate(0x14, on: core) == 0)
    }
    machine.enableSPI(40)
    machine.pulse(40)
    machine.sendSGI(2 << 24 | 0b11)
    #expect(machine.drain(on: 0).sorted() == [2, 40])
    #expect(machine.drain(on: 1) == [2])
  }

  @Test(
    "what is pending wakes a vCPU that waits with its redistributor asleep and its groups disabled")
  func wakeRequest() {
    for number: UInt32 in [3, 40] {
      let machine = InterruptMachine(security: .one)
      machine.enableSPI(40)
      machine.setCPUInterface(priorityMask: 0xf8, groups: 0, on: 0)
      machine.writePrivate(0x14, 0b10)
      #expect(!machine.hasPendingVirtualInterrupt())
      if number == 40 { machine.pulse(40) } else { machine.sendSGI(3 << 24 | 1) }
      #expect(machine.hasPendingVirtualInterrupt(), "\(number)")
      #expect(machine.acknowledge() == 1023)
      machine.writePrivate(0x14, 0)
      machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 0)
      #expect(machine.drain() == [number])
    }
  }

  @Test("SGIs that are Secure read 0, keep nothing and cannot be sent; the rest are the guest's")
  func secureSGIs() {
    // Firmware gives them to Non-secure software when it turns a core on, and not before.
    let machine = InterruptMachine(
      cores: 2, security: .two,
      prepare: {
        $0.cores[0].secure = Set(8..<16)
        $0.cores[1].secure = Set(0..<16)
      },
      firmware: { model, core in model.cores[core].secure = Set(8..<16) })
    machine.writePrivate(0x10180, 0xffff)
    #expect(machine.readPrivate(0x10100) & 0xffff == 0)
    machine.writePrivate(0x10100, 0xffff)
    #expect(machine.readPrivate(0x10100) & 0xffff == 0x00ff)
    machine.writePrivate(0x10200, 0xff00)
    machine.writePrivate(0x10300, 0xff00)
    #expect(machine.readPrivate(0x10200) == 0 && machine.readPrivate(0x10300) == 0)
    machine.writePrivate(0x10408, 0x5050_5050)
    machine.writePrivate(0x10404, 0x5858_5858)
    #expect(machine.readPrivate(0x10408) == 0)
    #expect(machine.readPrivate(0x10404) == 0x5050_5050)
    for sgi: UInt64 in 0..<16 { machine.sendSGI(sgi << 24 | 0b10) }
    #expect(machine.drain(on: 1) == Array(0..<8))
  }

  @Test("a group change reaches what is pending: FIQ becomes IRQ")
  func regroup() {
    let machine = InterruptMachine(security: .one)
    machine.write(0x0000, 0b11)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b11, on: 0)
    machine.write(0x084, ~(1 << 8))
    machine.enableSPI(40)
    machine.pulse(40)
    #expect(machine.acknowledge(group: 1) == 1023)
    machine.write(0x084, ~0)
    #expect(machine.acknowledge(group: 1) == 40)
  }

  @Test("the guest finds the state that the firmware left, before it writes anything")
  func firmwareState() {
    let machine = InterruptMachine(security: .one, isGuestSetUp: false) { model in
      model.shared[40] = .init(isGroup1: true, priority: 0x30)
      model.distributorControl |= 0b01
      model.cores[0].sources[3].isEnabled = true
      model.cores[0].sources[3].priority = 0x70
      model.cores[0].sources[3].isGroup1 = true
    }
    #expect(machine.read(0x0000) == 0x51)
    #expect(machine.read(0x084) == 1 << 8)
    #expect(machine.access(.distributor, .read(0x428, size: 1)) == 0x30)
    #expect(machine.readPrivate(0x10100) == 1 << 3)
    #expect(machine.readPrivate(0x10080) == 1 << 3)
    #expect(machine.readPrivate(0x10400) == 0x7000_0000)
    #expect(machine.readPrivate(0x14) == 0b110)
  }
}
