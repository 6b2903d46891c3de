internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Boards with EL3, a GICv4, or many CPUs", .timeLimit(.minutes(2)))
  struct LinuxBoardTests {
    @Test(
      "with two Security states Linux brings both CPUs up, and each gets its timer's interrupts")
    func twoSecurityStates() async throws {
      try await LinuxGuest.boot(try await LinuxGuest.machine(board: .secure, cpus: 2)) { guest in
        try #expect(await guest.run("nproc") == "2")
        let before = try await Self.timerInterrupts(guest)
        _ = try await guest.run("sleep 1")
        let after = try await Self.timerInterrupts(guest)
        #expect(before.count == 2 && after.count == 2)
        for (before, after) in zip(before, after) { #expect(after > before) }
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test(
      "a GICv4 is a GICv3 to Linux, which goes from one redistributor to the next as the tree says")
    func gicV4() async throws {
      try await LinuxGuest.boot(try await LinuxGuest.machine(board: .gicV4, cpus: 4)) { guest in
        try #expect(await guest.run("nproc") == "4")
        let stride = "/proc/device-tree/intc*/redistributor-stride"
        #expect(
          try await guest.run("hexdump -v -e '1/1 \"%02x\"' \(stride)") == "0000000000040000")
        let log = try await guest.run("dmesg | grep -iE 'GICv|ITS|VLPI|vpe'")
        #expect(log.contains("GICv3: CPU3: found redistributor 3"), "\(log)")
        #expect(!log.contains("VLPI support") && !log.contains("Using DirectLPI"), "\(log)")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test("each of sixteen CPUs has a vCPU, and GDB a thread for it")
    func sixteenCPUs() async throws {
      let machine = try await LinuxGuest.machine(cpus: 16)
      try await LinuxGuest.boot(machine) { guest in
        #expect(guest.console.output.contains("16 vCPUs"))
        try #expect(await guest.run("nproc") == "16")
        let log = try await guest.run(
          "dmesg | grep -E 'leaf core|CPU node for|Oops|external abort'")
        #expect(log == "")
        let sync = String(try await guest.address(of: "__arm64_sys_sync"), radix: 16)
        try await GDB.session(machine.debugger) { gdb in
          #expect(try await gdb.command("info threads").contains("Thread 1.16"))
          _ = try await gdb.command("hbreak *0x\(sync)")
          guest.start("taskset 8000 sync; echo '(synced)'")
          let hit = try await gdb.command("continue")
          #expect(hit.contains("Thread 16"), "\(hit)")
          // Neither as wide nor as long as there are vCPUs.
          let exits = try await gdb.command("monitor exits")
          #expect(exits.contains("all vCPUs") && !exits.contains("vCPU 0 "), "\(exits)")
          try #expect(await gdb.command("monitor exits 15").contains("  vCPU 15\n"))
          let debug = try await gdb.command("monitor debug")
          #expect(debug.contains("other vCPUs, whose guest uses no debug hardware"), "\(debug)")
          try #expect(await gdb.command("monitor debug 15").contains("vCPU 15: shared"))
          try #expect(await gdb.command("monitor debug 16").contains("the last is vCPU 15"))
          _ = try await gdb.command("delete")
          _ = try await gdb.command("detach")
        }
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test("with two Security states GDB stops, steps and resumes two vCPUs")
    func debugger() async throws {
      let machine = try await LinuxGuest.machine(board: .secure, cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        let sync = String(try await guest.address(of: "__arm64_sys_sync"), radix: 16)
        try await GDB.session(machine.debugger) { gdb in
          #expect(try await gdb.command("info threads").contains("Thread 1.2"))
          for _ in 0..<3 {
            #expect(try await gdb.command("stepi").contains("0x"))
          }
          _ = try await gdb.command("hbreak *0x\(sync)")
          // On the vCPU that the debug link's interrupt does not go to.
          guest.start("taskset 2 sync; echo '(synced)'")
          let hit = try await gdb.command("continue")
          #expect(hit.contains("Breakpoint 1,"), "\(hit)")
          #expect(try await gdb.command("thread").contains("Thread 1.2"))
          _ = try await gdb.command("delete")
          // Ctrl-C, while both idle.
          _ = try await gdb.command("continue &")
          try await guest.console.wait(for: "(synced)")
          gdb.write("interrupt\n")
          try await gdb.wait(for: "SIGINT")
          #expect(try await gdb.command("monitor debug").contains("vCPU"))
          _ = try await gdb.command("detach")
        }
        try #expect(await guest.run("nproc") == "2")
      }
    }

    /// What each CPU has had of the timer that Linux uses.
    private static func timerInterrupts(_ guest: LinuxGuest) async throws -> [Int] {
      let line = try await guest.run("grep arch_timer /proc/interrupts")
      return line.split { $0 == " " }.dropFirst().prefix { Int($0) != nil }.compactMap { Int($0) }
    }
  }
}
