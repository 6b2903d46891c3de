internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("What cannot be used is refused in one sentence: what is wrong, and what to do")
  struct RefusalTests {
    // MARK: At EL2

    /// A machine that cannot be used: QEMU's arguments made wrong, and the words of the sentence.
    struct Unusable: CustomTestStringConvertible {
      var testDescription: String
      /// Replaces the values of these options; nil takes option and value away.
      var options: [String: String?] = [:]
      /// The hypervisor alone, without a guest kernel.
      var isBare = false
      var sentence: String
    }

    static let unusable = [
      Unusable(
        testDescription: "no EL2", options: ["-M": "virt,gic-version=3"],
        sentence: "boot at EL2 (QEMU: -M virt,virtualization=on)."),
      Unusable(
        testDescription: "no virtio console", options: ["-device": nil],
        sentence:
          "enable a second UART in the device tree. UARTs in it: PL011 at 9000000 (the console)."),
      Unusable(
        testDescription: "no guest kernel", isBare: true,
        sentence: "make the image with `stepwell image --kernel IMAGE -o OUT`."),
    ]

    @Test("a machine", .timeLimit(.minutes(1)), arguments: unusable)
    func machine(_ row: Unusable) async throws {
      let machine = try await LinuxGuest.machine()
      var arguments = machine.arguments + ["-no-reboot"]
      for (option, value) in row.options {
        while let index = arguments.firstIndex(of: option) {
          arguments.removeSubrange(index...index + 1)
        }
        if let value { arguments += [option, value] }
      }
      if row.isBare, let index = arguments.firstIndex(of: "-kernel") {
        arguments[index + 1] = MachineTests.hypervisor.image.path
      }
      try await RunningProgram.run(Machine.emulator, arguments) { console in
        try await console.wait(for: "Stepwell: ", within: .seconds(20))
        try await console.wait(for: row.sentence, within: .seconds(5))
        try await Self.expectHalt(console)
      }
    }

    @Test("too little memory for the guest's kernel", .timeLimit(.minutes(1)))
    func memory() async throws {
      // The kernel wants more than there is. The boot loader sees a small image, or it would refuse it
      // itself.
      var kernel = try Data(contentsOf: try await GuestPackages.prepare().kernel)
      var header = try ImageHeader(kernel, of: "the kernel")
      header.imageSize = 1 << 30
      header.write(to: &kernel)
      var image = try BootImage.compose(
        hypervisor: Data(contentsOf: MachineTests.hypervisor.image), kernel: kernel,
        named: "the kernel", holdsGuest: false)
      var imageHeader = try ImageHeader(image, of: "the image")
      imageHeader.imageSize = UInt64(image.count)
      imageHeader.write(to: &image)
      let machine = Machine(
        cpus: 1, memory: "512M", image: try MachineTests.file("large.image", image),
        debugger: try .unused())
      try await machine.boot { console in
        try await console.wait(for: "give the machine more memory.", within: .seconds(20))
        try await Self.expectHalt(console)
      }
    }

    /// Damage done to what the boot loader hands over.
    enum Damage: String, CaseIterable {
      case noTree, noMagic, noStructure, endless, noStrings
    }

    @Test("a damaged device tree", .timeLimit(.minutes(1)), arguments: Damage.allCases)
    func deviceTree(_ damage: Damage) async throws {
      var machine = try await LinuxGuest.machine()
      let stub = try DebugEndpoint.unused()
      machine.others = ["-S", "-gdb", "tcp:\(stub.description)"]
      try await machine.boot { console in
        // QEMU's own debugger stands at its boot loader, which loads x0 and goes to the image.
        let loader = try await RemoteClient(stub)
        try await loader.attach()
        try await loader.request("qXfer:features:read:target.xml:0,ffb")
        let start = try await loader.readRegister(32)
        while try await loader.readRegister(32) < start + 0x1000 {
          _ = try await loader.request("s")
        }
        let tree = try await loader.readRegister(0)
        func overwrite(_ offset: UInt64, _ digits: String) async throws {
          let count = String(digits.count / 2, radix: 16)
          let answer = try await loader.request(
            "M\(String(tree + offset, radix: 16)),\(count):\(digits)")
          #expect(answer == "OK")
        }
        switch damage {
        case .noTree: try await loader.writeRegister(0, 0)
        case .noMagic: try await overwrite(0, "00000000")
        // Offsets as in the Devicetree Specification 5.2: totalsize, off_dt_struct, off_dt_strings.
        case .endless: try await overwrite(4, "ffffffff")
        case .noStructure: try await overwrite(8, "fffffff0")
        case .noStrings: try await overwrite(12, "fffffff0")
        }
        // Detaching lets the machine run.
        try #expect(await loader.request("D") == "OK")
        try await console.wait(for: "Stepwell: ", within: .seconds(20))
        try await console.wait(for: "device tree", within: .seconds(5))
        try await Self.expectHalt(console)
      }
    }

    /// Nothing follows the sentence: no guest, and no reset.
    private static func expectHalt(_ console: RunningProgram) async throws {
      try await Task.sleep(for: .milliseconds(200))
      let text = console.output
      #expect(text.hasSuffix(".\r\n") || text.hasSuffix(".\n"), "\(text)")
      #expect(text.split { $0.isNewline }.count == 1, "\(text)")
      await #expect(throws: Failure.self) { try await console.end(within: .milliseconds(500)) }
    }

    // MARK: The command

    /// The command itself, as the clone has built it.
    private static let stepwell = Project.root.appending(path: ".build/debug/stepwell").path

    private func expectRefusal(
      _ arguments: [String], environment: [String] = [], saying words: String
    ) async throws {
      try await RunningProgram.run("env", environment + [Self.stepwell] + arguments) { command in
        let code = try await command.end(within: .seconds(20))
        #expect(code == 1)
        let output = command.output
        #expect(output.hasPrefix("Error: ") && output.contains(words), "\(output)")
        #expect(output.split { $0.isNewline }.count == 1 && output.hasSuffix(".\n"), "\(output)")
      }
    }

    @Test("a kernel file that is not there", .timeLimit(.minutes(1)))
    func noKernel() async throws {
      try await expectRefusal(
        ["run", "--kernel", "no/such/Image"],
        saying: "There is no file no/such/Image; check the path of the kernel.")
    }

    @Test("a kernel file that is no arm64 Image", .timeLimit(.minutes(1)))
    func noImage() async throws {
      let file = try MachineTests.file("not-an-image", Data("#!/bin/sh\n".utf8))
      for command in [["run", "--kernel", file], ["image", "--kernel", file, "-o", "/dev/null"]] {
        try await expectRefusal(command, saying: "is not an arm64 Image")
      }
    }

    @Test("a port that is in use", .timeLimit(.minutes(1)))
    func portInUse() async throws {
      let machine = try await LinuxGuest.machine(holdsGuest: true)
      try await machine.boot { _ in
        let holder = try await RemoteClient(machine.debugger)
        try await expectRefusal(
          ["run", "--gdb", machine.debugger.description],
          saying: "is already in use; choose another address or port with --gdb.")
        holder.close()
      }
    }

    @Test("a machine without QEMU, and no way to install it", .timeLimit(.minutes(1)))
    func noEmulator() async throws {
      let kernel = try await GuestPackages.prepare().kernel.path
      try await expectRefusal(
        ["run", "--kernel", kernel, "--gdb", try DebugEndpoint.unused().description],
        environment: ["PATH=/nonexistent"],
        saying: "This needs qemu-system-arm (the machine to boot)")
    }
  }
}
