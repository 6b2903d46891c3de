import Testing

@testable import Hypervisor

/// The policy's rules over a GICv2, and those that only a GICv2 has. With one Security state the guest's interrupts are
/// in group 0 as after a reset; with two they are Non-secure's group 1.
@Suite("A GICv2: delivery", .bothPaths)
struct GICv2DeliveryTests {
  /// What GICC_IAR reads: the SGI at [9:0], the CPU interface that sent it at [12:10].
  private func iar(_ sgi: UInt32, from source: UInt32) -> UInt32 { source << 10 | sgi }

  @Test(
    "a level-sensitive interrupt is active until its end, and pending again if its line still is")
  func levelSensitive() {
    let machine = GICv2Machine()
    machine.enableSPI(40, isEdge: false)
    machine.setLine(40, true)
    #expect(machine.acknowledge() == 40)
    #expect(machine.acknowledge() == 1023)
    #expect(machine.read(0x304) == 1 << 8)
    machine.end(40)
    #expect(machine.acknowledge() == 40)
    machine.setLine(40, false)
    machine.end(40)
    #expect(machine.acknowledge() == 1023)
    #expect(!machine.model.shared[40].isActive)
  }

  @Test("the guest gets its interrupts as IRQ when it sets bit 0 of GICC_CTLR, and none before")
  func signal() {
    let machine = GICv2Machine()
    machine.enableSPI(40)
    machine.setCPUInterface(control: 0)
    machine.pulse(40)
    #expect(machine.model.virtualSignal(on: 0) == 0)
    #expect(!machine.hasPendingVirtualInterrupt())
    machine.setCPUInterface(control: 1)
    #expect(machine.model.virtualSignal(on: 0) == 1)
    #expect(machine.virtualStatus() == 1 << 7, "ISR_EL1.I")
    #expect(machine.hasPendingVirtualInterrupt())
    #expect(machine.drain() == [40])
    #expect(machine.virtualStatus() == 0)
  }

  @Test(
    "whatever the number of list registers, nothing is lost and the order is that of priorities",
    arguments: [1, 2, 4, 16, 64])
  func anyListCount(count: Int) {
    let machine = GICv2Machine(listCount: count)
    for n: UInt32 in 0..<40 { machine.enableSPI(100 + n, priority: UInt8(n * 11 % 15) * 16) }
    for n: UInt32 in (0..<40).reversed() { machine.pulse(100 + n) }
    let taken = machine.drain()
    #expect(taken.sorted() == Array(100..<140))
    let priorities = taken.map { ($0 - 100) * 11 % 15 }
    #expect(priorities == priorities.sorted())
  }

  @Test("a guest may nest deeper than there are list registers: each comes, and each ends")
  func deepNesting() {
    let machine = GICv2Machine(listCount: 4)
    for n: UInt32 in 0..<14 { machine.enableSPI(200 + n, priority: UInt8(14 - n) * 16) }
    for n: UInt32 in 0..<14 {
      machine.pulse(200 + n)
      #expect(machine.acknowledge() == 200 + n)
    }
    for n: UInt32 in (0..<14).reversed() {
      #expect(machine.model.shared[Int(200 + n)].isActive)
      machine.end(200 + n)
      #expect(!machine.model.shared[Int(200 + n)].isActive)
    }
    #expect(machine.acknowledge() == 1023)
  }

  @Test("with EOImode 1 GICC_DIR deactivates, in any order; the next waits for a list register")
  func splitEndOfInterrupt() {
    let machine = GICv2Machine()
    machine.setCPUInterface(control: 1 | 1 << 9)
    for n: UInt32 in 0..<5 { machine.enableSPI(60 + n) }
    for n: UInt32 in 0..<4 {
      machine.pulse(60 + n)
      #expect(machine.acknowledge() == 60 + n)
      machine.end(60 + n)
    }
    machine.pulse(64)
    #expect(machine.acknowledge() == 1023)
    for n: UInt32 in [2, 0, 1] {
      machine.deactivate(60 + n)
      #expect(!machine.model.shared[Int(60 + n)].isActive)
    }
    #expect(machine.acknowledge() == 64)
  }

  @Test(
    "a line that falls while the guest masks interrupts is seen on the next return to the guest")
  func falls() {
    let machine = GICv2Machine()
    machine.enableSPI(40, isEdge: false)
    machine.guestIsMasked = true
    machine.setLine(40, true)
    machine.setLine(40, false)
    _ = machine.read(0x4)
    #expect(machine.acknowledge() == 1023)
    #expect(!machine.model.shared[40].isActive)
  }

  @Test("withheld interrupts come when they are no longer withheld")
  func withheld() {
    let machine = GICv2Machine()
    machine.enableSPI(40)
    machine.setWithheld(true)
    machine.pulse(40)
    #expect(machine.acknowledge() == 1023)
    machine.setWithheld(false)
    #expect(machine.drain() == [40])
  }

