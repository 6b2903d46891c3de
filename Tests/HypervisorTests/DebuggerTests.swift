import ArmDebug
import NestedDebug
import RemoteProtocol
import Testing

@testable import Hypervisor

private struct Text: TextOutput {
  var bytes: [UInt8] = []
  mutating func write(_ byte: UInt8) { bytes.append(byte) }
  var string: String { String(decoding: bytes, as: UTF8.self) }
}

@Suite("The registers that a debugger is told of")
struct TargetDescriptionTests {
  private var description: String {
    var text = Text()
    writeTargetDescription(to: &text)
    return text.string
  }

  /// The registers in the document's order, which is that of their numbers.
  private var registers: [(name: String, bits: Int)] {
    description.matches(of: /<reg name="([^"]+)" bitsize="(\d+)"/).map {
      (String($0.output.1), Int($0.output.2) ?? 0)
    }
  }

  @Test("Every register of the description has the size that the server sends, and no other exists")
  func sizes() {
    for (number, register) in registers.enumerated() {
      #expect(RegisterNumber(number)?.size == register.bits / 8, "\(register.name)")
    }
    #expect(RegisterNumber(registers.count) == nil)
    #expect(RegisterNumber(-1) == nil)
    #expect(RegisterNumber(.max) == nil)
  }

  @Test("Names are unique, and those of the core are the ones GDB insists on")
  func names() {
    let names = registers.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(Array(names.prefix(34)) == (0...30).map { "x\($0)" } + ["sp", "pc", "cpsr"])
    #expect(Array(names[34..<66]) == (0...31).map { "v\($0)" })
    #expect(Array(names[66..<68]) == ["fpsr", "fpcr"])
    for wanted in ["SCTLR_EL1", "VBAR_EL1", "TTBR1_EL1", "ELR_EL1", "ESR_EL1", "FAR_EL1"] {
      #expect(names.contains(wanted))
    }
    #expect(names.count - 68 >= 40)
  }
}

@Suite("The points that a debugger has set")
struct PointRequestTests {
  private static func point(_ kind: Point.Kind, _ address: UInt64, _ length: UInt64 = 4) -> Point {
    Point(kind: kind, address: address, length: length)
  }

  /// What the debugger is told of a stop for `points`, which ask for the same.
  private static func cause(_ points: [Point], at address: UInt64) throws -> StopEvent.Cause {
    var requests = DebugRequests()
    for point in points { try requests.insert(DebugRequest(point)) }
    let ids = requests.alike(DebugRequest(points[0]))
    let reason: StopReason =
      points[0].kind.isBreakpoint
      ? .breakpoint(ids, address: address) : .watchpoint(ids, address: address)
    return reason.cause(in: requests)
  }

  @Test("A stop is a hardware breakpoint's if there is one at the address, else a software one's")
  func kinds() throws {
    let software = Self.point(.softwareBreakpoint, 0x1000)
    let hardware = Self.point(.hardwareBreakpoint, 0x1000)
    #expect(try Self.cause([software], at: 0x1000) == .softwareBreakpoint)
    #expect(try Self.cause([hardware], at: 0x1000) == .hardwareBreakpoint)
    #expect(try Self.cause([software, hardware], at: 0x1000) == .hardwareBreakpoint)
    #expect(try Self.cause([hardware, software], at: 0x1000) == .hardwareBreakpoint)
  }

  @Test("Two breakpoints at one address are two requests: one may go and the other stay")
  func equivalents() throws {
    var requests = DebugRequests()
    let software = DebugRequest(Self.point(.softwareBreakpoint, 0x1000))
    let hardware = DebugRequest(Self.point(.hardwareBreakpoint, 0x1000))
    try requests.insert(software)
    try requests.insert(hardware)
    #expect(requests.alike(software).count == 2)
    requests.remove(hardware)
    #expect(requests.alike(software).count == 1)
    try requests.insert(DebugRequest(Self.point(.writeWatchpoint, 0x1000)))
    #expect(requests.alike(software).count == 1)
  }

