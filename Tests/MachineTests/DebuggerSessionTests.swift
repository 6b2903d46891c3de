internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("A debugger comes and goes")
  struct DebuggerSessionTests {
    @Test(
      "a held guest stands before its first instruction, with its own memory in reach and no other",
      .timeLimit(.minutes(1)))
    func held() async throws {
      let machine = try await LinuxGuest.machine(cpus: 2, holdsGuest: true)
      try await machine.boot { console in
        let guest = LinuxGuest(console: console)
        try await console.wait(for: "Stepwell: EL2 at ")
        let hypervisor = "0x\(try await console.wait(for: ","))"
        try await GDB.session(machine.debugger) { gdb in
          // Linux's Image begins with "MZ", which is an instruction.
          #expect(try await gdb.command("x/1xh $pc").contains("0x5a4d"))
          // The boot protocol: x0 has the device tree, whose magic number is big-endian.
          #expect(try await gdb.command("x/1xw $x0").contains("0xedfe0dd0"))
          #expect(try await gdb.command("p $SCTLR_EL1 & 1").contains("= 0"))
          #expect(try await gdb.command("p ($cpsr >> 2) & 3").contains("= 1"))
          // With the MMU off addresses are physical.
          let refused = [
            hypervisor, "\(hypervisor) + 0x3ff000", "0x09000000", "0x0a000000", "0x08000000", "0",
          ]
          for address in refused {
            let answer = try await gdb.command("x/1xw \(address)")
            #expect(answer.contains("Cannot access memory"), "\(address): \(answer)")
            let write = try await gdb.command("set {int}(\(address)) = 0")
            #expect(write.contains("Cannot access memory"), "\(address): \(write)")
          }
          // Its second vCPU has not been turned on.
          #expect(try await gdb.command("info threads").contains("(vCPU 1, off)"))

          // The OS Lock is still on, which silences a guest's breakpoints, but not the debugger's.
          let start = try await gdb.command("stepi")
          #expect(start.contains("in ??"), "\(start)")
          let entry = try await gdb.command("stepi\np/x $pc")
          #expect(entry.contains("= 0x"), "\(entry)")
          _ = try await gdb.command("hbreak *($pc + 4)")
          let hit = try await gdb.command("continue")
          #expect(hit.contains("Breakpoint 1,"), "\(hit)")
          _ = try await gdb.command("delete\ndetach")
          try await guest.waitForShell()
        }
        #expect(try await guest.run("nproc") == "2")
      }
    }

    @Test(
      "the guest runs on after detach; after GDB is killed it runs if it ran and stands if it stood",
      .timeLimit(.minutes(2)))
    func comesAndGoes() async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        let sync = try await guest.address(of: "__arm64_sys_sync")
        for _ in 1...3 {
          _ = try await GDB.run(machine.debugger, ["hbreak *\(sync)", "detach"])
          // The breakpoint has gone with the debugger that set it.
          #expect(try await guest.run("sync; echo runs") == "runs")
        }

        // GDB dies while the guest runs, with a breakpoint of its own in force.
        try await GDB.session(machine.debugger) { gdb in
          _ = try await gdb.command("hbreak *\(sync)")
          gdb.write("continue\n")
          try await gdb.wait(for: "Continuing.")
          // GDB says so before it lets the guest go.
          #expect(try await guest.run("echo runs") == "runs")
          gdb.kill()
          _ = try await gdb.end()
        }
        #expect(try await guest.run("sync; echo runs") == "runs")

        // GDB dies while the guest stands still.
        try await GDB.session(machine.debugger) { gdb in
          _ = try await gdb.command("hbreak *\(sync)")
          gdb.kill()
          _ = try await gdb.end()
        }
        guest.start("sync; echo '(went on)'")
        await #expect(throws: Failure.self) {
          try await guest.console.wait(for: "(went on)", within: .seconds(1))
        }
        let next = try await GDB.run(machine.debugger, ["info threads", "monitor debug", "detach"])
        #expect(next.contains("Thread 1.4 "), "\(next)")
        #expect(next.contains("the debugger asks for\n  nothing"), "\(next)")
        try await guest.console.wait(for: "(went on)")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test(
      "Ctrl-C stops all vCPUs, whether they are idle, busy, or on their way up",
      .timeLimit(.minutes(2)))
    func interrupts() async throws {
      let machine = try await LinuxGuest.machine(cpus: 4, holdsGuest: true)
      try await machine.boot { console in
        let guest = LinuxGuest(console: console)
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        func interruptRepeatedly(_ when: String) async throws {
          for pause in stride(from: 0, through: 200, by: 20) {
            try await client.send(packet: "vCont;c")
            try await Task.sleep(for: .milliseconds(pause))
            try await client.interrupt()
            let stop = try await client.receive(within: .seconds(2))
            #expect(stop.hasPrefix("T02"), "\(when), after \(pause) ms: \(stop)")
          }
        }
        try await interruptRepeatedly("booting")
        try await client.send(packet: "vCont;c")
        try await guest.waitForShell()
        try await client.interrupt()
        _ = try await client.receive(within: .seconds(2))
        try await interruptRepeatedly("idle")

        try await client.send(packet: "vCont;c")
        _ = try await guest.run(
          "for n in 1 2 4 8; do taskset $n sh -c 'while :; do :; done' & done")
        try await client.interrupt()
        _ = try await client.receive(within: .seconds(2))
        try await interruptRepeatedly("busy")
      }
    }

    @Test(
      "a thousand stops, and one of seven seconds, are not in the guest's time",
      .timeLimit(.minutes(2)))
    func time() async throws {
      // Both watchdogs of Linux would notice five lost seconds: a soft lockup is twice the threshold.
      let machine = try await LinuxGuest.machine(
        cpus: 4, options: "watchdog_thresh=2 rcupdate.rcu_cpu_stall_timeout=5")
      try await LinuxGuest.boot(machine) { guest in
        func uptime() async throws -> Double {
          let answer = try await guest.run("cat /proc/uptime")
          return try #require(Double(answer.split(separator: " ").first ?? ""), "\(answer)")
        }
        _ = try await guest.run("for n in 2 4 8; do taskset $n sh -c 'while :; do :; done' & done")
        let client = try await RemoteClient(machine.debugger)

        let clock = ContinuousClock()
        let hostStart = clock.now
        let guestStart = try await uptime()
        try await client.attach()
        try await Task.sleep(for: .seconds(7))
        var stops = 0
        for _ in 0..<1000 {
          try await client.send(packet: "vCont;c")
          try await client.interrupt()
          if try await client.receive().hasPrefix("T02") { stops += 1 }
        }
        #expect(stops == 1000)
        try #expect(await client.request("D") == "OK")
        let guestTime = try await uptime() - guestStart
        let hostTime = (clock.now - hostStart) / .seconds(1)
        // It stood still for seven seconds at least; it ran while the shell was asked the time.
        #expect(guestTime > 0)
        #expect(guestTime < hostTime - 7)

        let log = try await guest.run(
          "dmesg | grep -E 'soft lockup|detected stall|detected.*stalls|unstable|backwards'")
        #expect(log == "")
      }
    }
  }
}
