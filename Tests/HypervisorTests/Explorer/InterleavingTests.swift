import Foundation
import Testing

@testable import Hypervisor

/// What the guest's vCPUs and the debugger do, and how far it is explored.
struct Interleaving: CustomTestStringConvertible {
  var testDescription: String
  var start: CoresModel.Start
  /// Switches away from a core that could have gone on.
  var preemptions = 1

  init(
    _ name: String, _ programs: [[GuestInstruction]], isOn: [Bool]? = nil, isHeld: Bool = false,
    isSlow: Bool = false, stops: Int? = nil, preemptions: Int = 1, _ script: [DebuggerAct],
    makesSense: @escaping @Sendable ([String]) -> Bool = { _ in true }
  ) {
    testDescription = name
    start = CoresModel.Start(
      programs: programs, isOn: isOn ?? programs.map { _ in true }, isHeld: isHeld, script: script,
      isSlow: isSlow, stops: stops, makesSense: makesSense)
    self.preemptions = preemptions
  }
}

/// One at a time: the machine has few processors, and each explores with threads of its own.
///
/// `stepwell mutate` takes out each fix of a race (`Mutant+Machine.swift`), which these tests must notice.
@Suite("Cores, vCPUs and the debugger in every order", .serialized)
struct InterleavingTests {
  private static let attach: [DebuggerAct] = [.connect, .send("?"), .expect("T02")]

