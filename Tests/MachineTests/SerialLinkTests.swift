internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The debug link on a board's own UART", .timeLimit(.minutes(3)))
  struct SerialLinkTests {
    private static func machine() async throws -> Machine {
      try await LinuxGuest.machine(board: .versal, cpus: 2)
    }

    @Test("GDB stops, steps, watches and resumes both vCPUs of a Versal over its second PL011")
    func debugger() async throws {
      let machine = try await Self.machine()
      try await LinuxGuest.boot(machine) { guest in
        let said = guest.console.output
        #expect(said.contains("2 vCPUs"), "\(said)")
        #expect(said.contains("the debug link is the PL011 at ff010000"), "\(said)")
        let sync = String(try await guest.address(of: "__arm64_sys_sync"), radix: 16)
        try await GDB.session(machine.debugger) { gdb in
          try #expect(await gdb.command("info threads").contains("Thread 1.2"))
          for _ in 0..<5 {
            try #expect(await gdb.command("stepi").contains("0x"))
          }
          _ = try await gdb.command("hbreak *0x\(sync)")
          // On the vCPU that the debug link's interrupt does not go to.
          guest.start("taskset 2 sync; echo '(synced)'")
          let hit = try await gdb.command("continue")
          #expect(hit.contains("Breakpoint 1,"), "\(hit)")
          try #expect(await gdb.command("thread").contains("Thread 1.2"))
          // What a function pushes first, it pushes on its stack.
          _ = try await gdb.command("watch *(long *)($sp - 16)")
          let watched = try await gdb.command("continue")
          #expect(watched.contains("Old value"), "\(watched)")
          _ = try await gdb.command("delete")
          // Ctrl-C, while both idle.
          _ = try await gdb.command("continue &")
          try await guest.console.wait(for: "(synced)")
          gdb.write("interrupt\n")
          try await gdb.wait(for: "SIGINT")
          try #expect(await gdb.command("monitor debug").contains("vCPU"))
          _ = try await gdb.command("detach")
        }
        try #expect(await guest.run("nproc") == "2")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test("GDB breaks and steps on each of a ZynqMP's four CPUs over its second Cadence UART")
    func zynqMP() async throws {
      let machine = try await LinuxGuest.machine(board: .zcu102, cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        let said = guest.console.output
        #expect(said.contains("4 vCPUs"), "\(said)")
        #expect(said.contains("the debug link is the Cadence UART at ff010000"), "\(said)")
        let sync = String(try await guest.address(of: "__arm64_sys_sync"), radix: 16)
        try await GDB.session(machine.debugger) { gdb in
          _ = try await gdb.command("hbreak *0x\(sync)")
          for cpu in 0..<4 {
            guest.start("taskset \(1 << cpu) sync; echo '(synced)'")
            let hit = try await gdb.command("continue")
            #expect(hit.contains("Breakpoint 1,"), "\(hit)")
            try #expect(await gdb.command("thread").contains("Thread 1.\(cpu + 1)"))
            try #expect(await gdb.command("stepi").contains("0x"))
          }
          _ = try await gdb.command("watch *(long *)($sp - 16)")
          let watched = try await gdb.command("continue")
          #expect(watched.contains("Old value"), "\(watched)")
          _ = try await gdb.command("delete")
          _ = try await gdb.command("detach")
        }
        try #expect(await guest.run("nproc").hasSuffix("4"))
        // The GIC-400 is the guest's own driver's.
        try #expect(await guest.run("grep -c GIC-0 /proc/interrupts") != "0")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test("The guest has the other UART, and leaves the link's clock and power on")
    func guest() async throws {
      try await LinuxGuest.boot(try await Self.machine()) { guest in
        try #expect(
          await guest.run("ls -d /proc/device-tree/uart*") == "/proc/device-tree/uart@ff000000")
        try #expect(
          await guest.run("cat /proc/cmdline").hasSuffix(" clk_ignore_unused pd_ignore_unused"))
      }
    }

    @Test("A debugger that goes without a word is followed by the next, whose first packet says so")
    func nextDebugger() async throws {
      let machine = try await Self.machine()
      try await LinuxGuest.boot(machine) { guest in
        for round in 0..<5 {
          let client = try await RemoteClient(machine.debugger)
          try await client.send("+".utf8)
          let features = try await client.request("qSupported:swbreak+;hwbreak+")
          #expect(features.hasPrefix("PacketSize=200;") && !features.contains("NoAck"))
          try #expect(await client.request("?").hasPrefix("T"), "round \(round)")
          try #expect(await client.request("Z1,ffff800008000000,4") == "OK")
          // In the middle of a packet.
          try await client.send("$m0,".utf8)
          client.close()
        }
        let last = try await RemoteClient(machine.debugger)
        try await last.send("+".utf8)
        _ = try await last.request("qSupported")
        try #expect(await last.request("D") == "OK")
        try #expect(await guest.run("echo alive") == "alive")
      }
    }

    @Test(
      "A flood of noise on the line does not keep the guest from running, nor the next debugger out"
    )
    func flood() async throws {
      let machine = try await Self.machine()
      try await LinuxGuest.boot(machine) { guest in
        let noise = try await RemoteClient(machine.debugger)
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) | 0x80 }
        for _ in 0..<20 {
          // It is taken at the pace at which EL2 reads it.
          try await noise.send(bytes, within: .seconds(60))
          try #expect(await guest.run("echo alive") == "alive")
        }
        noise.close()
        let client = try await RemoteClient(machine.debugger)
        try await client.send("+".utf8)
        try #expect(await client.request("qSupported").hasPrefix("PacketSize="))
        try #expect(await client.request("D") == "OK")
        try #expect(await guest.run("echo alive") == "alive")
      }
    }
  }
}
