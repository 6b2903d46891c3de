import RemoteProtocol
import Testing

@testable import Hypervisor

/// A UART's driver and port on the model of its device, with an interrupt controller between: the port is served at
/// the device's interrupts, and at no other time.
@safe final class SerialMachine {
  let model: UARTModel
  private var port: SerialPort<SerialUART<UARTModel>>
  private let memory: UnsafeMutablePointer<UInt8>
  private let isEdge: Bool
  private var lineWasUp = false
  private var edgeIsPending = false
  private(set) var received: [UInt8] = []
  private(set) var failures = 0
  /// Sends back what was received.
  var echoes = false

  init(_ row: SerialRow) {
    model = row.make()
    isEdge = row.isEdge
    let size = Int(SerialPort<SerialUART<UARTModel>>.memoryNeeded)
    unsafe memory = .allocate(capacity: size)
    port = unsafe SerialPort(SerialUART(row.description, model), memory: memory)
    model.meanwhile = { [weak self] in self?.look() }
    port.start()
    look()
  }

  deinit { unsafe memory.deallocate() }

  /// The interrupt controller looks at the device's line.
  private func look() {
    let isUp = model.isInterrupting
    if isUp && !lineWasUp { edgeIsPending = true }
    lineWasUp = isUp
  }

  private var interruptIsPending: Bool {
    look()
    return isEdge ? edgeIsPending : model.isInterrupting
  }

  /// Something happens on the line, at the nth access of the driver's from now.
  func atAccess(_ n: Int, _ body: @escaping () -> Void) {
    let last = model.accesses + n
    var isDone = false
    model.meanwhile = { [weak self] in
      guard let self else { return }
      if model.accesses == last, !isDone {
        isDone = true
        body()
      }
      look()
    }
  }

  /// As the core does until no interrupt is pending; a level that is never let down ends the test.
  func run() {
    for _ in 0..<100 where interruptIsPending {
      edgeIsPending = false
      serve()
    }
    model.pause()
    for _ in 0..<100 where interruptIsPending {
      edgeIsPending = false
      serve()
    }
    #expect(!interruptIsPending, "the interrupt stays raised")
  }

  /// As `DebugServer.serve()` does.
  func serve() {
    port.acknowledgeInterrupt()
    var progress: Bool
    repeat {
      progress = false
      while let event = port.nextEvent() {
        progress = true
        switch event {
        case .received(let byte):
          received.append(byte)
          if echoes { port.send([byte].span) }
        case .failed: failures += 1
        case .opened, .closed: Issue.record("a serial line knows of no connection")
        }
      }
      progress = port.pump() || progress
    } while progress
    look()
  }

  func send(_ text: String) {
    port.send(Array(text.utf8).span)
    serve()
  }

  var text: String { String(decoding: received, as: UTF8.self) }
  var errors: SerialPort<SerialUART<UARTModel>>.ErrorCounts { port.errors }
  var room: Int { port.room }
  var hasUnsent: Bool { port.hasUnsent }
}

