import Testing

@testable import Hypervisor

/// The fast path of an interrupt beside the slow one: whichever is taken, the hardware and the guest
/// find the same.
@Suite("The fast path of an interrupt")
struct InterruptFastPathTests {
  /// What came, and what else was so when it did.
  struct Scene: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// Whether the fast path is taken.
    var takesFastPath: Bool
    /// Whether it can be so with one Security state only.
    var isOfOneSecurityState = false
    /// Before it comes.
    var prepare: @Sendable (InterruptMachine) -> Void = { _ in }
    /// It comes.
    var arrive: @Sendable (InterruptMachine) -> Void
  }

  static let scenes: [Scene] = [
    Scene(testDescription: "a PPI, level-sensitive", takesFastPath: true) {
      $0.setLine(27, ofCore: 0, true)
    },
    Scene(testDescription: "the first SPI", takesFastPath: true, prepare: { $0.enableSPI(32) }) {
      $0.pulse(32)
    },
    Scene(
      testDescription: "the last SPI, of a priority with bits that are not there",
      takesFastPath: true,
      prepare: { $0.enableSPI(1019, priority: 0x7d) }, arrive: { $0.pulse(1019) }),
    Scene(
      testDescription: "an SPI in group 0, both groups enabled", takesFastPath: true,
      isOfOneSecurityState: true,
      prepare: {
        $0.write(0x0084, ~0 << 1)
        $0.write(0x0000, 0b11)
        $0.setCPUInterface(priorityMask: 0xf8, groups: 0b11, on: 0)
        $0.enableSPI(32)
      }, arrive: { $0.pulse(32) }),
    Scene(
      testDescription: "an SPI that the guest made pending itself", takesFastPath: true,
      prepare: { $0.enableSPI(40, isEdge: false) }, arrive: { $0.write(0x204, 1 << 8) }),
    Scene(
      testDescription: "an SPI that the priority mask holds back", takesFastPath: true,
      prepare: {
        $0.enableSPI(40)
        $0.setCPUInterface(priorityMask: 0x20, groups: 0b10, on: 0)
      }, arrive: { $0.pulse(40) }),
    Scene(
      testDescription: "one that comes again after its end", takesFastPath: true,
      prepare: {
        $0.enableSPI(40)
        $0.pulse(40)
        $0.end($0.acknowledge())
      }, arrive: { $0.pulse(40) }),
    Scene(
      testDescription: "an SPI of a group that the CPU interface disables", takesFastPath: false,
      prepare: {
        $0.enableSPI(40)
        $0.setCPUInterface(priorityMask: 0xf8, groups: 0, on: 0)
      }, arrive: { $0.pulse(40) }),
    Scene(
      testDescription: "an SPI of a group that the distributor disables", takesFastPath: false,
      prepare: {
        $0.enableSPI(40)
        $0.write(0x0000, 0)
      }, arrive: { $0.pulse(40) }),
    Scene(
      testDescription: "an SPI for a vCPU whose redistributor sleeps", takesFastPath: false,
      isOfOneSecurityState: true,
      prepare: {
        $0.enableSPI(40)
        $0.writePrivate(0x14, 0b10)
      }, arrive: { $0.pulse(40) }),
    Scene(
      testDescription: "a second, while the first is pending", takesFastPath: false,
      prepare: {
        $0.enableSPI(40)
        $0.enableSPI(41, priority: 0x20)
        $0.pulse(40)
      }, arrive: { $0.pulse(41) }),
    Scene(
      testDescription: "a second, while the first is handled", takesFastPath: false,
      prepare: {
        $0.enableSPI(40)
        $0.enableSPI(41)
        $0.pulse(40)
        _ = $0.acknowledge()
      }, arrive: { $0.pulse(41) }),
    Scene(
      testDescription: "one that the guest has made inactive while it handles it",
      takesFastPath: true,
      prepare: {
        $0.enableSPI(40)
        $0.pulse(40)
        _ = $0.acknowledge()
        $0.write(0x384, 1 << 8)
      }, arrive: { $0.pulse(40) }),
    Scene(
      testDescription: "a level-sensitive SPI while the guest masks interrupts",
      takesFastPath: true,
      prepare: {
        $0.enableLevelSensitive(40)
        $0.guestIsMasked = true
      }, arrive: { $0.setLine(40, true) }),
    Scene(
      testDescription: "one for a guest whose interrupts are withheld", takesFastPath: false,
      prepare: {
        $0.enableSPI(40)
        $0.setWithheld(true)
      }, arrive: { $0.pulse(40) }),
    Scene(
      testDescription: "a PPI of the extended range", takesFastPath: false,
      prepare: {
        $0.writePrivate(0x10084, ~0)
        $0.writePrivate(0x10104, 1 << 4)
      }, arrive: { $0.setLine(1060, ofCore: 0, true) }),
    Scene(
      testDescription: "an LPI", takesFastPath: false,
      prepare: { $0.model.lpiConfigurations[8192] = 0xa1 },
      arrive: {
        $0.model.sendLPI(8192, toCore: 0)
        $0.settle()
      }),
    Scene(testDescription: "EL2's link", takesFastPath: false) { $0.pulse(InterruptMachine.link) },
    Scene(testDescription: "EL2's timer", takesFastPath: false) {
      $0.setLine(InterruptMachine.timer, ofCore: 0, true)
    },
    Scene(testDescription: "EL2's kick", takesFastPath: false) {
      $0.controller.kick(0); $0.settle()
    },
    Scene(testDescription: "an SGI of another vCPU", takesFastPath: true) {
      $0.sendSGI(3 << 24 | 1, on: 1)
    },
    Scene(
      testDescription: "an SGI to a guest that masks interrupts", takesFastPath: true,
      prepare: { $0.guestIsMasked = true }, arrive: { $0.sendSGI(3 << 24 | 1, on: 1) }),
    Scene(
      testDescription: "an SGI in group 0, both groups enabled", takesFastPath: true,
      isOfOneSecurityState: true,
      prepare: {
        $0.writePrivate(0x10080, ~(1 << 3))
        $0.write(0x0000, 0b11)
        $0.setCPUInterface(priorityMask: 0xf8, groups: 0b11, on: 0)
      }, arrive: { $0.sendSGI(3 << 24 | 1, on: 1) }),
    Scene(
      testDescription: "an SGI of a group that the CPU interface disables", takesFastPath: false,
      prepare: { $0.setCPUInterface(priorityMask: 0xf8, groups: 0, on: 0) },
      arrive: { $0.sendSGI(3 << 24 | 1, on: 1) }),
    Scene(
      testDescription: "an SGI that the guest has disabled", takesFastPath: false,
      prepare: { $0.writePrivate(0x10180, 1 << 3) }, arrive: { $0.sendSGI(3 << 24 | 1, on: 1) }),
    Scene(
      testDescription: "a second SGI, while the first is pending", takesFastPath: false,
      prepare: { $0.sendSGI(4 << 24 | 1, on: 1) }, arrive: { $0.sendSGI(3 << 24 | 1, on: 1) }),
    Scene(
      testDescription: "an SGI while the first is handled", takesFastPath: false,
      prepare: {
        $0.sendSGI(3 << 24 | 1, on: 1)
        _ = $0.acknowledge()
      }, arrive: { $0.sendSGI(3 << 24 | 1, on: 1) }),
    Scene(
      testDescription: "an SGI to a core that is asked for more than interrupts",
      takesFastPath: false, prepare: { $0.isCalled = true },
      arrive: { $0.sendSGI(3 << 24 | 1, on: 1) }),
    Scene(
      testDescription: "an SGI to itself", takesFastPath: false,
      arrive: { $0.sendSGI(3 << 24 | 1) }),
  ]

  @Test(
    "is taken where nothing else is under way, and leaves what the slow path leaves",
    arguments: scenes, Security.allCases)
  func comparison(scene: Scene, security: Security) {
    guard security == .one || !scene.isOfOneSecurityState else { return }
    func machine() -> InterruptMachine {
      let machine = InterruptMachine(cores: 2, security: security) {
        // The guest's timer, which is level-sensitive.
        $0.cores[0].sources[27].isEnabled = true
      }
      scene.prepare(machine)
      machine.events = []
      machine.fastPathCount = 0
      return machine
    }
    let slow = machine()
    scene.arrive(slow)
    let fast = BothPaths.$takesFastPath.withValue(true) {
      let fast = machine()
      scene.arrive(fast)
      return fast
    }
    #expect(fast.fastPathCount == (scene.takesFastPath ? 1 : 0))
    #expect(slow.fastPathCount == 0)
    #expect(fast.model.cores[0].lists == slow.model.cores[0].lists)
    #expect(fast.model.cores[0].hcr == slow.model.cores[0].hcr)
    #expect(fast.model.cores[0].running == [])
    // A kick that brings an SGI on the fast path is nothing else.
    #expect(
      fast.events.map(\.event)
        == slow.events.map(\.event).filter { !scene.takesFastPath || $0 != .kick })
    for number: UInt32 in 0..<1020 {
      #expect(fast.model.source(number, core: 0) == slow.model.source(number, core: 0))
    }
    // And the guest, which lets in now whatever it held back.
    for machine in [slow, fast] {
      BothPaths.$takesFastPath.withValue(machine === fast) {
        machine.setWithheld(false)
        machine.write(0x0000, 0b11)
        machine.writePrivate(0x14, 0)
        machine.setCPUInterface(priorityMask: 0xf8, groups: 0b11, on: 0)
        machine.setLine(27, ofCore: 0, false)
      }
    }
    for group in [0, 1] {
      #expect(fast.drain(group: group) == slow.drain(group: group))
    }
  }

  @Test(
    "an interrupt that was given back is pending again for the reason that it had",
    arguments: [false, true])
  func givenBack(takesFastPath: Bool) {
    // Made pending by the guest, it stays so without its line; and is not once it was acknowledged.
    BothPaths.$takesFastPath.withValue(takesFastPath) {
      let machine = InterruptMachine()
      machine.enableSPI(40, isEdge: false)
      machine.write(0x204, 1 << 8)
      #expect(machine.fastPathCount == (takesFastPath ? 1 : 0))
      machine.write(0x184, 1 << 8)
      #expect(machine.read(0x204) & 1 << 8 != 0)
      machine.write(0x104, 1 << 8)
      #expect(machine.drain() == [40])
    }
  }
}
