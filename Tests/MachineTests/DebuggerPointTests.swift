internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The debugger's breakpoints and watchpoints in Linux")
  struct DebuggerPointTests {
    /// What a point is set on, the command in the guest that comes by, and what the stop reply says.
    struct Row: CustomTestStringConvertible {
      /// Z0 to Z4.
      var type: Int
      var command: String
      /// The key in the stop reply, without the address of a watchpoint.
      var cause: String
      var testDescription: String { "Z\(type)" }
    }

    /// Every kind of point stops for its own reason, and only for that. The watched word is
    /// kernel.panic, which the kernel's own code loads and stores.
    static let rows = [
      Row(type: 0, command: "sync", cause: "swbreak:;"),
      Row(type: 1, command: "sync", cause: "hwbreak:;"),
      Row(type: 2, command: "echo 5 > /proc/sys/kernel/panic", cause: "watch:"),
      Row(type: 3, command: "cat /proc/sys/kernel/panic", cause: "rwatch:"),
      Row(type: 4, command: "echo 5 > /proc/sys/kernel/panic", cause: "awatch:"),
      Row(type: 4, command: "cat /proc/sys/kernel/panic", cause: "awatch:"),
    ]

    @Test("each kind stops with its own reason, the thread and the core", .timeLimit(.minutes(2)))
    func reasons() async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        let sync = try await guest.address(of: "__arm64_sys_sync")
        let sysctl = try await guest.address(of: "proc_dointvec")
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        let word = try await Self.dataOfSysctl(client, guest, handler: sysctl)

        for row in Self.rows {
          for cpu in 0..<4 {
            let isWatchpoint = row.type >= 2
            let place = String(isWatchpoint ? word : sync, radix: 16)
            let point = "\(row.type),\(place),4"
            try #expect(await client.request("Z\(point)") == "OK")

            try await client.send(packet: "vCont;c")
            guest.start("taskset \(1 << cpu) sh -c '\(row.command)'; echo '(came by)'")
            let stop = try await client.receive()
            let cause = isWatchpoint ? "\(row.cause)\(place);" : row.cause
            #expect(stop.hasPrefix("T05"), "\(row) on \(cpu)")
            #expect(stop.contains(";\(cause)"), "\(row) on \(cpu): \(stop)")
            #expect(stop.contains("thread:\(cpu + 1);"), "\(row) on \(cpu): \(stop)")
            #expect(stop.contains("core:\(cpu);"), "\(row) on \(cpu): \(stop)")

            // Without the point the guest does what it was about to do.
            try #expect(await client.request("z\(point)") == "OK")
            try await client.send(packet: "vCont;c")
            try await guest.console.wait(for: "(came by)")
            try await client.interrupt()
            try #expect(await client.receive().hasPrefix("T02"))
          }
        }
        try #expect(await client.request("D") == "OK")
        #expect(try await guest.run("cat /proc/sys/kernel/panic") == "5")
      }
    }

    /// Where the kernel keeps kernel.panic: its handler is given the table's entry, whose second
    /// member points there.
    private static func dataOfSysctl(
      _ client: RemoteClient, _ guest: LinuxGuest, handler: UInt64
    ) async throws -> UInt64 {
      let point = "1,\(String(handler, radix: 16)),4"
      try await client.request("Z\(point)")
      try await client.send(packet: "vCont;c")
      guest.start("cat /proc/sys/kernel/panic > /dev/null; echo '(read)'")
      _ = try await client.receive()
      let word = try await client.readNumber(at: try await client.readRegister(0) + 8)
      try await client.request("z\(point)")
      try await client.send(packet: "vCont;c")
      try await guest.console.wait(for: "(read)")
      try await client.interrupt()
      _ = try await client.receive()
      return word
    }

    @Test(
      "when no comparator is left, the next is refused, and monitor debug names the holders",
      .timeLimit(.minutes(1)))
    func exhaustion() async throws {
      let machine = try await LinuxGuest.machine()
      try await LinuxGuest.boot(machine) { guest in
        let first = try await guest.address(of: "__arm64_sys_sync")
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()

        var placed = 0
        var answer = ""
        while placed < 20 {
          answer = try await client.request("Z1,\(String(first + 4 * UInt64(placed), radix: 16)),4")
          guard answer == "OK" else { break }
          placed += 1
        }
        // A Cortex-A72 has six breakpoints, and this Linux uses none.
        #expect(placed == 6)
        #expect(answer == "E28")
        try await client.send(packet: "vCont;c")
        guest.start("echo '(runs)'")
        try await guest.console.wait(for: "(runs)")
        try await client.interrupt()
        _ = try await client.receive()

        let report = try await client.monitor("debug")
        for n in 0..<6 {
          #expect(report.contains("breakpoint \(n): the debugger's, request"), "\(report)")
        }
        #expect(report.contains("free breakpoints: 0"), "\(report)")
        #expect(report.contains("free watchpoints: 4"), "\(report)")
      }
    }

    @Test("one vCPU is stepped while the others do not move", .timeLimit(.minutes(1)))
    func stepsOne() async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        // Each vCPU is busy, so that none waits in a WFI.
        guest.start("for n in 1 2 4 8; do taskset $n sh -c 'while :; do :; done' & done")
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        func counters() async throws -> [UInt64] {
          var values: [UInt64] = []
          for thread in 1...4 {
            try #expect(await client.request("Hg\(thread)") == "OK")
            values.append(try await client.readRegister(32))
          }
          return values
        }
        for stepped in 1...4 {
          let before = try await counters()
          var moves = 0
          for _ in 0..<50 {
            try #expect(await client.request("Hg\(stepped)") == "OK")
            let from = try await client.readRegister(32)
            let stop = try await client.request("vCont;s:\(stepped)")
            #expect(stop.hasPrefix("T05") && stop.contains("thread:\(stepped);"), "\(stop)")
            if try await client.readRegister(32) != from { moves += 1 }
          }
          // An instruction may branch to itself, but not fifty times in this loop.
          #expect(moves > 40)
          let after = try await counters()
          for other in 0..<4 where other != stepped - 1 { #expect(after[other] == before[other]) }
        }
      }
    }
  }
}