/// A family, as a device tree might describe it, and its model.
struct SerialRow: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var description: UARTDescription
  var isEdge = false
  /// The device says that a character was bad, but not which.
  var blamesNoCharacter = false
  var make: @Sendable () -> UARTModel

  init(
    _ name: String, _ family: UARTFamily, shift: UInt8 = 0, isWide: Bool = false,
    isEdge: Bool = false, blamesNoCharacter: Bool = false,
    _ make: @escaping @Sendable () -> UARTModel
  ) {
    testDescription = name
    description = UARTDescription(
      family: family, base: 0, registerShift: shift, isWide: isWide)
    self.isEdge = isEdge
    self.blamesNoCharacter = blamesNoCharacter
    self.make = make
  }

  static let all = [
    SerialRow("PL011", .pl011) { PL011Model() },
    SerialRow("PL011 by words, never used by firmware", .pl011, isWide: true) {
      PL011Model(lineControl: 0)
    },
    SerialRow("SBSA UART", .sbsa) { PL011Model(isSBSA: true) },
    SerialRow("16550 by bytes", .ns16550) { NS16550Model(.ns16550) },
    SerialRow("16550, registers 4 bytes apart, by words", .ns16550, shift: 2, isWide: true) {
      NS16550Model(.ns16550, shift: 2, size: 4)
    },
    SerialRow("Freescale 16550", .freescale) { NS16550Model(.freescale) },
    SerialRow("DesignWare", .designWare, shift: 2, isWide: true) {
      NS16550Model(.designWare, shift: 2, size: 4)
    },
    SerialRow("DesignWare by bytes", .designWare, shift: 2) {
      NS16550Model(.designWare, shift: 2)
    },
    SerialRow("MediaTek", .mediaTek, shift: 2, isWide: true) {
      NS16550Model(.mediaTek, shift: 2, size: 4)
    },
    SerialRow("OMAP", .omap, shift: 2) { NS16550Model(.omap, shift: 2) },
    SerialRow("Tegra", .tegra, shift: 2, isWide: true) {
      NS16550Model(.tegra, shift: 2, size: 4)
    },
    SerialRow("mini-UART", .miniUART, shift: 2, isWide: true) {
      NS16550Model(.miniUART, shift: 2, size: 4)
    },
    SerialRow("Cadence r1p8", .cadence, blamesNoCharacter: true) { CadenceModel(isR1P12: false) },
    SerialRow("Cadence r1p12", .cadenceR1P12) { CadenceModel(isR1P12: true) },
    SerialRow("i.MX", .imx) { IMXModel() },
    SerialRow("Meson", .meson, isEdge: true) { MesonModel() },
    SerialRow("Meson, as a level", .meson) { MesonModel() },
    SerialRow("SCIF", .scif) { SCIFModel(.scif) },
    SerialRow("HSCIF", .hscif) { SCIFModel(.hscif) },
    SerialRow("compact SCIF", .compactSCIF) { SCIFModel(.compactSCIF) },
    SerialRow("LPUART, big-endian", .bigEndianLPUART) { LPUARTModel(.bigEndianLPUART) },
    SerialRow("LPUART, little-endian", .littleEndianLPUART) { LPUARTModel(.littleEndianLPUART) },
    SerialRow("LPUART of the i.MX", .shiftedLPUART) { LPUARTModel(.shiftedLPUART) },
  ]
}

@Suite("The debug link on a UART", .timeLimit(.minutes(2)))
struct SerialPortTests {
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
  private func text(_ count: Int) -> String {
    String(decoding: (0..<count).map { Self.alphabet[$0 % Self.alphabet.count] }, as: UTF8.self)
  }

  // MARK: Receiving

  @Test("Nothing is lost that the FIFO holds", arguments: SerialRow.all)
  func depth(_ row: SerialRow) {
    let machine = SerialMachine(row)
    var expected = ""
    for count in 1...machine.model.depth {
      let burst = text(count)
      machine.model.arrive(burst)
      machine.run()
      expected += burst
    }
    #expect(machine.text == expected)
    #expect(machine.model.lost == 0)
    #expect(machine.errors == .init())
  }

  @Test(
    "A character is received whenever it comes, at each access of the driver's",
    arguments: SerialRow.all)
  func everyMoment(_ row: SerialRow) {
    for count in [1, 5] {
      for moment in 1...(12 * count + 40) {
        let machine = SerialMachine(row)
        machine.atAccess(moment) { machine.model.arrive("!") }
        machine.model.arrive(text(count))
        machine.run()
        // Where the driver made fewer accesses, it comes afterwards.
        if !machine.text.contains("!") {
          machine.model.meanwhile = {}
          if machine.model.receiveFIFO.isEmpty { machine.model.arrive("!") }
          machine.run()
        }
        #expect(machine.text == text(count) + "!", "access \(moment)")
      }
    }
  }

  @Test("After an overrun it receives again, and the overrun is counted", arguments: SerialRow.all)
  func overrun(_ row: SerialRow) {
    let machine = SerialMachine(row)
    for round in 1...3 {
      machine.model.arrive(text(machine.model.depth + 7))
      machine.model.arrive("")
      machine.run()
      machine.model.arrive("x")
      machine.run()
      #expect(machine.errors.overruns == UInt32(round))
      #expect(machine.text.hasSuffix(text(machine.model.depth) + "x"))
    }
  }

