import Testing

@testable import Hypervisor

@Suite("Turning vCPUs off and on", .bothPaths)
struct InterruptPowerTests {
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