  @Test("a core that waits in EL2 gets EL2's interrupts and none of the guest's")
  func waiting() {
    let machine = GICv2Machine(numbers: [0, 1])
    machine.enableSPI(40)
    machine.beginWaiting()
    machine.events = []
    machine.pulse(40)
    #expect(machine.model.shared[40].isLatched)
    machine.pulse(GICv2Machine.link)
    machine.kick(0, from: 1)
    #expect(
      machine.events.map(\.event) == [.link(InterruptNumber(GICv2Machine.link)), .kick])
    machine.endWaiting()
    #expect(machine.drain() == [40])
  }

  @Test("what a vCPU that is turned off has not taken goes to another target")
  func turnedOff() {
    let machine = GICv2Machine(numbers: [0, 1])
    machine.enableSPI(40, targets: 0b11)
    machine.setCPUInterface(control: 1, priorityMask: 0, on: 0)
    machine.pulse(40)
    #expect(machine.acknowledge(on: 0) == 1023)
    machine.stop(0)
    #expect(machine.drain(on: 1) == [40])
  }

  @Test("a GICv2 without the Security Extensions has groups, and FIQEn makes FIQs of group 0")
  func groups() {
    guard Security.current == .one else { return }
    let machine = GICv2Machine()
    machine.write(0x000, 0b11)
    #expect(machine.read(0x000) == 0b11)
    machine.write(0x084, 1 << 9)
    #expect(machine.read(0x084) == 1 << 9)
    machine.enableSPI(40)
    machine.enableSPI(41, priority: 0x80)
    machine.setCPUInterface(control: 0b11)
    machine.pulse(41)
    #expect(machine.acknowledge() == 1022, "group 1, and AckCtl is 0")
    machine.setCPUInterface(control: 0b1111)
    #expect(machine.acknowledge() == 41)
    machine.end(41)
    machine.pulse(40)
    #expect(machine.model.virtualSignal(on: 0) == 2)
    #expect(machine.virtualStatus() == 1 << 6, "ISR_EL1.F")
  }

  @Test(
    "with the Security Extensions groups are not the guest's, and bit 0 of GICD_CTLR is group 1's")
  func noGroups() {
    guard Security.current != .one else { return }
    let machine = GICv2Machine()
    machine.write(0x000, ~0)
    #expect(machine.read(0x000) == 1)
    machine.write(0x084, ~0)
    #expect(machine.read(0x084) == 0)
    machine.write(0x000, 0)
    machine.enableSPI(40)
    machine.pulse(40)
    #expect(machine.acknowledge() == 1023)
    machine.write(0x000, 1)
    #expect(machine.drain() == [40])
  }

  @Test("the list register of any interrupt is read back as it was written")
  func listRegisters() {
    for hasGroup1Only in [false, true] {
      for number: UInt32 in [0, 15, 16, 31, 32, 1019] {
        for group in [InterruptGroup.group0, .group1] {
          for state: UInt64 in 1...3 {
            let made = ListRegister(
              pending: InterruptNumber(number), priority: 0xa8, group: group,
              source: number < 16 ? 5 : 0)
            let register = ListRegister(rawValue: made.rawValue & ~(3 << 62) | state << 62)
            let value = register.gichLR(guestHasGroup1Only: hasGroup1Only)
            #expect(
              ListRegister(gichLR: value, guestHasGroup1Only: hasGroup1Only) == register)
            let isGroup1 = (group == .group1) != hasGroup1Only
            #expect(value >> 30 & 1 == (isGroup1 ? 1 : 0))
          }
        }
      }
      #expect(ListRegister().gichLR(guestHasGroup1Only: hasGroup1Only) == 0)
    }
    // Pending, HW, priority 0xa0, PPI 27: measured, the guest's end of it deactivates 27.
    let timer = ListRegister(pending: InterruptNumber(27), priority: 0xa0, group: .group0)
    #expect(timer.gichLR(guestHasGroup1Only: false) == 0x9a00_6c1b)
  }
}

@Suite("A GICv2: SGIs", .bothPaths)
struct GICv2SGITests {
  private func iar(_ sgi: UInt32, from source: UInt32) -> UInt32 { source << 10 | sgi }

  /// Filter and list of GICD_SGIR as vCPU 1 writes them, whose CPU interface has number 0; and who gets SGI 3.
  @Test(
    "GICD_SGIR goes to the CPU interfaces in the list, to all but the sender, or to the sender",
    arguments: [
      (0, 0b0000, []), (0, 0b0001, [1]), (0, 0b0100, [0]), (0, 0b1110, [0, 2]),
      (0, 0xff, [0, 1, 2]),
      (1, 0b0001, [0, 2]), (2, 0b1110, [1]), (3, 0xff, []),
    ] as [(UInt32, UInt32, [Int])])
  func targets(filter: UInt32, list: UInt32, targets: [Int]) {
    let machine = GICv2Machine(numbers: [2, 0, 3])
    machine.sendSGI(3, to: list, filter: filter, on: 1)
    for core in 0..<3 {
      #expect(machine.drain(on: core) == (targets.contains(core) ? [3] : []), "vCPU \(core)")
    }
  }

