internal import Foundation

@testable internal import stepwell

/// Debian's kernel with a shell on its console, which does what a test tells it.
struct LinuxGuest {
  let console: RunningProgram

  /// Boots Linux under Stepwell and runs `body` when its shell is there.
  static func boot<Result>(
    _ machine: Machine, _ body: (LinuxGuest) async throws -> Result
  ) async throws -> Result {
    try await machine.boot { console in
      let guest = LinuxGuest(console: console)
      try await guest.waitForShell()
      return try await body(guest)
    }
  }

  /// Boots the same Linux on the same machine without Stepwell, at EL1 or at EL2, and runs `body` when
  /// its shell is there.
  static func bootBare<Result>(
    _ machine: Machine, virtualization: Bool, _ body: (LinuxGuest) async throws -> Result
  ) async throws -> Result {
    var arguments = machine.arguments + ["-no-reboot"]
    func setValue(of option: String, _ value: String) {
      guard let index = arguments.firstIndex(of: option) else { return }
      arguments[index + 1] = value
    }
    setValue(of: "-kernel", try await GuestPackages.prepare().kernel.path)
    setValue(
      of: "-M",
      virtualization
        ? machine.board.rawValue
        : machine.board.rawValue.replacing("virtualization=on", with: "virtualization=off"))
    return try await RunningProgram.run(Machine.emulator, arguments) { console in
      let guest = LinuxGuest(console: console)
      try await guest.waitForShell()
      return try await body(guest)
    }
  }

  /// A machine that boots Debian's kernel with a busybox shell beneath Stepwell.
  static func machine(
    board: Machine.Board = .plain, cpu: String = "cortex-a72", cpus: Int = 1,
    memory: String = "512M", holdsGuest: Bool = false, options: String = "", others: [String] = []
  ) async throws -> Machine {
    let packages = try await GuestPackages.prepare()
    let guest = try await BoardGuest(board, packages)
    let image = try MachineTests.image(
      holdsGuest ? "\(guest.name)-held.image" : "\(guest.name).image",
      kernel: try Data(contentsOf: guest.kernel), holdsGuest: holdsGuest)
    return Machine(
      board: board, cpu: cpu, cpus: cpus, memory: memory, image: image,
      initrd: try shellInitrd(packages), tree: guest.tree,
      commandLine: "console=\(board.console) quiet panic=-1 nokaslr \(options)",
      debugger: try .unused(),
      others: others)
  }

  func waitForShell(within limit: Duration = .seconds(90)) async throws {
    try await console.wait(for: Self.ready, within: limit)
  }

  /// Has the shell run a command.
  ///
  /// - Returns: what it printed, without the last line's end.
  func run(_ command: String, within limit: Duration = .seconds(30)) async throws -> String {
    console.write("\(command)\necho '(done)'\n")
    return try await console.wait(for: "(done)", within: limit)
      .replacing("\r\n", with: "\n").trimmingCharacters(in: .newlines)
  }

  /// Has the shell run a command that ends in the debugger's hands, or is not waited for.
  func start(_ command: String) { console.write("\(command)\n") }

  /// The address of a function of the kernel's.
  func address(of function: String) async throws -> UInt64 {
    let line = try await run("grep -m 1 ' \(function)$' /proc/kallsyms")
    guard let address = UInt64(line.prefix(16), radix: 16), address != 0 else {
      throw Failure("The kernel has no function \(function): \(line)")
    }
    return address
  }

  /// Has Linux switch the machine off.
  func powerOff() { console.write("poweroff -f\n") }

  private static let ready = "(the shell is ready)"

  /// Debian's busybox and the kernel modules of virtio devices.
  static func shellInitrd(_ packages: GuestPackages) throws -> String {
    let release = packages.kernel.lastPathComponent.dropFirst("vmlinuz-".count)
    var archive = CPIOArchive()
    for folder in ["dev", "bin", "proc", "sys", "modules"] { archive.addDirectory(folder) }
    archive.addCharacterDevice("dev/console", major: 5, minor: 1)
    archive.addFile(
      "bin/busybox", permissions: 0o755, contents: try Data(contentsOf: packages.busybox))
    for module in modules {
      let file = packages.root.appending(path: "lib/modules/\(release)/kernel/drivers/\(module)")
      archive.addFile("modules/\(file.lastPathComponent)", contents: try Data(contentsOf: file))
    }
    archive.addFile("init", permissions: 0o755, contents: Data(script.utf8))
    return try MachineTests.file("shell.initrd", archive.finished())
  }

  /// What Debian's kernel drives virtio devices with, in the order of their dependences.
  private static let modules = [
    "virtio/virtio_ring.ko", "virtio/virtio.ko", "virtio/virtio_mmio.ko",
    "virtio/virtio_pci_modern_dev.ko", "virtio/virtio_pci_legacy_dev.ko", "virtio/virtio_pci.ko",
    "block/virtio_blk.ko", "char/hw_random/virtio-rng.ko",
  ]

  /// Loads the drivers of virtio devices.
  func loadVirtio() async throws {
    for module in Self.modules {
      let name = module.split(separator: "/").last ?? ""
      let answer = try await run("insmod /modules/\(name)")
      guard answer.isEmpty else { throw Failure("\(name): \(answer)") }
    }
  }

  /// Neither the terminal nor the shell repeats what is typed: only answers are on the console. So it is
  /// no interactive shell.
  static let script = """
    #!/bin/busybox sh
    /bin/busybox --install -s /bin
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t devtmpfs devtmpfs /dev
    stty -echo
    echo "\(ready)"
    while read -r line; do eval "$line"; done

    """
}
