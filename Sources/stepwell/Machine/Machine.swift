/// The machine that QEMU emulates: one with EL2. Only its console and the debug link reach outside.
struct Machine {
  /// The machines, as QEMU's -M takes them.
  enum Board: String, CaseIterable, Sendable {
    case plain = "virt,virtualization=on,gic-version=3"
    /// With EL3 and therefore two Security states, like nearly every real board. No firmware runs there.
    case secure = "virt,virtualization=on,gic-version=3,secure=on"
    /// With a GICv2, and so with eight CPUs at most.
    case gicV2 = "virt,virtualization=on,gic-version=2"
    /// With a GICv2 that has the Security Extensions, as nearly every board's has. No firmware runs there.
    case gicV2Secure = "virt,virtualization=on,gic-version=2,secure=on"
    /// With virtual LPIs.
    case gicV4 = "virt,virtualization=on,gic-version=4"
    /// A Versal board: EL3, two Cortex-A72, and two PL011s, of which the second is the debug link.
    case versal = "xlnx-versal-virt"
    /// A ZynqMP board: four Cortex-A53, a GIC-400 whose pages are repeated, and two Cadence UARTs, of which the second
    /// is the debug link. It needs ``BoardTree/zcu102()``.
    case zcu102 = "xlnx-zcu102,virtualization=on"

    /// As a person calls it.
    var name: String {
      switch self {
      case .plain: "virt"
      case .secure: "virt-secure"
      case .gicV2: "virt-gicv2"
      case .gicV2Secure: "virt-gicv2-secure"
      case .gicV4: "virt-gicv4"
      case .versal: "xlnx-versal-virt"
      case .zcu102: "xlnx-zcu102"
      }
    }

    /// A GICv2 has eight CPU interfaces.
    var mostCPUs: Int {
      switch self {
      case .gicV2, .gicV2Secure: 8
      case .plain, .secure, .gicV4: 512
      case .versal: 2
      case .zcu102: 4
      }
    }

    /// Whether the debug link is a UART of the board, and not a virtio console that is added to it.
    var hasSerialLink: Bool { self == .versal || self == .zcu102 }

    /// The CPUs that the board has and that cannot be chosen; nil where they can.
    var fixedCPUs: Int? { hasSerialLink ? mostCPUs : nil }

    /// Linux's name of the console.
    var console: String { self == .zcu102 ? "ttyPS0" : "ttyAMA0" }
  }

  var board = Board.plain
  /// As QEMU's -cpu takes it, where the board leaves it open.
  var cpu = "cortex-a72"
  /// CPUs, each of which has a vCPU, where the board leaves it open.
  var cpus = 4
  /// As QEMU's -m takes it.
  var memory = "1G"
  /// A boot image; see `BootImage`.
  var image: String
  var initrd: String?
  /// A device tree; nil where QEMU makes it.
  var tree: String?
  /// The guest kernel's command line.
  var commandLine: String?
  var debugger: DebugEndpoint
  /// Whether QEMU sends bytes of the debug link at once (TCP_NODELAY). Otherwise an answer that leaves in two
  /// pieces waits for an acknowledgment, which the debugger's host delays by about 40 ms.
  var hasNoDelay = true
  /// More of QEMU's own arguments.
  var others: [String] = []

  static let emulator = HostPackage.qemu.program

  /// The reason that QEMU gives for not running a machine, if one is among the lines of its console.
  static func complaint(in lines: [String]) -> String? {
    lines.lazy.compactMap { line in
      let words = line.trimmingPrefix { $0.isWhitespace }
      let prefix = "\(emulator): "
      return words.hasPrefix(prefix) ? String(words.dropFirst(prefix.count)) : nil
    }.first
  }

  /// QEMU's arguments. The guest's console is QEMU's standard input and output.
  var arguments: [String] {
    var arguments = ["-M", board.rawValue]
    switch board {
    case .versal:
      // The two CPUs of the real-time domain are counted too; they stay off.
      arguments += ["-smp", "4"]
    case .zcu102:
      // Its display port has a sound output.
      arguments += ["-smp", "4", "-audiodev", "none,id=silence"]
    case .plain, .secure, .gicV2, .gicV2Secure, .gicV4:
      arguments += ["-cpu", cpu, "-smp", "\(cpus)"]
    }
    if let tree { arguments += ["-dtb", tree] }
    arguments += ["-m", memory, "-nographic", "-nic", "none", "-kernel", image]
    if let initrd { arguments += ["-initrd", initrd] }
    if let commandLine { arguments += ["-append", commandLine] }
    return arguments + debugLink + others
  }

  /// The debug link, which Stepwell hides from the guest: the board's second UART, or a virtio console on the first of
  /// the 32 virtio-mmio transports of `virt`. QEMU gives the last transports to devices of the guest.
  private var debugLink: [String] {
    let delay = hasNoDelay ? ",nodelay=on" : ""
    let address = "host=\(debugger.host),port=\(debugger.port)"
    guard !board.hasSerialLink else {
      return [
        "-serial", "mon:stdio",
        "-chardev", "socket,id=stepwell-debug,\(address),server=on,wait=off\(delay)",
        "-serial", "chardev:stepwell-debug",
      ]
    }
    return [
      "-global", "virtio-mmio.force-legacy=false",
      "-chardev", "socket,id=stepwell-debug,\(address),server=on,wait=off\(delay)",
      "-device", "virtio-serial-device,id=stepwell,bus=virtio-mmio-bus.0",
      "-device",
      "virtserialport,bus=stepwell.0,chardev=stepwell-debug,name=org.stepwell.debug",
    ]
  }
}
