internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("What Linux finds beneath Stepwell")
  struct LinuxMachineTests {
    /// Each shows a part of what Linux made of the processor's ID registers.
    static let views = [
      // AT_HWCAP and AT_HWCAP2 are 16 and 26, in pairs of tag and value.
      "hexdump -v -e '2/8 \"%d %x\" \"\\n\"' /proc/self/auxv | grep -E '^(16|26) '",
      "grep -v BogoMIPS /proc/cpuinfo",
      "cat /sys/devices/system/cpu/cpu0/regs/identification/*",
      "dmesg | grep -E 'CPU features|Detected .* [ID]-cache|SVE|SME|PMU' | sed 's/^.*] //'",
      "dmesg | grep -E 'started at EL' | sed 's/^.*] //'",
      "cat /sys/devices/system/cpu/vulnerabilities/*",
    ]

    @Test(
      "every feature of the processor is the guest's, as it is without Stepwell",
      .timeLimit(.minutes(2)), arguments: ["cortex-a72", "max"])
    func features(cpu: String) async throws {
      let machine = try await LinuxGuest.machine(cpu: cpu, cpus: 2)
      func seen(by guest: LinuxGuest) async throws -> [String] {
        var answers: [String] = []
        for view in Self.views { answers.append(try await guest.run(view)) }
        return answers
      }
      let bare = try await LinuxGuest.bootBare(machine, virtualization: false, seen)
      let beneath = try await LinuxGuest.boot(machine, seen)
      for (view, (bare, beneath)) in zip(Self.views, zip(bare, beneath)) {
        #expect(!bare.isEmpty, "\(view)")
        #expect(beneath == bare, "\(view)")
      }
    }

    @Test(
      "the device tree is QEMU's own, less EL2's memory and the transports of the debug link's page",
      .timeLimit(.minutes(1)))
    func deviceTree() async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      /// Every property, with a digest of its value.
      func properties(of guest: LinuxGuest) async throws -> Set<String> {
        let list = try await guest.run(
          "cd /sys/firmware/devicetree/base; find . -type f | xargs md5sum")
        return Set(list.split(separator: "\n").map(String.init))
      }
      func text(_ guest: LinuxGuest, _ property: String) async throws -> String {
        try await guest.run("hexdump -v -e '1/1 \"%02x\"' /proc/device-tree/\(property)")
      }

      // At EL2, so that QEMU makes the same tree.
      let (bare, bareMemory) = try await LinuxGuest.bootBare(machine, virtualization: true) {
        (try await properties(of: $0), try await text($0, "memory@40000000/reg"))
      }
      try await LinuxGuest.boot(machine) { guest in
        let beneath = try await properties(of: guest)
        // QEMU places the initial file system behind the kernel, and draws the seeds anew each time.
        let drawn = ["rng-seed", "kaslr-seed", "linux,initrd-start", "linux,initrd-end"]
        func names(_ properties: Set<String>) -> Set<Substring> {
          Set(
            properties.map { $0.drop { $0 != "." } }
              .filter { name in !drawn.contains { name.hasSuffix("/chosen/\($0)") } })
        }
        let removed = names(bare.subtracting(beneath)).subtracting(names(beneath))
        let transports = (0..<8).flatMap { n in
          let address = String(0xa00_0000 + n * 0x200, radix: 16)
          return ["dma-coherent", "interrupts", "reg", "compatible", "name"]
            .map { "./virtio_mmio@\(address)/\($0)"[...] }
        }
        let memory = Set(names(beneath).filter { $0.hasPrefix("./memory") })
        #expect(removed == Set(transports))
        #expect(
          names(beneath.subtracting(bare)).subtracting(memory) == [],
          "\(beneath.subtracting(bare))")
        #expect(
          names(bare).intersection(names(beneath)) == names(bare).subtracting(removed))

        // What is missing of the memory is less than Stepwell's own, and at its beginning or end.
        let reg = try await text(guest, "memory@40000000/reg")
        #expect(bareMemory == "00000000400000000000000020000000")
        #expect(reg != bareMemory)
        let pairs = stride(from: 0, to: reg.count, by: 32).map { offset in
          let words = reg.dropFirst(offset).prefix(32)
          return (
            UInt64(words.prefix(16), radix: 16) ?? 0, UInt64(words.suffix(16), radix: 16) ?? 0
          )
        }
        let missing = 0x2000_0000 - pairs.reduce(0) { $0 + $1.1 }
        #expect(missing > 0 && missing <= 8 << 20, "\(reg)")
        #expect(pairs.allSatisfy { $0.0 >= 0x4000_0000 && $0.0 + $0.1 <= 0x6000_0000 }, "\(reg)")

        #expect(try await guest.run("cat /proc/cmdline") == machine.commandLine)
      }
    }

    @Test(
      "virtio devices interrupt the guest: on a transport that QEMU chose, and on PCI through the ITS",
      .timeLimit(.minutes(1)))
    func devices() async throws {
      let contents = Data((0..<1 << 16).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })
      let disk = try MachineTests.file("disk", contents)
      let machine = try await LinuxGuest.machine(
        cpus: 2,
        others: [
          "-drive", "file=\(disk),format=raw,if=none,id=disk,readonly=on",
          "-device", "virtio-blk-device,drive=disk", "-device", "virtio-rng-pci",
        ])
      try await LinuxGuest.boot(machine) { guest in
        try await guest.loadVirtio()
        let bytes = try await guest.run("hexdump -v -e '1/1 \"%02x\"' /dev/vda | tail -c 64")
        #expect(
          bytes
            == contents.suffix(32).map { String(Int($0) + 0x100, radix: 16).dropFirst() }.joined())
        #expect(try await guest.run("dd if=/dev/hwrng bs=64 count=4 2>/dev/null | wc -c") == "256")

        /// Interrupts taken, over all vCPUs, of the line that has these words.
        func count(_ words: String) async throws -> Int {
          let line = try await guest.run("grep -E '\(words)' /proc/interrupts")
          let fields = line.split { $0 == " " }.dropFirst()
          return fields.prefix(2).reduce(0) { $0 + (Int($1) ?? 0) }
        }
        #expect(try await count("GICv3 .*virtio[0-9]$") > 0)
        #expect(try await count("ITS-MSI .*virtio[0-9]-input") > 0)
      }
    }

    @Test(
      "a vCPU that Linux takes down and up again meets the debugger's breakpoint each time",
      .timeLimit(.minutes(2)))
    func hotplug() async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        let sync = String(try await guest.address(of: "__arm64_sys_sync"), radix: 16)
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        for round in 0..<8 {
          let cpu = 1 + round % 3
          try #expect(await client.request("Z1,\(sync),4") == "OK")
          try await client.send(packet: "vCont;c")
          let online = "/sys/devices/system/cpu/cpu\(cpu)/online"
          guest.start(
            "echo 0 > \(online); echo 1 > \(online); taskset \(1 << cpu) sync; echo '(synced)'")
          let stop = try await client.receive(within: .seconds(30))
          #expect(
            stop.hasPrefix("T05") && stop.contains("hwbreak:;")
              && stop.contains("thread:\(cpu + 1);"), "round \(round): \(stop)")
          try #expect(await client.request("z1,\(sync),4") == "OK")
          try await client.send(packet: "vCont;c")
          try await guest.console.wait(for: "(synced)")
          try await client.interrupt()
          _ = try await client.receive()
        }
        try #expect(await client.request("D") == "OK")
        #expect(try await guest.run("nproc") == "4")
      }
    }
  }
}