  static let interleavings = [
    Interleaving(
      "attach, continue, Ctrl-C, detach", [[.work, .work], [.work, .work]], stops: 0,
      attach + [
        .send("vCont;c"), .interrupt, .expect("T02"), .send("D"), .expect("OK"),
      ]),
    Interleaving(
      "the machine is stopped while a vCPU has not come up", [[.work], [.work]],
      isOn: [true, false], stops: 0, attach + [.send("vCont;c")]),
    Interleaving(
      "a vCPU is turned on while the machine is stopped", [[.work, .turnOn(1), .work], [.work]],
      isOn: [true, false], stops: 0, attach + [.send("vCont;c")]),
    Interleaving(
      "Ctrl-C while a vCPU is turned on", [[.turnOn(1), .work], [.work]], isOn: [true, false],
      stops: 0,
      [
        .connect, .send("?"), .expect("T02"), .send("vCont;c"), .interrupt, .expect("T02"),
        .send("vCont;c"),
      ]),
    Interleaving(
      "a vCPU turns itself off, and the other turns it on again",
      [[.turnOn(1), .turnOn(1), .work], [.turnOff, .work]], stops: 0, preemptions: 3, []),
    Interleaving(
      "the same, and the debugger looks in",
      [[.turnOn(1), .turnOn(1), .work], [.turnOff, .work]], stops: 0,
      attach + [.send("vCont;c")]),
    Interleaving(
      "both turn themselves off", [[.turnOff], [.turnOff]], stops: 0, preemptions: 3, []),
    Interleaving(
      "both come to a breakpoint, held at first", [[.stop, .work], [.stop, .work]], isHeld: true,
      stops: 3,
      [
        .connect, .send("?"), .expect("T05"), .send("vCont;c"), .expect("T05"), .send("vCont;c"),
        .expect("T05"), .send("vCont;c"),
      ]),
    Interleaving(
      "one is stepped, the other held", [[.work, .work], [.work, .work]], stops: 2,
      attach + [
        .send("vCont;s:2"), .expect("T05"), .send("vCont;s:1"), .expect("T05"), .send("vCont;c"),
      ]),
    Interleaving(
      // The other's step is overtaken, or its stop waits to be told.
      "both are stepped at once", [[.work, .work], [.work, .work]],
      attach + [
        .send("vCont;s"), .expect("T05"), .send("vCont;c"), .interrupt, .expect("T0"),
      ]),
    Interleaving(
      "the debugger hangs up at any moment", [[.work, .stop, .work], [.work, .work]], isHeld: true,
      [.connect, .send("?"), .expect("T05"), .send("vCont;c"), .hangUp]),
    Interleaving(
      "the debugger hangs up in the middle of a packet, and another comes",
      [[.work, .work], [.work, .work]], stops: 0,
      [
        .connect, .send("?"), .hangUp, .connect, .send("?"), .expect("T02"), .send("vCont;c"),
      ]),
    Interleaving(
      "a vCPU switches the machine off, and firmware refuses",
      [[.work, .work], [.powerOff, .work]],
      isHeld: true, stops: 1,
      [.connect, .send("?"), .expect("T05"), .send("vCont;c"), .expect("W00")]),
    Interleaving(
      "the machine is switched off while the debugger holds the link core's vCPU",
      [[.work], [.powerOff, .work]], isHeld: true, stops: 1,
      [
        .connect, .send("?"), .expect("T05"), .send("vCont;c:2"), .expect("W00"), .send("?"),
        .expect("T02"), .send("vCont;c"),
      ]),
    Interleaving(
      "Ctrl-C and a switching off at once", [[.work], [.powerOff, .work]], isHeld: true, stops: 1,
      [.connect, .send("?"), .expect("T05"), .send("vCont;c"), .interrupt, .expect("")]),
    Interleaving(
      "registers that live in the other's core", [[.work], [.work]], stops: 0,
      attach + [
        .send("Hg2"), .expect("OK"), .send("p1f"), .expect("0110"), .send("P1f=0500000000000000"),
        .expect("OK"), .send("p1f"), .expect("0500"), .send("vCont;c"),
      ]),
    Interleaving(
      "a core that answers too late, once", [[.work], [.work]], isSlow: true, stops: 0,
      preemptions: 1,
      attach + [
        .send("Hg2"), .expect("OK"), .send("p1f"), .expect(""), .send("P1f=0500000000000000"),
        .expect(""), .send("p1f"), .expect(""), .send("vCont;c"),
      ]
    ) { packets in
      // The answers to the three that its core is asked.
      let (read, write, again) = (packets[2], packets[3], packets[4])
      let failures = [read, write, again].count { $0 == "E05" }
      return failures <= 1 && (read == "E05" || read.hasPrefix("0110"))
        && (write == "E05" || again == "E05" || again.hasPrefix("0500"))
    },
    Interleaving(
      "a core that answers too late, and the guest goes on", [[.work], [.work]], isSlow: true,
      stops: 0, preemptions: 2,
      attach + [.send("Hg2"), .expect("OK"), .send("p1f"), .expect(""), .send("vCont;c")]),
    Interleaving(
      "two turn on the third, while the debugger attaches",
      [[.turnOn(2), .work], [.turnOn(2), .work], [.work]], isOn: [true, true, false], stops: 0,
      preemptions: 1, attach + [.send("vCont;c")]),
    Interleaving(
      "three stop at once", [[.stop], [.stop], [.stop]], isHeld: true, stops: 4, preemptions: 0,
      [
        .connect, .send("?"), .expect("T05"), .send("vCont;c"), .expect("T05"), .send("vCont;c"),
        .expect("T05"), .send("vCont;c"), .expect("T05"), .send("vCont;c"),
      ]),
  ]

  /// More switches than by default: `STEPWELL_EXPLORER_PREEMPTIONS=2` adds two.
  private static let more =
    ProcessInfo.processInfo.environment["STEPWELL_EXPLORER_PREEMPTIONS"].flatMap(Int.init) ?? 0

  private static func explore(_ interleaving: Interleaving, preemptions: Int) -> Explorer {
    let start = interleaving.start
    let explorer = Explorer(cores: start.programs.count, preemptions: preemptions)
    let isComplete = explorer.explore { CoresModel($0, start) }
    #expect(isComplete)
    return explorer
  }

  @Test(
    "Nothing moves while stopped, nothing is lost, everything is answered", arguments: interleavings
  )
  func invariants(interleaving: Interleaving) {
    let explorer = Self.explore(
      interleaving, preemptions: interleaving.preemptions + Self.more)
    #expect(explorer.violation == nil)
    #expect(explorer.runs > 1)
    if Self.more > 0 { print("\(interleaving): \(explorer.runs) schedules") }
  }
}
