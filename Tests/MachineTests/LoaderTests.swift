internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Other ways to EL2 than QEMU's -kernel", .timeLimit(.minutes(4)))
  struct LoaderTests {
    // MARK: A spin table

    private static let pen = Task { try await BareProgram.build("pen") }

    private static let (treePlace, initrdPlace): (UInt64, UInt64) = (0x47e0_0000, 0x5000_0000)

    /// A machine whose loader is `Guests/pen`: its CPUs wait at one word, and its tree has no PSCI and no slack. EL2 goes
    /// to the middle of RAM, and the debug link is all that goes from the tree: the guest's is larger.
    private func spinTableMachine() async throws -> (Machine, tree: Data) {
      let (tree, initrd) = (Self.treePlace, Self.initrdPlace)
      var machine = try await LinuxGuest.machine(cpus: 4, memory: "1G", holdsGuest: true)
      let initrdFile = machine.initrd ?? ""
      let initrdSize = try Data(contentsOf: URL(filePath: initrdFile)).count
      var flat = try await FlatTree.virt("spin-table", memory: "1G", cpus: 4)
      flat.root.children.removeAll { node in
        node.name == "psci"
          || node.name.hasPrefix("virtio_mmio") && node.name != "virtio_mmio@a000000"
      }
      flat.root.forEach("virtio_mmio") { link in
        link.name = "v@a000000"
        link.properties.removeAll { $0.name == "dma-coherent" }
      }
      flat.root.forEach("cpus") { cpus in
        cpus.set("enable-method", text: "spin-table")
        cpus.forEach("cpu@") { cpu in
          cpu.properties.removeAll { $0.name == "enable-method" }
          if cpu.name != "cpu@0" { cpu.set("cpu-release-addr", FlatTree.cells([0, 0x4020_1000])) }
        }
      }
      flat.root.forEach("chosen") { chosen in
        chosen.set("bootargs", text: machine.commandLine ?? "")
        chosen.set("linux,initrd-start", FlatTree.cells([Int(initrd)]))
        chosen.set("linux,initrd-end", FlatTree.cells([Int(initrd) + initrdSize]))
      }
      flat.reservations = [(0x4020_0000, 0x2000), (0x7fff_0000, 0x1000)]
      let file = try MachineTests.file("spin-table.dtb", flat.data)
      machine.others = [(machine.image, 0x4200_0000), (file, tree), (initrdFile, initrd)].flatMap {
        ["-device", "loader,file=\($0.0),addr=\($0.1),force-raw=on"]
      }
      machine.image = try await Self.pen.value.image.path
      machine.initrd = nil
      machine.commandLine = nil
      return (machine, flat.data)
    }

    /// Lets the guest begin, once its tree is where it must be: in a block of 2 MiB of its own, within 512 MiB of the
    /// kernel. The loader's is unchanged.
    private func expectMovedTree(_ machine: Machine, _ tree: Data) async throws {
      let client = try await RemoteClient(machine.debugger)
      try await client.attach()
      let place = try await client.readRegister(0)
      #expect(place == 0x61e0_0000)
      #expect(try await client.request("m\(String(place, radix: 16)),4") == "d00dfeed")
      let old = try await client.request("m\(String(Self.treePlace, radix: 16)),40")
      #expect(
        old == tree.prefix(0x40).map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined())
      try #expect(await client.request("D") == "OK")
    }

    @Test(
      "CPUs that wait at a spin table are the guest's by EL2's own PSCI, and GDB stops each; a packed tree moves"
    )
    func spinTable() async throws {
      let (machine, tree) = try await spinTableMachine()
      try await machine.boot { console in
        try await expectMovedTree(machine, tree)
        let guest = LinuxGuest(console: console)
        try await guest.waitForShell()
        try #expect(await guest.run("nproc") == "4")
        let node = "/proc/device-tree"
        #expect(
          try await guest.run(
            "cat \(node)/psci/method \(node)/cpus/cpu@3/enable-method | tr '\\0' ' '")
            == "hvc psci ")
        #expect(
          try await guest.run("ls \(node)/cpus/cpu@3").contains("cpu-release-addr") == false)
        let cpu = "/sys/devices/system/cpu/cpu3/online"
        try #expect(await guest.run("echo 0 > \(cpu); nproc; echo 1 > \(cpu); nproc") == "3\n4")
        let sync = String(try await guest.address(of: "__arm64_sys_sync"), radix: 16)
        try await GDB.session(machine.debugger) { gdb in
          _ = try await gdb.command("hbreak *0x\(sync)")
          guest.start("taskset 8 sync; echo '(synced)'")
          let hit = try await gdb.command("continue")
          #expect(hit.contains("Thread 1.4"), "\(hit)")
          _ = try await gdb.command("delete")
          _ = try await gdb.command("detach")
        }
        try await console.wait(for: "(synced)")
        // Nobody can switch this machine off, and nobody else would say so.
        guest.powerOff()
        try await console.wait(
          for: "Stepwell: there is no firmware that could switch this machine off")
      }
    }

    // MARK: U-Boot

    private func arguments(of machine: Machine, without options: [String]) -> [String] {
      var arguments = machine.arguments + ["-no-reboot"]
      for option in options {
        if let index = arguments.firstIndex(of: option) {
          arguments.removeSubrange(index...index + 1)
        }
      }
      return arguments
    }

    @Test("U-Boot's booti, with a packed tree at the end of RAM")
    func booti() async throws {
      let loaders = try await LoaderPackages.prepare()
      let machine = try await LinuxGuest.machine(cpus: 2, memory: "1G")
      let folder = Project.products.appending(path: "machine-tests/booti")
      try? FileManager.default.removeItem(at: folder)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (name, file) in [("image", machine.image), ("initrd", machine.initrd ?? "")] {
        try FileManager.default.copyItem(
          at: URL(filePath: file), to: folder.appending(path: name))
      }
      let options =
        arguments(of: machine, without: ["-kernel", "-initrd", "-append"]) + [
          "-bios", loaders.uBoot.path,
          "-drive", "file=fat:\(folder.path),format=raw,if=none,id=disk,readonly=on",
          "-device", "virtio-blk-device,drive=disk",
        ]
      try await RunningProgram.run(Machine.emulator, options) { console in
        try await console.wait(for: "Hit any key to stop autoboot")
        console.write(" ")
        try await console.wait(for: "=> ")
        for command in [
          "setenv bootargs \(machine.commandLine ?? "")",
          "load virtio 0:1 ${kernel_addr_r} image", "load virtio 0:1 0x48000000 initrd",
        ] {
          console.write("\(command)\n")
          try await console.wait(for: "\n=> ")
        }
        console.write("booti ${kernel_addr_r} 0x48000000:${filesize} ${fdtcontroladdr}\n")
        try await console.wait(for: "Stepwell: EL2 at ")
        let guest = LinuxGuest(console: console)
        try await guest.waitForShell()
        try #expect(await guest.run("nproc") == "2")
        try await GDB.session(machine.debugger) { gdb in
          #expect(try await gdb.command("info threads").contains("Thread 1.2"))
          #expect(try await gdb.command("stepi").contains("0x"))
          _ = try await gdb.command("detach")
        }
        guest.powerOff()
        try #expect(await console.end() == 0)
      }
    }

    @Test(
      "EL2 goes below a reservation at the end of RAM, which stays as it is, and the guest's memory has a hole there"
    )
    func reservation() async throws {
      var tree = try await FlatTree.virt("reservation", memory: "512M", cpus: 2)
      tree.reservations.append((0x5ff0_0000, 0x1000))
      var machine = try await LinuxGuest.machine(cpus: 2)
      machine.others = ["-dtb", try MachineTests.file("reservation.dtb", tree.data)]
      try await LinuxGuest.boot(machine) { guest in
        try #expect(await guest.run("nproc") == "2")
        let memory = try await guest.run("grep 'System RAM' /proc/iomem")
        #expect(memory.split(separator: "\n").count == 2, "\(memory)")
        // The first entry of the tree's memory reservation block.
        let entry = "hexdump -v -s 40 -n 16 -e '16/1 \"%02x\"' /sys/firmware/fdt"
        #expect(try await guest.run(entry) == "000000005ff000000000000000001000")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    // MARK: kexec

    @Test("kexec from a Linux at EL2 (without VHE)")
    func kexec() async throws {
      let loaders = try await LoaderPackages.prepare()
      var machine = try await LinuxGuest.machine(
        cpus: 2, memory: "1G", others: ["-M", "its=off"])
      let packages = try await GuestPackages.prepare()
      var archive = CPIOArchive()
      for folder in [
        "dev", "bin", "sbin", "proc", "sys", "lib", "lib/aarch64-linux-gnu",
      ] { archive.addDirectory(folder) }
      archive.addCharacterDevice("dev/console", major: 5, minor: 1)
      archive.addFile(
        "bin/busybox", permissions: 0o755, contents: try Data(contentsOf: packages.busybox))
      for (path, file) in loaders.kexec {
        archive.addFile(
          path, permissions: 0o755,
          contents: try Data(contentsOf: file.resolvingSymlinksInPath()))
      }
      archive.addFile("next.image", contents: try Data(contentsOf: URL(filePath: machine.image)))
      archive.addFile(
        "next.initrd", contents: try Data(contentsOf: URL(filePath: machine.initrd ?? "")))
      archive.addFile("init", permissions: 0o755, contents: Data(LinuxGuest.script.utf8))
      machine.initrd = try MachineTests.file("kexec.initrd", archive.finished())
      let commandLine = machine.commandLine ?? ""
      // kexec wants the seed of the tree to be used up.
      machine.commandLine = commandLine.replacing("nokaslr", with: "")
      try await LinuxGuest.bootBare(machine, virtualization: true) { guest in
        let load =
          "kexec -c -l /next.image --initrd=/next.initrd --command-line='\(commandLine)'"
        let answer = try await guest.run(load, within: .seconds(60))
        #expect(answer == "")
        guest.start("kexec -c -e")
        try await guest.console.wait(for: "Stepwell: EL2 at ", within: .seconds(60))
        try await guest.waitForShell()
        try #expect(await guest.run("nproc") == "2")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    // MARK: Guests that are no Linux

    @Test("U-Boot as the guest: from its first instruction, across its relocation, to its prompt")
    func uBootAsGuest() async throws {
      let program = try Data(contentsOf: try await LoaderPackages.prepare().uBoot)
      let start: UInt64 = 0x4020_0000
      let image = try MachineTests.file(
        "u-boot.image",
        try BootImage.compose(
          hypervisor: Data(contentsOf: MachineTests.hypervisor.image),
          program: PlacedProgram(raw: program, at: start, named: "U-Boot"), named: "U-Boot",
          holdsGuest: true))
      // relocate_code of arch/arm/lib/relocate_64.S: STP X29, X30, [SP, #-32]!; MOV X29, SP; STR X0, [SP, #16].
      let words: [UInt32] = [0xa9be_7bfd, 0x9100_03fd, 0xf900_0be0]
      let bytes = words.flatMap { word in (0..<4).map { UInt8(word >> (8 * $0) & 0xff) } }
      let relocation = start + UInt64(try #require(program.firstRange(of: Data(bytes))).lowerBound)
      let machine = Machine(
        cpus: 1, memory: "512M", image: image, debugger: try .unused())
      try await machine.boot { console in
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        #expect(try await client.readRegister(32) == start)
        // The tree is in x0, at the beginning of RAM, where U-Boot looks for it.
        #expect(try await client.readRegister(0) == 0x4000_0000)
        #expect(try await client.request("m40000000,4") == "d00dfeed")
        // Its first instruction is a branch.
        for _ in 0..<3 {
          let before = try await client.readRegister(32)
          #expect(try await client.request("vCont;s:1").hasPrefix("T05"))
          #expect(try await client.readRegister(32) != before)
        }
        try await client.run(to: relocation)
        let home = try await client.readRegister(0)
        let next = try await client.readRegister(30)
        #expect(home > start + UInt64(program.count) && next > home)
        try await client.run(to: next)
        try #expect(await client.request("D") == "OK")
        try await console.wait(for: "Hit any key to stop autoboot")
        console.write(" ")
        try await console.wait(for: "=> ")
        console.write("version\n")
        try await console.wait(for: "U-Boot 20")
        try await console.wait(for: "=> ")
      }
    }

    @Test(
      "A guest whose place is not free memory is refused in one sentence",
      arguments: [
        (0x9_0000_0000, "is not in the machine's memory"),
        // QEMU puts the initial file system there.
        (0x4800_0000, "is in use by a reservation or by the initial file system"),
      ] as [(UInt64, String)])
    func impossiblePlace(address: UInt64, sentence: String) async throws {
      var machine = try await LinuxGuest.machine()
      // B .
      let program = try PlacedProgram(
        raw: Data([0, 0, 0, 0x14]), at: address, named: "the program")
      machine.image = try MachineTests.file(
        "placed.image",
        try BootImage.compose(
          hypervisor: Data(contentsOf: MachineTests.hypervisor.image), program: program,
          named: "the program", holdsGuest: false))
      try await machine.boot { console in
        try await console.wait(for: "Stepwell: the guest's place", within: .seconds(20))
        try await console.wait(for: sentence, within: .seconds(5))
      }
    }
  }
}