  @Test(
    "A stop at a watchpoint is named as the watchpoint was: its kind, and the tag of its address")
  func tags() throws {
    let named: UInt64 = 0x5a00_0000_0000_1000
    #expect(
      try Self.cause([Self.point(.writeWatchpoint, named, 8)], at: 0x1004)
        == .watchpoint(.write, address: named + 4))
    #expect(
      try Self.cause([Self.point(.readWatchpoint, 0x1003, 5)], at: 0x1007)
        == .watchpoint(.read, address: 0x1007))
    #expect(
      try Self.cause(
        [Self.point(.accessWatchpoint, 0x5aff_8000_0000_2000, 8)], at: 0xffff_8000_0000_2001)
        == .watchpoint(.access, address: 0x5aff_8000_0000_2001))
    #expect(
      try Self.cause([Self.point(.accessWatchpoint, .max - 3, 4)], at: .max)
        == .watchpoint(.access, address: .max))
  }
}

@Suite("Which points a processor could ever meet")
struct PointRuleTests {
  /// The kind, the address, the length and the size of an address in bits, and how the refusal begins,
  /// or nil if there is none.
  typealias Row = (
    kind: Point.Kind, address: UInt64, length: UInt64, bits: Int, refusal: String?
  )

  static let rows: [Row] = [
    // Instructions of A64 and A32 at multiples of four, of T32 (sizes 2 and 3) at multiples of two.
    (.hardwareBreakpoint, 0x1000, 4, 48, nil),
    (.softwareBreakpoint, 0x1000, 4, 48, nil),
    (.hardwareBreakpoint, 0x1001, 4, 48, "A64 instructions begin"),
    (.softwareBreakpoint, 0x1002, 4, 48, "A64 instructions begin"),
    (.hardwareBreakpoint, 0x1003, 4, 48, "A64 instructions begin"),
    (.hardwareBreakpoint, 0x1002, 2, 48, nil),
    (.hardwareBreakpoint, 0x1002, 3, 48, nil),
    (.hardwareBreakpoint, 0x1001, 2, 48, "No instruction begins at an odd"),
    (.softwareBreakpoint, 0x1003, 3, 48, "No instruction begins at an odd"),
    (.hardwareBreakpoint, 0x1002, 0, 48, "A64 instructions begin"),

    // The ends of both halves, and what lies between.
    (.hardwareBreakpoint, 0x0000_ffff_ffff_fffc, 4, 48, nil),
    (.hardwareBreakpoint, 0x0001_0000_0000_0000, 4, 48, "No instruction can be"),
    (.hardwareBreakpoint, 0xfffe_ffff_ffff_fffc, 4, 48, "No instruction can be"),
    (.hardwareBreakpoint, 0xffff_0000_0000_0000, 4, 48, nil),
    (.hardwareBreakpoint, 0xffff_ffff_ffff_fffc, 4, 48, nil),
    (.hardwareBreakpoint, 0x0001_0000_0000_0000, 4, 52, nil),
    (.hardwareBreakpoint, 0x0010_0000_0000_0000, 4, 52, "No instruction can be"),
    (.hardwareBreakpoint, 0x007f_0000_0000_0000, 4, 55, nil),
    (.hardwareBreakpoint, 0x0080_0000_0000_0000, 4, 55, "No instruction can be"),
    // PC holds no tag.
    (.hardwareBreakpoint, 0x5a00_0000_0000_1000, 4, 48, "No instruction can be"),
    (.softwareBreakpoint, 0x00ff_8000_0000_0000, 4, 48, "No instruction can be"),

    // An access may have one, whatever the alignment and length.
    (.writeWatchpoint, 0x1001, 3, 48, nil),
    (.writeWatchpoint, 0x5a00_0000_0000_1000, 8, 48, nil),
    (.readWatchpoint, 0x5aff_8000_0000_0000, 8, 48, nil),
    (.accessWatchpoint, 0x5a01_0000_0000_1000, 8, 48, "No data can be"),
    (.accessWatchpoint, 0x5a01_0000_0000_1000, 8, 52, nil),
    (.accessWatchpoint, 0xdead_0000_0000_0000, 8, 48, "No data can be"),
    (.writeWatchpoint, 0x1000, 0, 48, "A watchpoint of no bytes"),
    (.writeWatchpoint, 0xffff_ffff_ffff_ffff, 1, 48, nil),
    (.writeWatchpoint, 0xffff_ffff_ffff_ffff, 2, 48, "These bytes go beyond"),
    (.writeWatchpoint, 0, .max, 48, "No data can be"),
    (.writeWatchpoint, 0x0000_ffff_ffff_ffff, 1, 48, nil),
    (.writeWatchpoint, 0x0000_ffff_ffff_ffff, 2, 48, "No data can be"),
  ]

