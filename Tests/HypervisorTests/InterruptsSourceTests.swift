import Testing

@testable import Hypervisor

/// The policy over a virtual interface as a GICv2 has one.
@Suite("SGIs with a source, and acknowledges that cannot trap", .bothPaths)
struct InterruptSourceTests {
  typealias Machine = MachineOf<SourceInterruptModel>

  /// What GICC_IAR reads: the SGI at [9:0], the CPU that sent it at [12:10].
  private func iar(_ sgi: UInt32, from source: UInt32) -> UInt32 { source << 10 | sgi }

  @Test("an SGI is pending once for each CPU that sent it, and its acknowledge says which")
  func sources() {
    let machine = Machine(cores: 4)
    for source in [3, 1, 3] { machine.sendSGI(5 << 24 | 1, on: source) }
    machine.sendSGI(6 << 24 | 1, on: 2)
    // Of equal priority: the list register that was filled first comes first.
    #expect(machine.drain() == [iar(5, from: 3), iar(5, from: 1), iar(6, from: 2)])
  }

  @Test("each source has a list register of its own; those that find none wait, and none is lost")
  func moreThanListRegisters() {
    let machine = Machine(cores: 8, listCount: 2)
    for source in 0..<8 { machine.sendSGI(5 << 24 | 1, on: source) }
    let inUse = machine.model.cores[0].lists.filter { $0 >> 62 == 1 }
    #expect(Set(inUse.map { $0 & 0xffff_ffff }) == [5] && inUse.count == 2)
    #expect(machine.drain() == (0..<8).map { iar(5, from: $0) })
  }

  @Test("one that must leave its list register for a more urgent one comes back with its source")
  func displaced() {
    let machine = Machine(cores: 4, listCount: 1)
    machine.sendSGI(5 << 24 | 1, on: 3)
    machine.enableSPI(40, priority: 0x10)
    machine.pulse(40)
    #expect(machine.drain() == [40, iar(5, from: 3)])
  }

  @Test("one that is sent again while it is handled comes once more, from the same CPU")
  func pendingAndActive() {
    let machine = Machine(cores: 4)
    machine.sendSGI(5 << 24 | 1, on: 2)
    #expect(machine.acknowledge() == iar(5, from: 2))
    machine.sendSGI(5 << 24 | 1, on: 2)
    #expect(machine.model.cores[0].lists.contains { $0 >> 62 == 3 })
    machine.sendSGI(5 << 24 | 1, on: 1)
    #expect(machine.acknowledge() == 1023)
    machine.end(iar(5, from: 2))
    #expect(Set(machine.drain()) == [iar(5, from: 1), iar(5, from: 2)])
  }

  @Test("GICD_ISPENDR0 and GICD_ICPENDR0 change nothing of SGIs that have a source")
  func pendingRegisters() {
    let machine = Machine(cores: 2)
    machine.writePrivate(0x10200, 1 << 5)
    #expect(machine.acknowledge() == 1023)
    machine.sendSGI(5 << 24 | 1, on: 1)
    machine.writePrivate(0x10280, 1 << 5)
    #expect(machine.drain() == [iar(5, from: 1)])
  }

  @Test(
    "where an acknowledge cannot trap, a line that has fallen is seen on the next return to the guest"
  )
  func fallsWithoutTrap() {
    let machine = Machine()
    machine.enableLevelSensitive(40)
    machine.guestIsMasked = true
    for _ in 0..<2 {
      machine.setLine(40, true)
      // Still there, and looked at again.
      _ = machine.read(0x4)
      #expect(machine.model.cores[0].lists.contains { $0 >> 62 == 1 })
      machine.setLine(40, false)
      _ = machine.read(0x4)
      #expect(machine.acknowledge() == 1023)
      #expect(!machine.model.source(40, core: 0).isActive)
    }
    machine.setLine(40, true)
    #expect(machine.acknowledge() == 40)
  }

  @Test("a set of pending SGIs keeps each source apart, and the mask says whether any is left")
  func set() {
    let sgis = PendingSGIs()
    sgis.insert(InterruptNumber(15), from: 7)
    sgis.insert(InterruptNumber(15), from: 0)
    sgis.insert(InterruptNumber(0), from: 3)
    var (mask, sources) = (sgis.mask, sgis.sourceMask(of: InterruptNumber(15)))
    #expect(mask == 1 << 15 | 1 && sources == 1 << 7 | 1)
    sgis.remove(InterruptNumber(15), from: 0)
    (mask, sources) = (sgis.mask, sgis.sourceMask(of: InterruptNumber(15)))
    #expect(mask == 1 << 15 | 1 && sources == 1 << 7)
    sgis.remove(InterruptNumber(15), from: 7)
    sgis.remove(InterruptNumber(0), from: 2)
    mask = sgis.mask
    let contains = sgis.contains(InterruptNumber(0), from: 3)
    #expect(mask == 1 && contains)
  }
}
