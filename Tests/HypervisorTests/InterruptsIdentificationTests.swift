import Testing

@testable import Hypervisor

@Suite("Registers that identify, route, or are nobody's", .bothPaths)
struct InterruptIdentificationTests {
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
}
