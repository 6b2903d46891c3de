import Testing

@testable import Hypervisor

@Suite("Accesses of distributor and redistributors", .bothWays)
struct InterruptAccessTests {
  // MARK: Disabling

  @Test(
    "an SPI that is disabled while it waits for the guest is not delivered, and pending again later"
  )
  func disablePendingEdge() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.pulse(40)
    machine.write(0x180 + 4, 1 << 8)
    #expect(machine.acknowledge() == 1023)
    #expect(machine.read(0x200 + 4) == 1 << 8)
    #expect(!machine.model.source(40, core: 0).isActive)
    machine.write(0x100 + 4, 1 << 8)
    #expect(machine.drain() == [40])
  }

  @Test("a level-sensitive SPI whose line falls while it is disabled is not pending any more")
  func disablePendingLevel() {
    let machine = InterruptMachine()
    machine.enableSPI(40, isEdge: false)
    machine.setLine(40, true)
    machine.write(0x180 + 4, 1 << 8)
    #expect(machine.read(0x200 + 4) == 1 << 8)
    machine.setLine(40, false)
    #expect(machine.read(0x200 + 4) == 0)
    machine.write(0x100 + 4, 1 << 8)
    #expect(machine.drain() == [])
  }

  @Test(
    "a level-sensitive interrupt that the guest made pending stays so, whatever its line does",
    arguments: [32 + 8, 4096 + 8, 16 + 8, 1056 + 8] as [UInt32])
  func disableSoftwarePending(number: UInt32) {
    let machine = InterruptMachine()
    let frame: InterruptFrame = number == 24 || number == 1064 ? .redistributor(0) : .distributor
    let bit: UInt64 = 1 << UInt64(number % 32)
    // ISENABLER, ICENABLER, ISPENDR, ICPENDR.
    let offsets =
      [
        40: [0x104, 0x184, 0x204, 0x284], 4104: [0x1200, 0x1400, 0x1600, 0x1800],
        24: [0x10100, 0x10180, 0x10200, 0x10280], 1064: [0x10104, 0x10184, 0x10204, 0x10284],
      ][number]!
    func write(_ n: Int) { machine.access(frame, .write(offsets[n], size: 4, bit)) }
    func isPending() -> Bool {
      machine.access(frame, .read(offsets[2], size: 4)) & bit != 0
    }
    for (assertsFirst, isMasked) in [(false, false), (true, false), (false, true), (true, true)] {
      machine.guestIsMasked = isMasked
      write(0)
      if assertsFirst {
        if frame == .distributor {
          machine.setLine(number, true)
        } else {
          machine.setLine(number, ofCore: 0, true)
        }
      }
      write(2)
      if assertsFirst {
        if frame == .distributor {
          machine.setLine(number, false)
        } else {
          machine.setLine(number, ofCore: 0, false)
        }
      }
      write(1)
      #expect(isPending())
      #expect(machine.acknowledge() == 1023)
      write(0)
      #expect(machine.drain() == [number])
      write(2)
      write(1)
      write(3)
      #expect(!isPending())
      write(0)
      #expect(machine.drain() == [])
    }
    // The next time it is the line alone.
    if frame == .distributor {
      machine.setLine(number, true)
      machine.setLine(number, false)
    } else {
      machine.setLine(number, ofCore: 0, true)
      machine.setLine(number, ofCore: 0, false)
    }
    write(1)
    #expect(!isPending())
  }

  @Test("disabling reaches interrupts in the queue as well as in list registers")
  func disableQueued() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<12 { machine.enableSPI(64 + n) }
    for n: UInt32 in 0..<12 { machine.pulse(64 + n) }
    machine.write(0x180 + 8, 0xaaa)
    #expect(machine.drain() == [64, 66, 68, 70, 72, 74])
    machine.write(0x100 + 8, 0xaaa)
    #expect(machine.drain() == [65, 67, 69, 71, 73, 75])
  }

  @Test("an SPI that is disabled by another vCPU is not delivered once GICD_CTLR.RWP reads 0")
  func disableFromElsewhere() {
    let machine = InterruptMachine(cores: 2)
    machine.enableSPI(40, route: 1)
    machine.pulse(40)
    machine.accessQuietly(.distributor, .write(0x180 + 4, size: 4, 1 << 8), on: 0)
    #expect(machine.read(0x0000) >> 31 == 1, "core 1 has not looked yet")
    #expect(machine.read(0x0000, on: 1) >> 31 == 0, "it looks before it reads")
    machine.settle()
    #expect(machine.read(0x0000) >> 31 == 0)
    #expect(machine.acknowledge(on: 1) == 1023)
    #expect(machine.read(0x200 + 4) == 1 << 8)
  }

  @Test("a PPI that another vCPU disables is not delivered once GICR_CTLR.RWP reads 0")
  func disablePrivateFromElsewhere() {
    let machine = InterruptMachine(cores: 2)
    machine.writePrivate(0x10100, 1 << 27, on: 1)
    machine.setLine(27, ofCore: 1, true)
    machine.accessQuietly(.redistributor(1), .write(0x10180, size: 4, 1 << 27), on: 0)
    #expect(machine.accessQuietly(.redistributor(1), .read(0, size: 4), on: 0) & 1 << 3 != 0)
    machine.settle()
    #expect(machine.accessQuietly(.redistributor(1), .read(0, size: 4), on: 0) & 1 << 3 == 0)
    #expect(machine.acknowledge(on: 1) == 1023)
  }

  @Test("disabling an interrupt that is being handled does not end it")
  func disableActive() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.pulse(40)
    #expect(machine.acknowledge() == 40)
    machine.write(0x180 + 4, 1 << 8)
    #expect(machine.read(0x300 + 4) == 1 << 8)
    machine.end(40)
    #expect(machine.read(0x300 + 4) == 0)
  }

  @Test("disabling what another vCPU handles does not take what this vCPU holds")
  func disableOnlyTheNamed() {
    let machine = InterruptMachine(cores: 2)
    machine.enableSPI(40, route: 1)
    machine.enableSPI(41, route: 0)
    machine.pulse(40, 41)
    machine.write(0x180 + 4, 1 << 8)
    #expect(machine.drain(on: 1) == [])
    #expect(machine.drain(on: 0) == [41])
  }

  // MARK: Groups and sleep

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

  // MARK: Pending, active, priority

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

  // MARK: The rest

  @Test(
    "identification is the hardware's, but for what cannot be given: wide INTIDs, one of many, NMIs"
  )
  func identification() {
    let machine = InterruptMachine(prepare: { $0.distributorType |= 23 << 19 | 1 << 9 })
    #expect(machine.read(0xffe8) == 0x3b)
    let type = machine.read(0x0004)
    #expect(type >> 19 & 0x1f == 15 && type & 1 << 9 == 0 && type & 1 << 25 != 0)
    #expect(type & 0x1f == 31 && type & 1 << 17 != 0)
    #expect(machine.access(.redistributor(0), .read(8, size: 8)) == 2 << 27 | 1 << 4)
  }

  @Test(
    "GICR_PROPBASER has at most 16 bits of INTID; GICR_PENDBASER and GICR_CTLR pass through"
  )
  func lpiRegisters() {
    let machine = InterruptMachine()
    let table: UInt64 = 0x4_1234_5780
    for (written, held) in [(15, 15), (23, 15), (13, 13)] as [(UInt64, UInt64)] {
      machine.access(.redistributor(0), .write(0x70, size: 8, table | written))
      #expect(machine.access(.redistributor(0), .read(0x70, size: 8)) == table | held)
    }
    machine.access(.redistributor(0), .write(0x78, size: 8, 0x5_0001_0000))
    #expect(machine.access(.redistributor(0), .read(0x78, size: 8)) == 0x5_0001_0000)
    machine.writePrivate(0x0, 1)
    #expect(machine.readPrivate(0x0) == 1)
  }

  @Test(
    "what is IMPLEMENTATION DEFINED, or EL2's, is not written", arguments: [0x20, 0x24, 0xc000])
  func implementationDefined(offset: Int) {
    let machine = InterruptMachine()
    machine.write(offset, ~0)
    machine.writePrivate(offset, ~0)
    machine.access(.redistributor(0), .write(0x2_0070, size: 8, ~0))
    #expect(machine.model.otherWrites.isEmpty)
    #expect(machine.model.cores[0].registers.isEmpty)
  }

  @Test("one of many, GICD_IROUTER.IRM, is not stored")
  func routingMode() {
    let machine = InterruptMachine()
    machine.access(.distributor, .write(0x6140, size: 8, 1 << 31 | 5))
    #expect(machine.access(.distributor, .read(0x6140, size: 8)) == 5)
    machine.access(.distributor, .write(0x6140, size: 4, 1 << 31 | 6))
    machine.access(.distributor, .write(0x6144, size: 4, 1))
    #expect(machine.access(.distributor, .read(0x6140, size: 4)) == 6)
    #expect(machine.access(.distributor, .read(0x6144, size: 4)) == 1)
  }

  // MARK: Turning vCPUs off and on

  @Test("a vCPU that is turned off gives back what it has not taken; another one can have it")
  func turnOff() {
    let machine = InterruptMachine(cores: 2)
    for n: UInt32 in 0..<8 { machine.enableSPI(64 + n, route: 1) }
    for n: UInt32 in 0..<8 { machine.pulse(64 + n) }
    machine.stop(1)
    #expect(machine.read(0x208) == 0xff)
    for n in 0..<8 { machine.access(.distributor, .write(0x6000 + 8 * (64 + n), size: 8, 0)) }
    #expect(machine.drain(on: 0) == Array(64..<72))
  }

  @Test("GICR_PROPBASER and GICR_PENDBASER may be written by halves; IDbits are in the lower one")
  func halves() {
    let machine = InterruptMachine()
    let frame = InterruptFrame.redistributor(0)
    for offset in [0x70, 0x78] {
      machine.access(frame, .write(offset, size: 4, 0x5000_000d))
      machine.access(frame, .write(offset + 4, size: 4, 0x1f))
      #expect(machine.access(frame, .read(offset, size: 8)) == 0x1f_5000_000d)
    }
  }

  @Test(
    "LPIs stay off where a table would reach into EL2's memory, and the guest goes on",
    arguments: [
      // EL2 is at 0x4020_0000 to 0x4060_0000. With 14 bits there are 8192 LPIs, with 16 57344.
      (0x4010_0000 as UInt64, 15 as UInt64, 0x4011_0000 as UInt64, true),
      (0x4020_0000, 15, 0x4011_0000, false), (0x405f_f000, 13, 0x4011_0000, false),
      (0x401f_e000, 13, 0x4011_0000, true), (0x401f_f000, 13, 0x4011_0000, false),
      (0x401f_2000, 15, 0x4011_0000, true), (0x401f_3000, 15, 0x4011_0000, false),
      // More bits than there are LPIs for.
      (0x401f_2000, 31, 0x4011_0000, true), (0x401f_3000, 31, 0x4011_0000, false),
      (0x4060_0000, 15, 0x4060_0000, true), (0x4010_0000, 15, 0x4020_0000, false),
      (0x4010_0000, 15, 0x405f_0000, false), (0x4010_0000, 15, 0x401f_0000, true),
      // The same, and none of EL2's: the address has 52 bits.
      (0x1_4020_0000, 15, 0x8_0000_4020_0000, true),
    ])
  func tablesOfEL2(properties: UInt64, bits: UInt64, pending: UInt64, isAllowed: Bool) {
    let machine = InterruptMachine(cores: 2)
    let frame = InterruptFrame.redistributor(1)
    // Bits around the addresses: shareability and cacheability, PTZ.
    machine.access(frame, .write(0x70, size: 8, properties | 0x780 | bits))
    machine.access(frame, .write(0x78, size: 8, pending | 1 << 62 | 0x780))
    machine.access(frame, .write(0x0, size: 4, 1))
    #expect(machine.access(frame, .read(0x0, size: 4)) == (isAllowed ? 1 : 0))
    // The rest of GICR_CTLR: DPG1NS.
    machine.access(frame, .write(0x0, size: 4, 1 | 1 << 25))
    #expect(machine.access(frame, .read(0x0, size: 4)) == 1 << 25 | (isAllowed ? 1 : 0))
    // A guest that finds LPIs off may still put its tables elsewhere.
    if !isAllowed {
      machine.access(frame, .write(0x70, size: 8, 0x4800_000f))
      machine.access(frame, .write(0x78, size: 8, 0x4801_0000))
      machine.access(frame, .write(0x0, size: 4, 1))
      #expect(machine.access(frame, .read(0x0, size: 4)) == 1)
    }
  }

  @Test(
    "no table moves into EL2's memory while LPIs are on, by whichever redistributor, whole or by halves",
    arguments: [(0, 0), (0, 1), (1, 0), (1, 1)])
  func tablesMove(writer: Int, core: Int) {
    let machine = InterruptMachine(cores: 2)
    for n in 0..<2 {
      machine.access(.redistributor(n), .write(0x70, size: 8, 0x1_4020_000f))
      machine.access(.redistributor(n), .write(0x78, size: 8, 0x1_4020_0000))
    }
    machine.access(.redistributor(0), .write(0x0, size: 4, 1))
    let frame = InterruptFrame.redistributor(core)
    machine.access(frame, .write(0x70, size: 8, 0x4020_000f), on: writer)
    machine.access(frame, .write(0x74, size: 4, 0), on: writer)
    machine.access(frame, .write(0x78, size: 8, 0x4030_0000), on: writer)
    machine.access(frame, .write(0x7c, size: 4, 0), on: writer)
    #expect(machine.access(frame, .read(0x70, size: 8)) == 0x1_4020_000f)
    #expect(machine.access(frame, .read(0x78, size: 8)) == 0x1_4020_0000)
    machine.access(frame, .write(0x70, size: 8, 0x4800_000f), on: writer)
    #expect(machine.access(frame, .read(0x70, size: 8)) == 0x4800_000f)
    // Off, but not done with yet (RWP).
    machine.model.cores[0].registers[0] = 1 << 3
    machine.access(frame, .write(0x78, size: 8, 0x4030_0000), on: writer)
    #expect(machine.access(frame, .read(0x78, size: 8)) == 0x1_4020_0000)
    machine.model.cores[0].registers[0] = 0
    machine.access(frame, .write(0x78, size: 8, 0x4030_0000), on: writer)
    #expect(machine.access(frame, .read(0x78, size: 8)) == 0x4030_0000)
  }

  @Test("a vCPU that is turned on again finds its CPU interface as out of reset, and its LPIs")
  func turnOn() {
    let machine = InterruptMachine(cores: 2)
    machine.setWithheld(true, on: 1)
    machine.model.sendLPI(8200, toCore: 1)
    machine.settle()
    machine.stop(1)
    machine.start(1)
    let core = machine.model.cores[1]
    #expect(core.vmcr == 1 << 3 && core.hcr & 1 == 1)
    #expect(core.activePriorities == [0, 0] && core.lists.allSatisfy { $0 == 0 })
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 1)
    #expect(machine.drain(on: 1) == [8200])
  }

  @Test(
    "EL2's own interrupts reach a core whose vCPU is turned off, and the guest's do not get lost")
  func whileOff() {
    let machine = InterruptMachine()
    // The first has a priority that no mask keeps from EL2.
    machine.enableSPI(40, priority: 0)
    machine.enableSPI(41)
    machine.stop(0)
    machine.events = []
    machine.pulse(40, 41, InterruptMachine.link)
    #expect(machine.events.map(\.event) == [.link(InterruptNumber(InterruptMachine.link))])
    #expect(machine.model.cores[0].lists.allSatisfy { $0 == 0 })
    machine.start(0)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 0)
    #expect(machine.drain() == [40, 41])
    for number: UInt32 in [40, 41] { #expect(!machine.model.source(number, core: 0).isActive) }
  }

  @Test("a call that arrives while a vCPU is turned on again is not lost")
  func calledWhileStarting() {
    let machine = InterruptMachine(cores: 2)
    machine.stop(1)
    machine.events = []
    machine.model.cores[1].sources[InterruptMachine.kick].isLatched = true
    machine.start(1)
    #expect(machine.events.map(\.core) == [1] && machine.events.first?.event == .kick)
  }

  @Test("an SGI that the firmware left pending is nobody's")
  func leftovers() {
    let machine = InterruptMachine(isGuestSetUp: false) { model in
      for number: UInt32 in 0..<16 {
        model.cores[0].sources[number].isLatched = true
        model.cores[0].sources[number].isEnabled = true
      }
    }
    #expect(machine.events.isEmpty)
  }

  @Test("starting a core a second time loses nothing that came after the first")
  func startTwice() {
    let machine = InterruptMachine()
    for n: UInt32 in 0..<6 { machine.enableSPI(40 + n) }
    machine.pulse(40, 41, 42, 43, 44, 45)
    machine.start(0)
    machine.setCPUInterface(priorityMask: 0xf8, groups: 0b10, on: 0)
    #expect(machine.drain().sorted() == Array(40..<46))
  }
}
