internal import Foundation

@testable internal import stepwell

/// Debian's kernel with the suite of Guests/ptrace as its only program: it debugs other programs and
/// itself, writes a transcript of all that it sees, and switches the machine off.
struct LinuxDebugGuest {
  var board = Machine.Board.plain
  var cpu = "cortex-a72"
  var cpus = 1
  /// The suite's arguments; see Guests/ptrace/main.c.
  var arguments: [String] = []
  /// How long the suite may take, from its beginning to its end.
  var limit: Duration = .seconds(150)

  /// What beneath the guest is to be.
  enum Ground { case shim, stepwell }

  /// Boots the guest and waits for its end.
  ///
  /// - Parameter debugger: what a debugger does from the moment that the suite begins. It is cancelled
  ///   when the transcript is there.
  /// - Returns: the transcript, and what the debugger returned.
  /// - Throws: `Failure` if the suite does not come to its end.
  func run<Work: Sendable>(
    on ground: Ground,
    while debugger: @escaping @Sendable (DebugEndpoint) async throws -> Work
  ) async throws -> (transcript: [String], work: Work) {
    let machine = try await machine(on: ground)
    return try await machine.boot { console in
      try await console.wait(for: "start", within: .seconds(90))
      return try await withThrowingTaskGroup(of: Work?.self) { group in
        let endpoint = machine.debugger
        group.addTask { try await debugger(endpoint) }
        group.addTask {
          _ = try await console.wait(for: "\nend", within: limit)
          return nil
        }
        // A debugger that fails leaves the suite standing still: that ends it here. One that is done
        // waits for the suite.
        var work: Work?
        while let result = try await group.next() {
          if let result { work = result } else { group.cancelAll() }
        }
        guard let work else { throw Failure("The debugger returned nothing.") }
        return (try transcript(console.output), work)
      }
    }
  }

  /// Boots the guest without a debugger.
  func run(on ground: Ground) async throws -> [String] {
    try await run(on: ground) { _ in () }.transcript
  }

  private func transcript(_ output: String) throws -> [String] {
    let lines = output.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("cpu ") }
      .map(String.init)
    if let failure = lines.first(where: { $0.contains("failed ") }) { throw Failure(failure) }
    guard !lines.isEmpty else { throw Failure("The suite wrote nothing: \(output.suffix(2000))") }
    return lines
  }

  // MARK: The machine

  private func machine(on ground: Ground) async throws -> Machine {
    let packages = try await GuestPackages.prepare()
    let guest = try await BoardGuest(board, packages)
    let kernel = try Data(contentsOf: guest.kernel)
    let image =
      switch ground {
      case .stepwell: try MachineTests.image("\(guest.name).image", kernel: kernel)
      case .shim:
        try MachineTests.file(
          "\(guest.name)-bare.image",
          try await Shim.build().bootImage(of: kernel, named: guest.kernel.path))
      }
    return Machine(
      board: board, cpu: cpu, cpus: cpus, memory: "512M", image: image,
      initrd: try await Self.initrd.value, tree: guest.tree,
      commandLine:
        "console=\(board.console) quiet panic=-1 nokaslr -- \(arguments.joined(separator: " "))",
      debugger: try .unused())
  }

  /// The suite, and its 32-bit program.
  private static let initrd = Task {
    let packages = try await GuestPackages.prepare()
    let toolchain = try await Toolchain.find()
    let folder = Project.guests.appending(path: "ptrace")
    let suite = try MachineTests.file("ptrace", Data())
    let compat = try MachineTests.file("ptrace-compat", Data())
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    let sources = names.filter { $0.hasSuffix(".c") || $0 == "code.S" }
      .map { folder.appending(path: $0).path }
    try await toolchain.child(
      "clang",
      [
        "--target=aarch64-linux-gnu", "--sysroot=\(packages.root.path)", "-static",
        "-fuse-ld=lld", "-O1", "-Wall", "-Wextra", "-Werror", "-o", suite,
      ] + sources
    ).runQuietly()
    try await toolchain.child(
      "clang",
      [
        "--target=armv8a-linux-gnueabihf", "-nostdlib", "-static", "-fuse-ld=lld",
        // Some of its instructions are deprecated, which is why they are there.
        "-Wa,--no-warn", "-o", compat, folder.appending(path: "compat.S").path,
      ]
    ).runQuietly()

    var archive = CPIOArchive()
    archive.addDirectory("dev")
    archive.addCharacterDevice("dev/console", major: 5, minor: 1)
    for (name, file) in [("init", suite), ("compat", compat)] {
      archive.addFile(
        name, permissions: 0o755, contents: try Data(contentsOf: URL(filePath: file)))
    }
    return try MachineTests.file("ptrace.initrd", archive.finished())
  }
}
