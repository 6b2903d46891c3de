internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  /// Linux's own GICv2 driver, which is as it is bare: GICD is emulated, and GICV is where it looks for GICC.
  @Suite("Linux on a GICv2", .timeLimit(.minutes(3)))
  struct LinuxGICv2Tests {
    @Test(
      "every CPU comes up and gets its timer's interrupts and SGIs, and the machine powers off",
      arguments: [
        (Machine.Board.gicV2, 1), (.gicV2, 2), (.gicV2, 8), (.gicV2Secure, 2),
      ])
    func boots(board: Machine.Board, cpus: Int) async throws {
      try await LinuxGuest.boot(try await LinuxGuest.machine(board: board, cpus: cpus)) { guest in
        try #expect(await guest.run("nproc") == "\(cpus)")
        let log = try await guest.run("dmesg | grep -E 'GICv|Oops|WARNING|kvm'")
        #expect(
          !log.contains("GICv3") && !log.contains("Oops") && !log.contains("WARNING"), "\(log)")
        let before = try await Self.interrupts("arch_timer", guest)
        // A CPU without anything to do has no timer.
        for cpu in 0..<cpus {
          let mask = String(1 << cpu, radix: 16)
          try #expect(await guest.run("taskset \(mask) sh -c 'sleep 0.1; nproc'") == "1")
        }
        let after = try await Self.interrupts("arch_timer", guest)
        #expect(before.count == cpus && after.count == cpus)
        for (before, after) in zip(before, after) { #expect(after > before) }
        if cpus > 1 {
          let calls = try await Self.interrupts("Rescheduling", guest)
          #expect(calls.count == cpus && calls.reduce(0, +) > 0, "\(calls)")
        }
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test("a ninth CPU, for which a GICv2 has no interface, is not possible, and eight are used")
    func mostCPUs() async throws {
      // QEMU refuses more than eight CPUs with a GICv2, as the architecture does.
      let machine = try await LinuxGuest.machine(board: .gicV2, cpus: 9)
      try await RunningProgram.run(Machine.emulator, machine.arguments) { console in
        try #expect(await console.end() != 0)
      }
    }

    @Test(
      "devices interrupt the guest: on a virtio-mmio transport, and on PCI by GICv2m's messages")
    func devices() async throws {
      let contents = Data((0..<1 << 16).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })
      let disk = try MachineTests.file("gicv2.disk", contents)
      let machine = try await LinuxGuest.machine(
        board: .gicV2, cpus: 2,
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
        #expect(try await Self.interrupts("GIC-0 .*virtio[0-9]$", guest).reduce(0, +) > 0)
        #expect(try await Self.interrupts("virtio[0-9]-input", guest).reduce(0, +) > 0)
      }
    }

    @Test(
      "GDB attaches, stops, steps and breaks on each vCPU",
      arguments: [Machine.Board.gicV2, .gicV2Secure])
    func debugger(board: Machine.Board) async throws {
      let machine = try await LinuxGuest.machine(board: board, cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        let sync = String(try await guest.address(of: "__arm64_sys_sync"), radix: 16)
        try await GDB.session(machine.debugger) { gdb in
          #expect(try await gdb.command("info threads").contains("Thread 1.2"))
          for thread in 1...2 {
            _ = try await gdb.command("thread \(thread)")
            for _ in 0..<3 { #expect(try await gdb.command("stepi").contains("0x")) }
          }
          _ = try await gdb.command("hbreak *0x\(sync)")
          for (round, thread) in [1, 2, 1].enumerated() {
            guest.start("taskset \(thread) sync; echo '(synced \(round))'")
            let hit = try await gdb.command("continue")
            #expect(hit.contains("Breakpoint 1,"), "\(hit)")
            #expect(try await gdb.command("thread").contains("Thread 1.\(thread)"))
            for _ in 0..<3 { #expect(try await gdb.command("stepi").contains("0x")) }
          }
          _ = try await gdb.command("delete")
          // Ctrl-C, while both idle.
          _ = try await gdb.command("continue &")
          try await guest.console.wait(for: "(synced 2)")
          gdb.write("interrupt\n")
          try await gdb.wait(for: "SIGINT")
          _ = try await gdb.command("detach")
        }
        try #expect(await guest.run("nproc") == "2")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test(
      "the guest finds GICV in GICC's place, and nothing where GICH and GICV are",
      arguments: [
        (0x0801_00fc, 0x0002_043b), (0x0800_0fe8, 0x2b), (0x0803_0004, nil), (0x0804_00fc, nil),
      ] as [(UInt32, UInt64?)])
    func frames(address: UInt32, value: UInt64?) async throws {
      let code: [UInt32] = [
        0x1000_0009,  // adr x9, .
        0xd518_c009,  // msr vbar_el1, x9
        0xd503_3fdf,  // isb
        0x52a0_0000 | (address >> 16) << 5,  // movz w0, #high, lsl #16
        0x7280_0000 | (address & 0xffff) << 5,  // movk w0, #low
        0xb940_0001,  // ldr w1, [x0]
        0xd503_201f,  // nop
        0x1400_0000,  // b .
      ]
      try await BareCode.run(board: .gicV2, code) { client, start in
        if let value {
          try await client.run(to: start + 24)
          #expect(try await client.readRegister(1) & 0xffff_ffff == value)
        } else {
          // The vector of a synchronous exception at EL1: the external abort of a bus where nothing is.
          try await client.run(to: start + 0x200)
        }
      }
    }

    @Test("a CPU that Linux takes down and up again has its interrupts")
    func hotplug() async throws {
      try await LinuxGuest.boot(try await LinuxGuest.machine(board: .gicV2, cpus: 4)) { guest in
        for round in 0..<6 {
          let online = "/sys/devices/system/cpu/cpu\(1 + round % 3)/online"
          _ = try await guest.run("echo 0 > \(online); echo 1 > \(online)")
        }
        try #expect(await guest.run("nproc") == "4")
        let before = try await Self.interrupts("arch_timer", guest)
        _ = try await guest.run("sleep 1")
        let after = try await Self.interrupts("arch_timer", guest)
        for (before, after) in zip(before, after) { #expect(after > before) }
      }
    }

    @Test(
      "programs that debug see the same bare and beneath a busy debugger", .timeLimit(.minutes(10)))
    func transcripts() async throws {
      let guest = LinuxDebugGuest(board: .gicV2, cpus: 2, arguments: ["brief"])
      let bare = try await guest.run(on: .shim)
      let (busy, work) = try await guest.run(on: .stepwell) { endpoint in
        var debugger = RovingDebugger(endpoint, seed: 3)
        return try await debugger.run()
      }
      LinuxDebugTests.expectEqual(busy, bare, "busy")
      #expect(work.sessions > 5 && work.interruptions > 50, "\(work)")
      #expect(work.steps > 50 && work.breakpoints > 50 && work.watchpoints > 20, "\(work)")
    }

    /// What each CPU has had of the interrupts in the line that has these words.
    private static func interrupts(_ words: String, _ guest: LinuxGuest) async throws -> [Int] {
      let line = try await guest.run("grep -m 1 -E '\(words)' /proc/interrupts")
      return line.split { $0 == " " }.dropFirst().prefix { Int($0) != nil }.compactMap { Int($0) }
    }
  }
}
