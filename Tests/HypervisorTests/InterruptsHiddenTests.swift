import Testing

@testable import Hypervisor

/// EL2's own interrupts: a debug link SPI, one physical SGI, the maintenance PPI and the timer PPI.
@Suite("EL2's own interrupts are out of the guest's reach and sight", .bothPaths)
struct InterruptHiddenTests {
  static let link = InterruptMachine.link
  static let privateMask: UInt32 = 1 << 25 | 1 << InterruptMachine.timer

  /// GICD_<name>R<n> for SPIs: base and how many 32-bit registers there are.
  static let bitRegisters = [0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380]
  static let extendedBitRegisters = [0x1000, 0x1200, 0x1400, 0x1600, 0x1800, 0x1a00, 0x1c00]

  /// Whether EL2's own interrupts are as EL2 set them up, and come.
  func checkAlive(_ machine: InterruptMachine, _ what: Comment) {
    machine.settle()
    let source = machine.model.source(Self.link, core: 0)
    let model = machine.model
    func isAsSetUp(_ source: InterruptModel.Source) -> Bool {
      source.isEnabled && (source.isGroup1 || !model.hasSingleSecurityState)
        && model.seen(source.priority) == 0
    }
    #expect(isAsSetUp(source) && source.isEdge, what)
    #expect(source.route == 0 && !source.isActive, what)
    for number in [InterruptMachine.kick, 25, InterruptMachine.timer] {
      let source = machine.model.source(number, core: 0)
      #expect(isAsSetUp(source), what)
    }
    machine.events = []
    machine.pulse(Self.link)
    #expect(machine.events.map(\.event) == [.link(InterruptNumber(Self.link))], what)
    machine.events = []
    machine.setLine(InterruptMachine.timer, ofCore: 0, true)
    #expect(machine.events.map(\.event) == [.timer], what)
  }