  @Test("Each is accepted, or refused with its reason", arguments: rows)
  func rule(row: Row) {
    let point = Point(kind: row.kind, address: row.address, length: row.length)
    var refusal: String?
    do throws(PointError) {
      try point.check(virtualAddressBits: row.bits)
    } catch {
      refusal = error.reason.description
    }
    #expect((refusal == nil) == (row.refusal == nil), "\(row) \(refusal ?? "accepted")")
    #expect(refusal?.hasPrefix(row.refusal ?? "") ?? true, "\(row) \(refusal ?? "accepted")")
  }
}

@Suite("The guest's time")
struct GuestClockTests {
  @Test("The virtual counter does not move while the machine stands still")
  func stops() {
    var clock = GuestClock()
    clock.stop(at: 1000)
    clock.start(at: 1500)
    #expect(2000 - clock.offset == 1500)
    clock.stop(at: 2000)
    clock.start(at: 2001)
    #expect(clock.offset == 501)
  }

  /// What happens to the clock: the machine comes to a standstill, another stop is reported before it
  /// goes on, it goes on.
  private enum Event: CaseIterable {
    case standsStill, reported, goesOn
  }

  @Test(
    "Whatever the order of stops, reports and resumptions: only time that the machine ran counts")
  func orders() {
    // Every sequence of six.
    for number in 0..<729 {
      var clock = GuestClock()
      var isStopped = false
      var now: UInt64 = 1000
      var ran: UInt64 = 1000
      var last: UInt64 = 0
      var rest = number
      for step in 1...6 {
        now += UInt64(step * step)
        if !isStopped { ran += UInt64(step * step) }
        switch Event.allCases[rest % 3] {
        case .standsStill, .reported:
          // Each report of a stop tells the clock, whether or not the machine has run since the last.
          clock.stop(at: now)
          isStopped = true
        case .goesOn:
          clock.start(at: now)
          isStopped = false
          #expect(now - clock.offset == ran, "sequence \(number)")
        }
        rest /= 3
        // What a vCPU that is let go now would read, and never less than before.
        if !isStopped {
          #expect(now - clock.offset >= last)
          last = now - clock.offset
        }
      }
    }
  }

  @Test("A counter that wraps makes no difference")
  func wraps() {
    var clock = GuestClock()
    clock.stop(at: .max)
    clock.start(at: 9)
    #expect(clock.offset == 10)
  }
}

@Suite("What the debugger's packets cost")
struct PacketClockTests {
  @Test("From the first byte of a packet to its answer, and acknowledgments are no packets")
  func packets() {
    var clock = PacketClock()
    var now: UInt64 = 100
    for byte in "+-$?#3f".utf8 {
      clock.take(byte) { now }
      now += 1
    }
    clock.notice(sends: 1) { now }
    // The "$" came at 102.
    #expect(clock.total == 5)
    clock.notice(sends: 2) { 1000 }
    #expect(clock.total == 5, "nothing was asked")
    clock.take(UInt8(ascii: "$")) { 2000 }
    clock.forget()
    clock.notice(sends: 3) { 3000 }
    #expect(clock.total == 5, "whoever asked has gone")
  }
}
