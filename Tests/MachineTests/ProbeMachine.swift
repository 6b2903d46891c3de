internal import Foundation

@testable internal import stepwell

/// A machine that runs one or several topics of the probe guest's to its end.
struct ProbeMachine {
  /// The topics, as the kernel's command line names them, in order. The word "open" before them opens
  /// every gate.
  var topic: String
  var board = Machine.Board.tested
  var cpu = "cortex-a72"
  var cpus = 1
  /// Whether another program was at EL2 before Stepwell, and has left it as `Guests/entry` does.
  var isUsedBefore = false
  /// More of QEMU's own arguments, for a machine under Stepwell.
  var others: [String] = []

  /// What the probe says on the same machine without Stepwell: the shim sets EL2 up for it, and enters
  /// it at EL1.
  func bareTranscript() async throws -> [String] {
    let payload = try Data(contentsOf: try await Self.guest.value.image)
    let machine = Machine(
      board: board, cpu: cpu, cpus: cpus, memory: Self.memory,
      image: try MachineTests.file(
        "probe-bare.image",
        try await Self.shim.value.bootImage(of: payload, named: "the probe")),
      commandLine: topic, debugger: try .unused())
    return try await machine.boot { try await transcript($0) }
  }

  /// What the probe says under Stepwell.
  ///
  /// - Parameters:
  ///   - held: whether the guest waits for the debugger before its first instruction.
  ///   - debugger: what a debugger does meanwhile. It gets the console and the debug link; once it is
  ///     done, the probe has to come to its end by itself.
  func transcript(
    held: Bool = false,
    while debugger: (RunningProgram, DebugEndpoint) async throws -> Void = { _, _ in }
  ) async throws -> [String] {
    let kernel = try Data(contentsOf: try await Self.guest.value.image)
    var image = try MachineTests.image(
      held ? "probe-held.image" : "probe.image", kernel: kernel, holdsGuest: held)
    if isUsedBefore {
      let before = try Data(contentsOf: await Self.entry.value.image)
      image = try MachineTests.file(
        "probe-entry.image",
        try BootImage.compose(
          hypervisor: before, kernel: Data(contentsOf: URL(filePath: image)), named: "the image",
          holdsGuest: false))
    }
    let machine = Machine(
      board: board, cpu: cpu, cpus: cpus, memory: Self.memory, image: image, commandLine: topic,
      debugger: try .unused(), others: others)
    return try await machine.boot { console in
      try await debugger(console, machine.debugger)
      return try await transcript(console)
    }
  }

  /// The address of a function or variable of the probe's.
  static func address(of symbol: String) async throws -> UInt64 {
    try await guest.value.program.address(of: symbol)
  }

  /// The probe's executable, for GDB to read its symbols from.
  static var executable: String {
    get async throws { try await guest.value.program.executable.path }
  }

  private static let memory = "256M"
  private static let guest = Task { try await BareProgram.probe() }
  private static let shim = Task { try await Shim.build() }
  private static let entry = Task { try await BareProgram.build("entry") }

  /// What the probe is in memory, from the address `image_start` on.
  static var image: [UInt8] {
    get async throws { try await Array(Data(contentsOf: guest.value.image)) }
  }

  /// The probe's lines between its first and its last; of several topics, those that separate them too.
  ///
  /// - Throws: `Failure` if it does not come to its end.
  private func transcript(_ console: RunningProgram) async throws -> [String] {
    _ = try await console.end(within: .seconds(100))
    let said = console.output.split(whereSeparator: \.isNewline)
      .filter { $0.hasPrefix("probe: ") }.map { String($0.dropFirst(7)) }
    let first = topic.split(separator: " ").first { $0 != "open" } ?? ""
    guard said.first == "begin \(first)", said.suffix(2) == ["end", "done"] else {
      throw Failure("The probe does not come to its end: \(console.output.suffix(2000))")
    }
    return Array(said.dropFirst().dropLast(2))
  }
}

extension RemoteClient {
  /// Stops the running guest.
  func stop() async throws {
    try await interrupt()
    _ = try await receive()
  }

  /// Executes the instruction at `place`, where the vCPU of `thread` has stopped, without the hardware
  /// breakpoint there and with the other vCPUs standing still, as GDB does.
  func pass(_ place: UInt64, thread: Int) async throws {
    let point = "1,\(String(place, radix: 16)),4"
    let answers = [
      try await request("z\(point)"),
      String(try await request("vCont;s:\(String(thread, radix: 16))").prefix(3)),
      try await request("Z\(point)"),
    ]
    guard answers == ["OK", "T05", "OK"] else { throw Failure("A step fails: \(answers)") }
  }

  /// Opens the gate that the probe waits at, and lets it run. The guest stands still before.
  func openGate() async throws {
    let gate = String(try await ProbeMachine.address(of: "gate"), radix: 16)
    let answer = try await request("M\(gate),8:0100000000000000")
    guard answer == "OK" else { throw Failure("The gate does not open: \(answer)") }
    try await send(packet: "vCont;c")
  }

  /// `monitor exits`: how often each vCPU came to EL2, by reason. A reason that is not there never
  /// occurred.
  func exits() async throws -> [String: [Int]] {
    // The last row is not of vCPUs: what the debugger's own packets cost.
    let rows = try await monitor("exits").split(separator: "\n").dropFirst().dropLast()
    return rows.reduce(into: [:]) { table, row in
      let words = row.split(separator: " ")
      let numbers = words.reversed().prefix { Int($0) != nil }.reversed()
      table[words.dropLast(numbers.count).joined(separator: " ")] = numbers.compactMap { Int($0) }
    }
  }
}