  @Test(
    "in every register of every number they read 0 and ignore writes; the rest is the guest's"
  )
  func everyRegisterOfDistributor() {
    let machine = InterruptMachine()
    func write(_ offset: Int, _ value: UInt32) {
      machine.accessQuietly(.distributor, .write(offset, size: 4, UInt64(value)))
    }
    for base in Self.bitRegisters {
      for n in 1..<32 {
        let hidden: UInt32 = n == Int(Self.link / 32) ? 1 << (Self.link % 32) : 0
        write(base + 4 * n, ~0)
        let value = machine.read(base + 4 * n)
        #expect(value & hidden == 0, "0x\(String(base, radix: 16)), \(n)")
        if [0x080, 0x100, 0x200, 0x300].contains(base) {
          #expect(
            value == (base == 0x080 ? machine.groups(~hidden) : ~hidden),
            "0x\(String(base, radix: 16)), \(n)")
        } else {
          #expect(value == 0, "0x\(String(base, radix: 16)), \(n)")
        }
        // So that what was made pending does not stay so.
        write(0x180 + 4 * n, ~0)
        write(0x280 + 4 * n, ~0)
        write(0x380 + 4 * n, ~0)
      }
    }
    for number in 32..<1020 {
      let isHidden = number == Int(Self.link)
      machine.accessQuietly(.distributor, .write(0x400 + number, size: 1, 0x88))
      #expect(
        machine.accessQuietly(.distributor, .read(0x400 + number, size: 1))
          == (isHidden ? 0 : machine.readable(0x88))
      )
      machine.accessQuietly(.distributor, .write(0x6000 + 8 * number, size: 8, 0x1_0002_0304))
      #expect(
        machine.accessQuietly(.distributor, .read(0x6000 + 8 * number, size: 8))
          == (isHidden ? 0 : 0x1_0002_0304))
    }
    for n in 8..<255 {
      write(0x400 + 4 * n, 0x3030_3030)
      let isHidden = n == Int(Self.link / 4)
      #expect(machine.read(0x400 + 4 * n) == (isHidden ? 0x0030_3030 : 0x3030_3030))
    }
    for n in 2..<64 {
      let hidden: UInt32 = n == Int(Self.link / 16) ? 0b11 << (Self.link % 16 * 2) : 0
      write(0xc00 + 4 * n, 0)
      #expect(machine.read(0xc00 + 4 * n) == 0)
      write(0xc00 + 4 * n, 0xaaaa_aaaa)
      #expect(machine.read(0xc00 + 4 * n) == 0xaaaa_aaaa & ~hidden)
      write(0xc00 + 4 * n, 0)
    }
    for word: UInt64 in [UInt64(Self.link), UInt64(Self.link) | 1 << 40] {
      for offset in [0x40, 0x48, 0x50, 0x58] {
        machine.events = []
        machine.access(.distributor, .write(offset, size: 4, word))
        #expect(machine.events.isEmpty)
      }
    }
    checkAlive(machine, "after every register of the distributor")
  }

  @Test("the extended SPIs, none of which is EL2's, are all the guest's")
  func extendedSPIs() {
    let machine = InterruptMachine()
    func write(_ offset: Int, _ value: UInt32) {
      machine.accessQuietly(.distributor, .write(offset, size: 4, UInt64(value)))
    }
    for base in Self.extendedBitRegisters {
      for n in 0..<32 {
        write(base + 4 * n, ~0)
        let reads1 = [0x1000, 0x1200, 0x1600, 0x1a00].contains(base)
        let value: UInt32 = reads1 ? ~0 : 0
        #expect(machine.read(base + 4 * n) == (base == 0x1000 ? machine.groups(value) : value))
        for clear in [0x1400, 0x1800, 0x1c00] { write(clear + 4 * n, ~0) }
      }
    }
    for number in 0..<1024 {
      machine.accessQuietly(.distributor, .write(0x2000 + number, size: 1, 0x48))
      #expect(
        machine.accessQuietly(.distributor, .read(0x2000 + number, size: 1))
          == machine.readable(0x48))
      machine.accessQuietly(.distributor, .write(0x8000 + 8 * number, size: 8, 3))
      #expect(machine.accessQuietly(.distributor, .read(0x8000 + 8 * number, size: 8)) == 3)
    }
    checkAlive(machine, "after the extended SPIs")
  }

  @Test(
    "the private ones are hidden in every redistributor, whichever vCPU looks", arguments: [0, 1])
  func everyRegisterOfRedistributor(reader: Int) {
    let machine = InterruptMachine(cores: 2)
    for frame in 0..<2 {
      func write(_ offset: Int, _ value: UInt32) {
        machine.accessQuietly(
          .redistributor(frame), .write(offset, size: 4, UInt64(value)), on: reader)
      }
      func read(_ offset: Int) -> UInt32 {
        UInt32(machine.accessQuietly(.redistributor(frame), .read(offset, size: 4), on: reader))
      }
      for base in Self.bitRegisters.map({ 0x10000 + $0 }) {
        for n in 0..<3 {
          write(base + 4 * n, ~0)
          let value = read(base + 4 * n)
          let reads1 = [0x10080, 0x10100, 0x10200, 0x10300].contains(base)
          let hidden = n == 0 ? Self.privateMask : 0
          // SGIs of another vCPU are active where only that vCPU can know.
          let known: UInt32 = n == 0 && [0x10200, 0x10300].contains(base) ? 0xffff_0000 : ~0
          let expected = reads1 ? ~hidden & known : 0
          #expect(
            value & known == (base == 0x10080 ? machine.groups(expected) : expected),
            "0x\(String(base, radix: 16))")
          for clear in [0x10180, 0x10280, 0x10380] { write(clear + 4 * n, ~0) }
        }
      }
      for n in 0..<24 {
        write(0x10400 + 4 * n, 0x5050_5050)
        #expect(read(0x10400 + 4 * n) == (n == 6 ? 0x5000_0050 : 0x5050_5050))
      }
      write(0x10c04, 0)
      #expect(read(0x10c04) == 0)
      write(0x10c04, 0xaaaa_aaaa)
      #expect(read(0x10c04) == 0xaaaa_aaaa & ~(0b1111 << 18))
      write(0x10c04, 0)
      write(0x10c00, 0)
      #expect(read(0x10c00) == 0xaaaa_aaaa, "SGIs are edge-triggered, always")
    }
    checkAlive(machine, "after every register of the redistributors")
  }

  @Test("a guest that writes all-ones to every ICENABLER, ICPENDR and ICACTIVER leaves them alive")
  func allOnes() {
    let machine = InterruptMachine()
    for base in [0x180, 0x280, 0x380] {
      for n in 0..<32 { machine.write(base + 4 * n, ~0) }
      for n in 0..<3 { machine.writePrivate(0x10000 + base + 4 * n, ~0) }
    }
    for base in [0x1400, 0x1800, 0x1c00] { for n in 0..<32 { machine.write(base + 4 * n, ~0) } }
    checkAlive(machine, "after all-ones to every clear register")
  }

  @Test("a guest that disables the groups and puts its redistributor to sleep leaves them alive")
  func groupsAndSleep() {
    let machine = InterruptMachine(security: .one)
    machine.write(0x0000, 0)
    machine.writePrivate(0x14, 0b10)
    #expect(machine.read(0x0000) == 0x50)
    #expect(machine.readPrivate(0x14) == 0b110)
    checkAlive(machine, "with everything disabled")
  }

  @Test(
    "no access of any offset, size and value, even where nothing is, harms them or the hypervisor")
  func anything() {
    let machine = InterruptMachine(cores: 2)
    for offset in stride(from: 0, to: 0x1_0000, by: 4) where !(0x200..<0x300).contains(offset) {
      machine.model.executing = 0
      for size in [1, 2, 4, 8] {
        for value in [0, UInt64.max] {
          machine.accessQuietly(.distributor, .write(offset, size: size, value))
        }
        machine.accessQuietly(.distributor, .read(offset, size: size))
      }
    }
    for offset in stride(from: 0, to: 0x4_0000, by: 4) {
      for size in [1, 2, 4, 8] {
        machine.accessQuietly(.redistributor(0), .write(offset, size: size, 0))
        machine.accessQuietly(.redistributor(0), .read(offset, size: size))
      }
    }
    for access in [
      RegisterAccess.read(-4, size: 4), .read(1, size: 4), .read(.max, size: 8),
      .write(.min, size: 4, 0), .read(0, size: 3), .read(0, size: 0), .read(0, size: -1),
      .write(0xffff, size: 1, 0), .write(0x1_0000, size: 4, ~0),
    ] {
      machine.access(.distributor, access)
      machine.access(.redistributor(0), access)
      machine.access(.redistributor(2), access)
      machine.access(.redistributor(-1), access)
      machine.access(.redistributor(.max), access)
    }
    checkAlive(machine, "after anything")
  }
}
