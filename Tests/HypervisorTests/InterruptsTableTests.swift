import Testing

@testable import Hypervisor

@Suite("Tables of LPIs", .bothPaths)
struct InterruptTableTests {
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

  @Test("GICR_PROPBASER and GICR_PENDBASER may be written by halves; IDbits are in the lower one")
  func halves() {
    let machine = InterruptMachine()
    let frame = GICv3Frame.redistributor(0)
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
    let frame = GICv3Frame.redistributor(1)
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
    let frame = GICv3Frame.redistributor(core)
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
}
