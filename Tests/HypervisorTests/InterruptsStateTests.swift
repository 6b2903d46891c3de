import Testing

@testable import Hypervisor

@Suite("Pending, active and priority, as the guest reads and writes them", .bothPaths)
struct InterruptStateTests {
  @Test("GICD_ISPENDR and GICD_ISACTIVER follow an interrupt as the guest knows it")
  func pendingAndActive() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    func state() -> [UInt32] { [0x204, 0x284, 0x304, 0x384].map { machine.read($0) >> 8 & 1 } }
    #expect(state() == [0, 0, 0, 0])
    machine.pulse(40)
    #expect(state() == [1, 1, 0, 0])
    _ = machine.acknowledge()
    #expect(state() == [0, 0, 1, 1])
    machine.pulse(40)
    #expect(state() == [1, 1, 1, 1])
    machine.end(40)
    #expect(state() == [1, 1, 0, 0])
    _ = machine.drain()
    #expect(state() == [0, 0, 0, 0])
  }

  @Test("GICD_ICPENDR takes a pending edge away, wherever it waits")
  func clearPending() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<8 { machine.enableSPI(64 + n) }
    for n: UInt32 in 0..<8 { machine.pulse(64 + n) }
    machine.write(0x280 + 8, 0b1101_0110)
    #expect(machine.read(0x200 + 8) == 0b0010_1001)
    #expect(machine.drain().sorted() == [64, 67, 69])
    for n: UInt32 in 0..<8 { #expect(!machine.model.source(64 + n, core: 0).isActive) }
  }

  @Test("GICD_ICPENDR does not take an asserted line away")
  func clearPendingLevel() {
    let machine = InterruptMachine()
    machine.enableSPI(40, isEdge: false)
    machine.setLine(40, true)
    machine.write(0x284, 1 << 8)
    #expect(machine.read(0x204) == 1 << 8)
    #expect(machine.acknowledge() == 40)
  }

  @Test("GICD_ISPENDR makes an interrupt pending once, even if it waits already")
  func setPending() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.write(0x204, 1 << 8)
    machine.write(0x204, 1 << 8)
    #expect(machine.drain() == [40])
  }

  @Test("GICD_ISACTIVER keeps a pending interrupt from being delivered; GICD_ICACTIVER lets it go")
  func setActive() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.pulse(40)
    machine.write(0x304, 1 << 8)
    #expect(machine.read(0x204) == 1 << 8 && machine.read(0x304) == 1 << 8)
    #expect(machine.acknowledge() == 1023)
    machine.write(0x384, 1 << 8)
    #expect(machine.drain() == [40])
  }

  @Test("GICD_ICACTIVER leaves what is only pending alone")
  func clearActiveOfPending() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.pulse(40)
    machine.write(0x384, ~0)
    #expect(machine.acknowledge() == 40)
    #expect(machine.read(0x304) == 1 << 8)
    machine.pulse(40)
    #expect(machine.acknowledge() == 1023)
    machine.end(40)
    #expect(machine.drain() == [40])
    #expect(!machine.model.source(40, core: 0).isActive)
  }

  @Test("an interrupt that the guest made inactive while handling it can come again at once")
  func clearActive() {
    let machine = InterruptMachine()
    machine.enableSPI(40, priority: 0x80)
    machine.enableSPI(41, priority: 0x40)
    machine.pulse(40)
    #expect(machine.acknowledge() == 40)
    machine.write(0x384, 1 << 8)
    #expect(machine.read(0x304) == 0)
    machine.pulse(40, 41)
    #expect(machine.acknowledge() == 41)
    machine.end(41)
    machine.end(40)
    #expect(machine.drain() == [40])
    #expect(!machine.model.source(40, core: 0).isActive)
  }

  @Test(
    "what one vCPU made inactive while another handles it comes again, and not twice",
    arguments: [1, 2], [0, 1])
  func clearActiveFromElsewhere(listCount: Int, author: Int) {
    let machine = InterruptMachine(cores: 2, listCount: listCount)
    machine.enableSPI(40, priority: 0x80, route: 1)
    machine.enableSPI(41, priority: 0x40, route: 1)
    machine.pulse(40)
    #expect(machine.acknowledge(on: 1) == 40)
    machine.pulse(41)
    #expect(machine.acknowledge(on: 1) == 41)  // With one list register, 40 had to leave it.
    machine.write(0x384, 1 << 8, on: author)
    machine.pulse(40)
    #expect(machine.acknowledge(on: 1) == 1023)
    machine.end(41, on: 1)
    machine.end(40, on: 1)
    #expect(machine.acknowledge(on: 1) == 40)
    machine.pulse(40)
    #expect(machine.read(0x304) == 1 << 8, "active, and so not taken by EL2")
    #expect(machine.model.source(40, core: 1).isLatched)
    machine.end(40, on: 1)
    #expect(machine.drain(on: 1) == [40])
  }

  @Test("GICR_ICACTIVER0 ends SGIs that the guest was handling, as a kernel does at start")
  func clearActiveSGIs() {
    let machine = InterruptMachine()
    machine.sendSGI(3 << 24 | 1)
    #expect(machine.acknowledge() == 3)
    machine.writePrivate(0x10380, ~0)
    #expect(machine.readPrivate(0x10300) == 0)
    machine.sendSGI(3 << 24 | 1)
    machine.end(3)
    #expect(machine.drain() == [3])
  }

  @Test("a change of priority reaches what is pending")
  func changePriority() {
    let machine = InterruptMachine()
    machine.enableSPI(40, priority: 0x80)
    machine.enableSPI(41, priority: 0xa0)
    machine.pulse(40, 41)
    machine.access(.distributor, .write(0x400 + 41, size: 1, 0x20))
    #expect(machine.drain() == [41, 40])
  }

  /// Priority of an SPI, an SGI, a PPI and an LPI as the guest writes it, what it then reads, and what
  /// is compared with ICV_PMR_EL1.
  @Test(
    "a priority is read and compared as Non-secure software would find it bare",
    arguments: [
      (.one, 0x58, 0x58, 0x58), (.one, 0, 0, 0), (.two, 0x58, 0x50, 0x50), (.two, 0xff, 0xf0, 0xf0),
      (.twoWithRawMask, 0x58, 0x50, 0xa8), (.twoWithRawMask, 0, 0, 0x80),
      (.twoWithRawMask, 0xe0, 0xe0, 0xf0),
    ] as [(Security, UInt8, UInt32, UInt64)])
  func priorityViews(security: Security, written: UInt8, read: UInt32, compared: UInt64) {
    let machine = InterruptMachine(security: security)
    machine.enableSPI(40, priority: written)
    #expect(machine.read(0x428) & 0xff == read)
    for number in [3, 27] {
      machine.access(
        .redistributor(0), .write(0x10400 + number, size: 1, UInt64(written)))
      #expect(
        machine.accessQuietly(.redistributor(0), .read(0x10400 + number, size: 1)) == UInt64(read))
    }
    machine.writePrivate(0x10100, 1 << 27)
    machine.model.lpiConfigurations[8192] = UInt8(read) | 1
    func isHeldBack(by mask: UInt64, _ arrive: () -> Void) -> Bool {
      machine.setCPUInterface(priorityMask: mask, groups: 0b10, on: 0)
      arrive()
      let list = machine.model.cores[0].lists.first { $0 >> 62 == 1 } ?? 0
      #expect(list >> 48 & 0xff == compared)
      let number = machine.acknowledge()
      let isHeldBack = number == 1023
      machine.setLine(27, ofCore: 0, false)
      if !isHeldBack { machine.end(number) }
      machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 0)
      _ = machine.drain()
      return isHeldBack
    }
    guard compared < 0xf0 else { return }
    for (mask, isHeld) in [(compared, true), (compared + 8, false)] {
      #expect(isHeldBack(by: mask) { machine.pulse(40) } == isHeld)
      #expect(isHeldBack(by: mask) { machine.sendSGI(3 << 24 | 1) } == isHeld)
      #expect(isHeldBack(by: mask) { machine.setLine(27, ofCore: 0, true) } == isHeld)
      #expect(
        isHeldBack(by: mask) {
          machine.model.sendLPI(8192, toCore: 0)
          machine.settle()
        } == isHeld)
    }
  }

  @Test("GICD_SETSPI_NSR and GICD_CLRSPI_NSR make SPIs pending and not pending")
  func messageSignalled() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.access(.distributor, .write(0x40, size: 4, 40))
    #expect(machine.drain() == [40])
  }
}
