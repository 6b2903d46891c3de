import Testing

@testable import stepwell

@Suite struct `The machine` {
  let machine = Machine(image: "IMAGE", debugger: DebugEndpoint(host: "127.0.0.1", port: 1234))

  @Test func `has EL2, a GICv3 and no network`() {
    let arguments = machine.arguments.joined(separator: " ")
    #expect(arguments.hasPrefix("-M virt,virtualization=on,gic-version=3 -cpu cortex-a72 -smp 4"))
    #expect(arguments.contains("-nic none"))
  }

  @Test func `listens for GDB on the debug link`() {
    #expect(
      machine.arguments.contains(
        "socket,id=stepwell-debug,host=127.0.0.1,port=1234,server=on,wait=off,nodelay=on"))
  }

  @Test func `has its console on the first UART of a Versal, and the debug link on the second`()
    throws
  {
    var versal = machine
    versal.board = try #require(Machine.Board(argument: "xlnx-versal-virt"))
    let arguments = versal.arguments.joined(separator: " ")
    #expect(arguments.hasPrefix("-M xlnx-versal-virt -smp 4 -m"))
    #expect(
      arguments.contains(
        "-serial mon:stdio -chardev socket,id=stepwell-debug,host=127.0.0.1,port=1234,server=on,wait=off,nodelay=on "
          + "-serial chardev:stepwell-debug"))
    #expect(!arguments.contains("virtio") && !arguments.contains("-cpu"))
  }

  @Test(
    arguments: [
      ("virt", .plain), ("virt-secure", .secure), ("xlnx-versal-virt", .versal), ("virt,x", nil),
      ("", nil),
    ] as [(String, Machine.Board?)])
  func `is chosen by its name`(name: String, board: Machine.Board?) {
    #expect(Machine.Board(argument: name) == board)
  }

  @Test func `takes initial file system and command line only where given`() {
    #expect(!machine.arguments.contains("-initrd"))
    #expect(!machine.arguments.contains("-append"))
    var linux = machine
    linux.initrd = "INITRD"
    linux.commandLine = "console=ttyAMA0 quiet"
    #expect(linux.arguments.joined(separator: "|").contains("-initrd|INITRD"))
    #expect(linux.arguments.joined(separator: "|").contains("-append|console=ttyAMA0 quiet"))
  }

  @Test func `hands the person's own arguments to QEMU, last`() {
    var extended = machine
    extended.others = ["-device", "virtio-rng-device"]
    #expect(extended.arguments.suffix(2) == ["-device", "virtio-rng-device"])
  }

  @Test(
    arguments: [
      (["", "qemu-system-aarch64: unable to find CPU model 'x'"], "unable to find CPU model 'x'"),
      (["  qemu-system-aarch64: -foo: invalid option"], "-foo: invalid option"),
      (["Linux: qemu-system-aarch64: is a name"], nil), ([], nil),
    ] as [([String], String?)])
  func `says what QEMU complains about`(lines: [String], complaint: String?) {
    #expect(Machine.complaint(in: lines) == complaint)
  }
}