  @Test(
    "an SGI is pending once for each CPU interface that sent it, and its acknowledge says which")
  func sources() {
    let machine = GICv2Machine(numbers: [1, 0, 3])
    for core in [2, 1, 2] { machine.sendSGI(5, to: 0b10, on: core) }
    machine.sendSGI(6, to: 0b10, on: 0)
    #expect(machine.drain().sorted() == [iar(5, from: 0), iar(6, from: 1), iar(5, from: 3)])
  }

  @Test("more SGIs than list registers wait, and none is lost", arguments: [1, 2, 4])
  func many(listCount: Int) {
    let machine = GICv2Machine(numbers: Array(0..<8), listCount: listCount)
    machine.setCPUInterface(priorityMask: 0)
    for core in 0..<8 { for sgi: UInt32 in 0..<16 { machine.sendSGI(sgi, to: 1, on: core) } }
    for sgi in 0..<16 { #expect(machine.read8(0xf20 + sgi) == 0xff, "GICD_SPENDSGIR") }
    machine.setCPUInterface()
    let taken = machine.drain()
    #expect(taken.count == 128 && Set(taken).count == 128)
  }

  @Test("one that is sent again while it is handled comes once more, from the same CPU interface")
  func again() {
    let machine = GICv2Machine(numbers: [0, 1, 2])
    machine.sendSGI(5, to: 1, on: 2)
    #expect(machine.acknowledge() == iar(5, from: 2))
    machine.sendSGI(5, to: 1, on: 2)
    machine.sendSGI(5, to: 1, on: 1)
    #expect(machine.read8(0xf25) == 0b110)
    machine.end(iar(5, from: 2))
    #expect(Set(machine.drain()) == [iar(5, from: 1), iar(5, from: 2)])
  }

  @Test("GICD_SPENDSGIR and GICD_CPENDSGIR have a byte for each SGI and a bit for each sender")
  func pendingRegisters() {
    let machine = GICv2Machine(numbers: [0, 1, 2])
    machine.setCPUInterface(priorityMask: 0)
    // CPU interfaces that are not there send nothing.
    machine.write(0xf24, 0xff00_0300)
    #expect(machine.read(0xf24) == 0x0700_0300)
    #expect(machine.read(0xf14) == 0x0700_0300)
    #expect(machine.read(0x200) & 0xffff == 1 << 5 | 1 << 7, "GICD_ISPENDR0")
    machine.write8(0xf15, 0b01)
    machine.write(0xf14, 0x0200_0000)
    #expect(machine.read(0xf24) == 0x0500_0200)
    // GICD_ISPENDR0 and GICD_ICPENDR0 leave SGIs alone.
    machine.write(0x200, 0xffff)
    machine.write(0x280, 0xffff)
    #expect(machine.read(0xf20) == 0)
    #expect(machine.read(0xf24) == 0x0500_0200)
    machine.setCPUInterface()
    #expect(Set(machine.drain()) == [iar(5, from: 1), iar(7, from: 0), iar(7, from: 2)])
    // Another vCPU's are its own.
    machine.write8(0xf23, 0b10, on: 1)
    #expect(machine.read(0xf20) == 0)
    #expect(machine.drain(on: 1) == [iar(3, from: 1)])
  }

  @Test(
    "SGIs that the hardware does not disable cannot be disabled; others can",
    arguments: [true, false])
  func permanentlyEnabled(isPermanent: Bool) {
    let machine = GICv2Machine(numbers: [0, 1]) { model in
      model.sgisArePermanentlyEnabled = isPermanent
      for core in 0..<2 {
        for n in 0..<16 { model.cores[core].sources[n].isEnabled = isPermanent }
      }
    }
    for core in 0..<2 {
      machine.write(0x180, 0xffff, on: core)
      #expect(machine.read(0x100, on: core) & 0xffff == (isPermanent ? 0xffff : 0))
      machine.sendSGI(4, to: 1 << UInt32(core))
      #expect(machine.drain(on: core) == (isPermanent ? [4] : []))
    }
  }

  @Test("an SGI that firmware left is dropped, with the CPU interface that it came from")
  func leftover() {
    let machine = GICv2Machine(numbers: [0, 1]) { $0.sgisArePermanentlyEnabled = true }
    machine.model.cores[0].sources[9].isEnabled = true
    machine.model.sendSGI(9, to: 0, from: 6)
    machine.settle()
    #expect(machine.acknowledge() == 1023)
    #expect(machine.model.cores[0].activeSGIs.isEmpty)
  }

  @Test(
    "EL2 calls a core by the number of its CPU interface, and one that has not come up not at all")
  func kick() {
    let machine = GICv2Machine(numbers: [3, 0, 1], startsAll: false)
    machine.events = []
    machine.kick(2, from: 0)
    #expect(machine.events.isEmpty && machine.model.cores[2].sgis[7] == 0)
    machine.start(2)
    machine.start(1)
    machine.events = []
    for core in [2, 1, 0] { machine.kick(core, from: core == 0 ? 1 : 0) }
    #expect(machine.events.map(\.core).sorted() == [0, 1, 2])
    #expect(machine.events.allSatisfy { $0.event == .kick })
    machine.pulse(GICv2Machine.link)
    #expect(machine.events.last?.core == 0, "routed by the number as well")
  }
}
