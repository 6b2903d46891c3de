import RemoteProtocol
import Testing

@testable import Hypervisor

private struct Text: TextOutput {
  var string = ""
  mutating func write(_ byte: UInt8) { string.append(Character(UnicodeScalar(byte))) }
}

@Suite("A controller that does not do its part")
struct InterruptStuckTests {
  @Test("a distributor that does not complete a write is an error before the guest runs")
  func distributor() {
    let machine = InterruptMachine(isGuestSetUp: false) { $0.neverCompletesWrites = true }
    #expect(machine.faults == [.writeIncomplete])
  }

  @Test("a redistributor that does not wake keeps its core from starting, and no other")
  func redistributor() {
    let machine = InterruptMachine(
      cores: 2, isGuestSetUp: false, firmware: { model, core in model.neverWakes = core == 1 })
    #expect(machine.faults == [.asleep])
    #expect(machine.model.cores[0].groupEnable == 1)
    #expect(machine.model.cores[1].groupEnable == 0)
  }

  @Test(
    "a guest that disables an interrupt goes on though RWP stays 1; it reads so, and the developer is told",
    arguments: [false, true])
  func disable(isPrivate: Bool) {
    let machine = InterruptMachine()
    machine.model.neverCompletesWrites = true
    if isPrivate {
      machine.writePrivate(0x10180, 1 << 27)
      #expect(machine.readPrivate(0x0) & 1 << 3 != 0)
    } else {
      machine.write(0x184, 1 << 8)
      #expect(machine.read(0x0) >> 31 == 1)
    }
    #expect(machine.model.reports == [.writeIncomplete])
    #expect(machine.faults.isEmpty)
  }

  @Test(
    "each fault is one sentence that names the register and says what to do",
    arguments: [
      (InterruptControllerFault.writeIncomplete, "RWP"), (.asleep, "GICR_WAKER.ChildrenAsleep"),
    ])
  func sentence(fault: InterruptControllerFault, register: String) {
    var text = Text()
    text.write(MachineError.interruptControllerStuck(fault).sentence)
    #expect(text.string.contains(register))
    #expect(text.string.hasSuffix(".") && !text.string.dropLast().contains(". "))
  }
}
