internal import ArgumentParser
internal import Foundation

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Boot a guest in QEMU under Stepwell, with its console on this terminal.",
    discussion: """
      Without --kernel, the guest is Debian's kernel with a busybox shell. GDB attaches at any time \
      and as often as it likes. Ctrl-A x ends the machine; when the guest switches it off, the \
      command exits with 0.

      EXAMPLES:
        ./stepwell run
        ./stepwell run --kernel Image --append console=ttyAMA0 --wait
        ./stepwell run --cpus 8 --memory 4G --gdb 127.0.0.1:2345
        ./stepwell run --machine virt-gicv2
        ./stepwell run --machine xlnx-versal-virt
        ./stepwell run --kernel u-boot.bin --at 0x40200000 --wait
        ./stepwell run --kernel Image -- -device virtio-rng-device
      """)

  @Option(
    help: ArgumentHelp(
      "The guest: an arm64 Image, plain or packed with gzip; an ELF file; or, with --at, a raw binary.",
      valueName: "file"))
  var kernel: String?

  @Option(
    help: ArgumentHelp(
      "The physical address where a raw binary lies and is entered.", valueName: "address"))
  var at: Address?

  @Option(help: ArgumentHelp("The guest's initial file system.", valueName: "file"))
  var initrd: String?

  @Option(help: ArgumentHelp("The guest kernel's command line.", valueName: "text"))
  var append: String?

  @Option(help: ArgumentHelp("The machine that QEMU emulates.", valueName: "name"))
  var machine = Machine.Board.plain

  @Option(
    help: "Number of vCPUs of a virt machine: 1 to 512, or to 8 with a GICv2 (default: 4).")
  var cpus: Int?

  @Option(help: ArgumentHelp("Memory of the machine, as QEMU's -m takes it.", valueName: "size"))
  var memory = "1G"

  @Option(
    help: ArgumentHelp(
      "CPU model of a virt machine, as QEMU's -cpu takes it (default: cortex-a72).",
      valueName: "model"))
  var cpu: String?

  @Option(
    help: ArgumentHelp(
      "The address for GDB, such as 127.0.0.1:1234 or 1234.", valueName: "host:port"))
  var gdb = DebugEndpoint.standard

  @Flag(help: "Hold the guest before its first instruction until a debugger continues it.")
  var wait = false

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("After --: more arguments for QEMU.", valueName: "qemu-args"))
  var others: [String] = []

  func validate() throws {
    guard at == nil || kernel != nil else {
      throw ValidationError("--at is the address of a raw binary; give that as --kernel.")
    }
    if let cpus, !(1...machine.mostCPUs).contains(cpus) {
      throw ValidationError(
        "--cpus \(cpus): --machine \(machine.name) has 1 to \(machine.mostCPUs) vCPUs.")
    }
    if let count = machine.fixedCPUs, cpus != nil && cpus != count || cpu != nil {
      throw ValidationError(
        "--machine \(machine.name) has \(count) CPUs of its own; leave --cpus and --cpu out."
      )
    }
  }

  func run() async throws {
    let chosenKernel = try kernel.map { try Kernel(file: $0, at: at) }
    if let initrd { _ = try readFile(initrd, as: "initial file system") }
    try gdb.checkFree()
    try await HostPackage.install([.qemu])
    guard let emulator = HostPackage.find(Machine.emulator) else {
      throw Failure("\(Machine.emulator) is not on the path although its package is installed.")
    }

    var initrd = initrd
    var commandLine = append
    let kernel: Kernel
    if let chosenKernel {
      kernel = chosenKernel
    } else {
      let packages = try await GuestPackages.prepare()
      let file = machine == .zcu102 ? try await KernelTrees.prepare().kernel : packages.kernel
      kernel = try Kernel(file: file.path)
      initrd = try initrd ?? NamelessFile(Initramfs.busybox(packages)).path
      commandLine = commandLine ?? "console=\(machine.console)"
    }
    var tree: String?
    if machine == .zcu102 {
      tree = try NamelessFile(await BoardTree.zcu102()).path
      Progress.note(
        "QEMU does not emulate the firmware of the ZCU102: its device tree has a fixed clock for the console.\n"
      )
    }
    let image = try NamelessFile(try await kernel.bootImage(holdsGuest: wait))

    let machine = Machine(
      board: machine, cpu: cpu ?? "cortex-a72", cpus: cpus ?? 4, memory: memory, image: image.path,
      initrd: initrd, tree: tree, commandLine: commandLine, debugger: gdb, others: others)
    Progress.note(
      """
      To debug the guest: gdb-multiarch -ex 'target remote \(gdb.description)'
      Ctrl-A x ends the machine.\(wait ? " The guest is held until GDB continues it." : "")

      """)
    try become(emulator, machine.arguments)
  }
}

extension Machine.Board: ExpressibleByArgument {
  init?(argument: String) {
    guard let board = Self.allCases.first(where: { $0.name == argument }) else { return nil }
    self = board
  }

  static var allValueStrings: [String] { allCases.map(\.name) }

  var defaultValueDescription: String { name }
}
