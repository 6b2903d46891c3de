import Testing

@testable import Hypervisor

@Suite("Disabling interrupts", .bothPaths)
struct InterruptDisableTests {
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
    let frame: GICv3Frame = number == 24 || number == 1064 ? .redistributor(0) : .distributor
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
}
