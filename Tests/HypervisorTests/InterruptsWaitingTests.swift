import Testing

@testable import Hypervisor

@Suite("Interrupts of a core that waits in EL2", .bothPaths)
struct InterruptsWaitingTests {
  @Test("A virtual interrupt that is pending does not wake it, and is there when it goes on")
  func virtualInterrupt() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.pulse(40)
    #expect(machine.model.signalsVirtualInterrupt(on: 0))
    machine.beginWaiting(on: 0)
    #expect(!machine.model.signalsVirtualInterrupt(on: 0))
    machine.endWaiting(on: 0)
    #expect(machine.acknowledge() == 40)
  }

  @Test("Nor does the virtual interface's maintenance interrupt, however much waits")
  func maintenance() {
    let machine = InterruptMachine(listCount: 2)
    for number: UInt32 in 40..<50 {
      machine.enableSPI(number)
      machine.pulse(number)
    }
    machine.beginWaiting(on: 0)
    // What comes in the meantime offers what waits anew.
    machine.controller.kick(0)
    machine.takeOwnInterrupt(on: 0)
    #expect(machine.model.highestPending(on: 0) == nil)
    #expect(!machine.model.signalsVirtualInterrupt(on: 0))
    machine.endWaiting(on: 0)
    #expect(machine.drain() == Array(40..<50))
  }

  @Test("The guest's interrupts wait in hardware; EL2's own come")
  func mask() {
    for security in Security.allCases {
      let machine = InterruptMachine(security: security)
      machine.enableSPI(40)
      machine.beginWaiting(on: 0)
      machine.model.setLine(40, true)
      #expect(machine.model.highestPending(on: 0) == nil)
      machine.controller.kick(0)
      #expect(machine.model.highestPending(on: 0) == InterruptMachine.kick)
      machine.takeOwnInterrupt(on: 0)
      machine.endWaiting(on: 0)
      #expect(machine.model.highestPending(on: 0) == 40)
    }
  }

  @Test("Interrupts that are held back for a step stay so after a wait")
  func withheld() {
    let machine = InterruptMachine()
    machine.enableSPI(40)
    machine.pulse(40)
    machine.setWithheld(true)
    machine.beginWaiting(on: 0)
    machine.endWaiting(on: 0)
    #expect(!machine.model.signalsVirtualInterrupt(on: 0))
    machine.setWithheld(false)
    #expect(machine.model.signalsVirtualInterrupt(on: 0))
  }

  @Test("A link whose line stays asserted is taken once, for the waiting loop to see to its device")
  func levelLink() {
    let machine = InterruptMachine(linkTrigger: .level)
    machine.beginWaiting(on: 0)
    machine.model.setLine(InterruptMachine.link, true)
    // Each time it returns, or the core would never leave.
    for _ in 1...3 {
      machine.takeOwnInterrupt(on: 0)
      #expect(machine.model.highestPending(on: 0) == InterruptMachine.link)
    }
    machine.model.setLine(InterruptMachine.link, false)
    #expect(machine.model.highestPending(on: 0) == nil)
  }

  /// IHI 0069, 4.8.1: with two Security states, what EL2 writes as 0 is priority 0x80 of the hardware's.
  /// ICC_PMR_EL1 is that, or, under SCR_EL3.FIQ, the Non-secure view: shifted by one, bit 7 removed.
  @Test(
    "The mask lets EL2's own interrupts pass and the guest's not, by Security states and SCR_EL3.FIQ",
    arguments: Security.allCases)
  func waitingMask(security: Security) {
    let machine = InterruptMachine(security: security)
    let mask = machine.controller.priorities.waitingMask
    guard security == .twoWithRawMask else {
      #expect(mask == 0x20)
      return
    }
    #expect(mask == 0x90)
    // The hardware's priorities of EL2's interrupts, and of the guest's less urgent than 0x20.
    #expect(0x80 < mask)
    #expect(0x80 | 0x20 >> 1 >= mask)
  }
}
