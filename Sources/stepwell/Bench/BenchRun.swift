internal import Foundation
internal import Synchronization

/// Runs the benchmark's payload in QEMU.
struct BenchRun {
  let machine: BenchMachine
  let guest: BenchmarkGuest
  /// Where the images are written.
  let folder: URL
  /// How many hardware breakpoints the debugger holds.
  var breakpoints = 2

  /// Boots the payload in a column, to its end.
  ///
  /// - Throws: `Failure` if it does not come to its end.
  func transcript(of column: BenchColumn) async throws -> BenchTranscript {
    switch column {
    case .bare: try await runBare()
    case .native: try await runUnderStepwell(debugged: false)
    case .debugger: try await runUnderStepwell(debugged: true)
    case .kvm: try await runUnderKVM(debugged: false)
    case .kvmDebugger: try await runUnderKVM(debugged: true)
    }
  }

  private func runBare() async throws -> BenchTranscript {
    let payload = try Data(contentsOf: guest.image)
    let image = try await Shim.build().bootImage(of: payload, named: guest.image.path)
    return try await run(try virtualMachine(image).arguments) {}
  }

  private func runUnderStepwell(debugged: Bool) async throws -> BenchTranscript {
    let stepwell = try virtualMachine(
      try BootImage.compose(
        hypervisor: Data(contentsOf: try await Hypervisor.build().image),
        kernel: Data(contentsOf: guest.image), named: guest.image.path, holdsGuest: debugged))
    guard debugged else { return try await run(stepwell.arguments) {} }

    let page = try await guest.program.address(of: "debugger_page")
    return try await run(stepwell.arguments) {
      let client = try await RemoteClient(stepwell.debugger)
      try await client.attach()
      // Data: nothing there is ever executed.
      for n in 0..<breakpoints {
        let place = String(page + 1024 + 16 * UInt64(n), radix: 16)
        try await client.expect("OK", for: "Z1,\(place),4")
      }
      try await client.send(packet: "vCont;c")
      // Until the machine has ended: a debugger that went would take its breakpoints with it.
      try await Task.sleep(for: Self.limit)
    }
  }

  /// Boots the payload's endless loop under Stepwell and plays a debugger.
  ///
  /// - Returns: what the debugger's operations cost.
  func debuggerTranscript() async throws -> BenchTranscript {
    var payload = try Data(contentsOf: guest.image)
    let mode = try await guest.program.address(of: "benchmark_mode")
    let start = try await guest.program.address(of: "image_start")
    payload.setLittleEndian(1, at: Int(mode - start))
    let stepwell = try virtualMachine(
      try BootImage.compose(
        hypervisor: Data(contentsOf: try await Hypervisor.build().image), kernel: payload,
        named: guest.image.path, holdsGuest: true))
    let debugger = BenchDebugger(
      endpoint: stepwell.debugger,
      place: try await guest.program.address(of: "debugger_place"),
      word: try await guest.program.address(of: "debugger_word"))

    let qemu = Child(Machine.emulator, stepwell.arguments)
    let console = Console()
    return try await withThrowingTaskGroup(of: [BenchDebugger.Count].self) { group in
      group.addTask {
        _ = try await qemu.run { console.read($0) }
        throw Failure("The machine ended before its debugger: \(console.lastWords)")
      }
      group.addTask { try await debugger.run() }
      group.addTask {
        try await Task.sleep(for: Self.limit)
        throw Failure("The debugger did not come to its end in \(Self.limit).")
      }
      defer { group.cancelAll() }
      var transcript = BenchTranscript()
      for count in try await group.next() ?? [] {
        transcript.note(debugger: count.name, rounds: count.rounds, ticks: count.ticks)
      }
      return transcript
    }
  }

  private func virtualMachine(_ image: Data) throws -> Machine {
    let file = folder.appending(path: "benchmark.image")
    try image.write(to: file)
    return Machine(
      cpu: machine.cpu, cpus: machine.vcpus, memory: machine.memory, image: file.path,
      debugger: try .unused(), others: BenchMachine.repeatable)
  }

  /// Debian's kernel at EL2, and a virtual machine monitor as its only process.
  private func runUnderKVM(debugged: Bool) async throws -> BenchTranscript {
    let packages = try await GuestPackages.prepare()
    let monitor = try await GuestProgram.build(
      Project.root.appending(path: "Benchmarks/kvm.c"), with: packages,
      into: folder.appending(path: "kvm"))
    let initrd = folder.appending(path: "kvm.initrd")
    try Initramfs.monitor(monitor, guest: Data(contentsOf: guest.image)).write(to: initrd)
    var words = [debugged ? "hw" : "none", "\(machine.vcpus)"]
    for symbol in ["debugger_place", "debugger_word"] {
      words.append(String(try await guest.program.address(of: symbol), radix: 16))
    }
    return try await run(
      [
        "-M", "virt,virtualization=on,gic-version=3", "-cpu", machine.cpu,
        "-smp", "\(machine.vcpus)", "-m", machine.memory, "-nographic", "-nic", "none",
        "-kernel", packages.kernel.path, "-initrd", initrd.path,
        "-append", "console=ttyAMA0 quiet panic=-1 -- \(words.joined(separator: " "))",
      ] + BenchMachine.repeatable
    ) {}
  }

  private static let limit = Duration.seconds(900)

  /// Runs QEMU to its end, and `body` beside it.
  private func run(
    _ arguments: [String], beside body: @escaping @Sendable () async throws -> Void
  ) async throws -> BenchTranscript {
    let qemu = Child(Machine.emulator, arguments)
    let console = Console()
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
    if let failure = console.transcript.failure {
      throw Failure("The benchmark says: \(failure)")
    }
    guard console.transcript.isComplete else {
      Progress.note(console.lastWords.joined(separator: "\n") + "\n")
      throw Failure("The machine ended before the benchmark did; its last words are above.")
    }
    return console.transcript
  }
}

/// What a machine writes.
private final class Console: Sendable {
  private let state = Mutex((transcript: BenchTranscript(), lastWords: [String]()))

  func read(_ line: String) {
    state.withLock {
      $0.transcript.read(line)
      $0.lastWords = $0.lastWords.suffix(20) + [line]
    }
  }

  var transcript: BenchTranscript { state.withLock { $0.transcript } }
  var lastWords: [String] { state.withLock { $0.lastWords } }
}
