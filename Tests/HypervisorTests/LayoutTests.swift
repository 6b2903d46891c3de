import ArmDebug
import NestedDebug
import Testing

@testable import Hypervisor

@Suite("What assembly, linker script and Swift agree on")
struct LayoutTests {
  @Test("The trap frame is what the vectors store: Layout.h")
  func trapFrame() {
    #expect(MemoryLayout<TrapFrame>.offset(of: \.x) == 0)
    #expect(MemoryLayout<TrapFrame>.offset(of: \.context.pc) == 248)
    #expect(MemoryLayout<TrapFrame>.offset(of: \.context.pstate) == 256)
    #expect(MemoryLayout<TrapFrame>.stride == 272)
  }

  @Test("The record that starts a core is what el2_secondary_entry reads: Boot.S")
  func secondaryBoot() {
    typealias Record = SecondaryBoot
    #expect(MemoryLayout<Record>.offset(of: \.mair) == 0)
    #expect(MemoryLayout<Record>.offset(of: \.tcr) == 8)
    #expect(MemoryLayout<Record>.offset(of: \.ttbr0) == 16)
    #expect(MemoryLayout<Record>.offset(of: \.sctlr) == 24)
    #expect(MemoryLayout<Record>.offset(of: \.stackTop) == 32)
    #expect(MemoryLayout<Record>.offset(of: \.core) == 40)
  }

  @Test("EL2's state fits where the linker script has room for it")
  func storage() {
    #expect(EL2.fits)
    #expect(DebugLinkDriver.Virtio.memoryNeeded <= 0x5_0000)
  }

  @Test("Register 31 of an Rt field is the zero register")
  func zeroRegister() {
    var frame = TrapFrame(pc: 0, pstate: .el1Reset)
    for n in UInt8(0)..<31 {
      frame[rt: n] = UInt64(n) + 100
      #expect(frame.x[Int(n)] == UInt64(n) + 100)
    }
    frame[rt: 31] = 7
    #expect(frame[rt: 31] == 0)
    #expect(frame[rt: 30] == 130)
  }
}