  @Test("A break is counted, and is no character", arguments: SerialRow.all)
  func breaks(_ row: SerialRow) {
    let machine = SerialMachine(row)
    machine.model.arrive("a")
    machine.run()
    machine.model.sendBreak()
    machine.run()
    machine.model.arrive("b")
    machine.run()
    #expect(machine.text == "ab")
    #expect(machine.errors.breaks == 1)
    #expect(machine.errors.framing == 0)
  }

  @Test(
    "A character with a framing or parity error is counted, and left out where the device says which it is",
    arguments: SerialRow.all)
  func badCharacters(_ row: SerialRow) {
    let machine = SerialMachine(row)
    machine.model.arrive("a")
    machine.run()
    machine.model.arrive(0x55, .framing)
    machine.run()
    machine.model.arrive(0x55, .parity)
    machine.run()
    machine.model.arrive("b")
    machine.run()
    #expect(machine.text == (row.blamesNoCharacter ? "aUUb" : "ab"))
    #expect(machine.errors.framing == 1 && machine.errors.parity == 1)
  }

  // MARK: Sending

  @Test(
    "An answer goes out as the line takes it, by the transmit interrupt", arguments: SerialRow.all)
  func answer(_ row: SerialRow) {
    for pace in [1, 3, 1000] {
      let machine = SerialMachine(row)
      let answer = text(500)
      machine.send(answer)
      for _ in 0..<2000 where machine.model.line.count < answer.utf8.count {
        machine.model.send(pace)
        machine.run()
      }
      #expect(machine.model.lineText == answer, "\(pace) at a time")
      machine.run()
      #expect(!machine.hasUnsent)
    }
  }

  @Test("Room that comes while the interrupt is enabled is not missed", arguments: SerialRow.all)
  func room(_ row: SerialRow) {
    for moment in 1...60 {
      let machine = SerialMachine(row)
      machine.atAccess(moment) { machine.model.send(.max) }
      let answer = text(200)
      machine.send(answer)
      for _ in 0..<200 where machine.model.line.count < answer.utf8.count {
        machine.run()
        machine.model.send(.max)
      }
      machine.run()
      #expect(machine.model.lineText == answer, "access \(moment)")
    }
  }

  @Test(
    "A line that never drains stops nothing, and nothing is lost of what was to be sent",
    arguments: SerialRow.all)
  func neverDrains(_ row: SerialRow) {
    let machine = SerialMachine(row)
    var expected = ""
    while machine.room >= longestAnswer {
      let before = machine.model.accesses
      machine.send(text(1000))
      expected += text(1000)
      #expect(machine.model.accesses - before < 1000)
    }
    // What arrives now waits, and takes no interrupt for ever; there is no end to it.
    let burst = text(machine.model.depth)
    while machine.errors.dropped < 100 {
      machine.model.arrive(burst)
      machine.run()
    }
    #expect(machine.received.isEmpty)
    machine.model.arrive(burst)
    for _ in 0..<20_000 where machine.hasUnsent || !machine.model.transmitFIFO.isEmpty {
      machine.model.send(.max)
      machine.run()
    }
    #expect(machine.model.lineText == expected)
    // What there was room for has come.
    #expect(machine.text.hasPrefix(burst + burst))
    #expect(machine.received.count > 10_000)
  }

  @Test("Both directions at once lose nothing", arguments: SerialRow.all)
  func bothWays(_ row: SerialRow) {
    let machine = SerialMachine(row)
    machine.echoes = true
    var expected = ""
    for round in 0..<200 {
      let burst = text(1 + round % 5)
      expected += burst
      machine.model.arrive(burst)
      machine.model.send(3)
      machine.run()
    }
    for _ in 0..<2000 where machine.model.line.count < expected.utf8.count {
      machine.model.send(3)
      machine.run()
    }
    #expect(machine.text == expected)
    #expect(machine.model.lineText == expected)
  }

