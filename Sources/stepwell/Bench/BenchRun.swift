internal import Foundation

/// Runs the benchmark's programs in QEMU.
struct BenchRun {
  let parts: BenchParts
  let machine: BenchMachine

  /// Boots the payload in a column, and runs it to its end.
  ///
  /// - Parameter held: the points of the debugger, if the column has one.
  /// - Throws: `Failure` if it does not come to its end.
  func transcript(
    of column: BenchColumn, holding held: BenchHeld = BenchHeld()
  ) async throws -> BenchTranscript {
    let payload = try Data(contentsOf: parts.guest.image)
    switch column {
    case .bare: return try await run(try virtualMachine(parts.image(of: payload, bare: true)))
    case .native: return try await run(try virtualMachine(parts.image(of: payload, bare: false)))
    case .debugger:
      let page = try await parts.guest.program.address(of: "debugger_page")
      // The page has data, which is never executed.
      let places = (0..<held.breakpoints).map { page + 1024 + 16 * UInt64($0) }
      // No memory is at these addresses: the payload clears all of its own memory when it starts.
      let words = (0..<held.watchpoints).map { 0x1000 + 16 * UInt64($0) }
      return try await runHeld(
        try virtualMachine(parts.image(of: payload, bare: false, holdsGuest: true)),
        breakpoints: places, watchpoints: words)
    case .kvm: return try await runUnderKVM(debugged: false)
    case .kvmDebugger: return try await runUnderKVM(debugged: true)
    }
  }

  /// Boots Debian's kernel to its first process, which then measures a ptrace step.
  func transcript(of boot: BenchBoot) async throws -> BenchTranscript {
    let kernel = try Data(contentsOf: parts.packages.kernel, options: .mappedIfSafe)
    let initrd = parts.folder.appending(path: "init.initrd")
    try Initramfs.program(parts.process).write(to: initrd)
    func linux(holdsGuest: Bool) throws -> Machine {
      var linux = try virtualMachine(
        parts.image(of: kernel, bare: boot == .bare, holdsGuest: holdsGuest))
      linux.initrd = initrd.path
      linux.commandLine = "console=ttyAMA0 quiet panic=-1 nokaslr"
      return linux
    }
    switch boot {
    case .bare, .native: return try await run(try linux(holdsGuest: false))
    case .idle: return try await runHeld(try linux(holdsGuest: true), breakpoints: [])
    case .breakpoints:
      // The kernel is elsewhere.
      return try await runHeld(try linux(holdsGuest: true), breakpoints: [0x1000, 0x2000])
    }
  }

  /// Boots the endless loop of the payload under Stepwell, and plays a debugger.
  ///
  /// - Returns: what the debugger's operations cost, and how much memory the guest has.
  func debuggerTranscript() async throws -> BenchTranscript {
    let program = parts.guest.program
    var payload = try Data(contentsOf: parts.guest.image)
    let mode = try await program.address(of: "benchmark_mode")
    payload.setLittleEndian(1, at: Int(mode - (try await program.address(of: "image_start"))))
    let stepwell = try virtualMachine(
      parts.image(of: payload, bare: false, holdsGuest: true))
    let debugger = BenchDebugger(
      endpoint: stepwell.debugger, place: try await program.address(of: "debugger_place"),
      word: try await program.address(of: "debugger_word"))

    let qemu = Child(Machine.emulator, stepwell.arguments)
    let console = BenchConsole()
    return try await withThrowingTaskGroup(of: BenchDebugger.Findings.self) { group in
      group.addTask {
        _ = try await qemu.run { console.read($0) }
        throw console.failure
      }
      group.addTask { try await debugger.run() }
      group.addTask {
        try await Task.sleep(for: Self.limit)
        throw Failure("The debugger did not come to its end in \(Self.limit).")
      }
      defer { group.cancelAll() }
      guard let findings = try await group.next() else { throw console.failure }
      // It has the frequency of the counter, which the payload reports.
      var transcript = console.transcript
      transcript.note(guestMemory: findings.guestMemory)
      for count in findings.counts {
        transcript.note(debugger: count.name, rounds: count.rounds, ticks: count.ticks)
      }
      return transcript
    }
  }

  private func virtualMachine(_ image: String) throws -> Machine {
    Machine(
      cpu: machine.cpu, cpus: machine.vcpus, memory: machine.memory, image: image,
      debugger: try .unused(), others: BenchMachine.repeatable)
  }

  /// Debian's kernel at EL2, and a virtual machine monitor as its only process.
  private func runUnderKVM(debugged: Bool) async throws -> BenchTranscript {
    let initrd = parts.folder.appending(path: "kvm.initrd")
    try Initramfs.monitor(parts.monitor, guest: Data(contentsOf: parts.guest.image))
      .write(to: initrd)
    var words = [debugged ? "hw" : "none", "\(machine.vcpus)"]
    for symbol in ["debugger_place", "debugger_word"] {
      words.append(String(try await parts.guest.program.address(of: symbol), radix: 16))
    }
    var linux = try virtualMachine(parts.packages.kernel.path)
    linux.initrd = initrd.path
    linux.commandLine = "console=ttyAMA0 quiet panic=-1 -- \(words.joined(separator: " "))"
    return try await run(linux)
  }

  /// Runs a machine that is held until a debugger continues it. The debugger stays attached, because its
  /// points would be removed if it went.
  private func runHeld(
    _ stepwell: Machine, breakpoints: [UInt64], watchpoints: [UInt64] = []
  ) async throws -> BenchTranscript {
    try await run(stepwell) {
      let client = try await RemoteClient(stepwell.debugger)
      try await client.attach()
      for place in breakpoints {
        try await client.expect("OK", for: "Z1,\(String(place, radix: 16)),4")
      }
      for word in watchpoints {
        try await client.expect("OK", for: "Z2,\(String(word, radix: 16)),8")
      }
      try await client.send(packet: "vCont;c")
      try await Task.sleep(for: Self.limit)
    }
  }

  private static let limit = Duration.seconds(900)

  /// Runs a machine to its end, and `body` beside it.
  private func run(
    _ machine: Machine, beside body: @escaping @Sendable () async throws -> Void = {}
  ) async throws -> BenchTranscript {
    let qemu = Child(Machine.emulator, machine.arguments)
    let console = BenchConsole()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        _ = try await qemu.run { console.read($0) }
        return true
      }
      group.addTask {
        try await body()
        return false
      }
      group.addTask {
        try await Task.sleep(for: Self.limit)
        throw Failure("The benchmark did not come to its end in \(Self.limit).")
      }
      while let machineEnded = try await group.next(), !machineEnded {}
      group.cancelAll()
    }
    let transcript = console.transcript
    guard transcript.isComplete, transcript.failure == nil else { throw console.failure }
    return transcript
  }
}