  @Test(
    "A character that comes while the transmitter holds the interrupt is received",
    arguments: SerialRow.all)
  func transmitterHoldsLine(_ row: SerialRow) {
    for moment in 1...40 {
      let machine = SerialMachine(row)
      let answer = text(machine.model.transmitDepth + 6)
      machine.send(answer)
      machine.atAccess(moment) { machine.model.arrive("!") }
      for _ in 0..<100 where machine.model.line.count < answer.utf8.count {
        machine.model.send(.max)
        machine.run()
      }
      machine.model.meanwhile = {}
      if machine.received.isEmpty, machine.model.receiveFIFO.isEmpty { machine.model.arrive("!") }
      machine.run()
      #expect(machine.text == "!", "access \(moment)")
      #expect(machine.model.lineText == answer)
    }
  }

  // MARK: Devices out of order

  @Test(
    "A device that has characters without end is given up, and said to be", arguments: SerialRow.all
  )
  func endless(_ row: SerialRow) {
    let machine = SerialMachine(row)
    machine.model.meanwhile = {
      if machine.model.receiveFIFO.count < machine.model.depth { machine.model.arrive("a") }
    }
    machine.model.arrive("a")
    machine.serve()
    #expect(machine.failures == 1)
    let before = machine.model.accesses
    machine.serve()
    #expect(machine.model.accesses == before)
    #expect(machine.failures == 1)
    #expect(!machine.model.isInterrupting || row.isEdge)
  }

  /// What a bus answers for a device without a clock.
  private struct Ones: DeviceRegisters {
    func read8(_ offset: UInt) -> UInt8 { .max }
    func read16(_ offset: UInt) -> UInt16 { .max }
    func read32(_ offset: UInt) -> UInt32 { .max }
    func write8(_ offset: UInt, _ value: UInt8) {}
    func write16(_ offset: UInt, _ value: UInt16) {}
    func write32(_ offset: UInt, _ value: UInt32) {}
  }

  @Test(
    "A device of which every register is all ones, or all zeros, ends nothing",
    arguments: SerialRow.all)
  func ones(_ row: SerialRow) {
    let size = Int(SerialPort<SerialUART<Ones>>.memoryNeeded)
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    defer { unsafe memory.deallocate() }
    var port = unsafe SerialPort(SerialUART(row.description, Ones()), memory: memory)
    port.start()
    for _ in 0..<3 {
      port.acknowledgeInterrupt()
      while port.nextEvent() != nil {}
      port.send([1, 2, 3].span)
      if port.pump() { _ = port.nextEvent() }
    }
  }

  // MARK: The families' own traps

  @Test("A DesignWare UART's busy interrupt and its timeout without a character are ended")
  func designWare() throws {
    let row = try #require(SerialRow.all.first { $0.testDescription == "DesignWare" })
    let machine = SerialMachine(row)
    let model = try #require(machine.model as? NS16550Model)
    model.isBusy = true
    machine.run()
    model.hasGhostTimeout = true
    machine.run()
    model.arrive("ok")
    machine.run()
    #expect(machine.text == "ok")
  }

  @Test("The timeout of an AM654 that stays with an empty FIFO is ended (i2310)")
  func omap() throws {
    let row = try #require(SerialRow.all.first { $0.testDescription == "OMAP" })
    let machine = SerialMachine(row)
    let model = try #require(machine.model as? NS16550Model)
    model.hasGhostTimeout = true
    machine.run()
    model.arrive("ok")
    machine.run()
    #expect(machine.text == "ok")
  }

  @Test("Nothing of a MediaTek UART eats what is received")
  func mediaTek() throws {
    let row = try #require(SerialRow.all.first { $0.testDescription == "MediaTek" })
    let model = try #require(SerialMachine(row).model as? NS16550Model)
    #expect(!model.eatsBytes)
  }

  @Test("A message leaves a UART that nobody has used yet", arguments: ["Cadence", "i.MX"])
  func message(family: String) throws {
    let row = try #require(SerialRow.all.first { $0.testDescription.hasPrefix(family) })
    let model = row.make()
    var uart = SerialUART(row.description, model)
    uart.enableTransmitter()
    let isTaken = uart.transmit(0x41)
    #expect(isTaken)
    #expect(model.transmitFIFO == [0x41])
  }
}
