internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Each GDB, as its users use it", .timeLimit(.minutes(3)))
  struct DebuggerClientTests {
    @Test(
      "lists every vCPU as the thread in its place, powered on or not, and gets along with each",
      arguments: GDB.versions)
    func threads(_ version: GDB) async throws {
      let machine = try await LinuxGuest.machine(cpus: 4, options: "maxcpus=3")
      try await LinuxGuest.boot(machine) { guest in
        try await GDB.session(machine.debugger, with: version) { gdb in
          let threads = try await gdb.command("info threads")
          for n in 1...4 {
            let line = try #require(
              threads.split(separator: "\n").first { $0.contains("cpu\(n - 1)") })
            #expect(line.drop { "* ".contains($0) }.hasPrefix("\(n) "), "\(threads)")
            #expect(line.contains("off") == (n == 4), "\(threads)")
          }
          let frames = try await gdb.command("thread apply all bt 1")
          for n in 1...4 { #expect(frames.contains("cpu\(n - 1)"), "\(frames)") }
          let vectors = try await gdb.command("thread apply all p/x $VBAR_EL1")
          #expect(vectors.ranges(of: "= 0xffff").count == 3, "\(vectors)")
          #expect(vectors.contains("<unavailable>"), "\(vectors)")

          // What is off can be looked at, sees the memory that the others see, and takes no value.
          _ = try await gdb.command("thread 1\nset $place = $pc\nthread 4")
          #expect(try await gdb.command("info registers pc").contains("pc             0x0 "))
          #expect(try await gdb.command("x/1xw $place").contains("\t0x"))
          #expect(try await gdb.command("set $x0 = 1").contains("Could not write register"))
          // Nothing would ever run.
          let alone = try await gdb.command("set scheduler-locking on\nstepi")
          #expect(alone.contains("powered off"), "\(alone)")
          // It is no hindrance to the others.
          _ = try await gdb.command("set scheduler-locking off")
          gdb.write("continue\n")
          try await gdb.wait(for: "Continuing.")
          #expect(try await guest.run("echo runs") == "runs")
          try gdb.interrupt()
          let stop = try await gdb.wait(for: "received signal SIGINT")
          #expect(stop.contains("Thread 1 \"cpu0\""), "\(stop)")

          // When it comes up it is the thread that it was.
          let entry = try await gdb.command("thread 4\nset scheduler-locking off")
          #expect(entry.contains("Switching to thread 4"), "\(entry)")
          gdb.write("continue\n")
          try await gdb.wait(for: "Continuing.")
          _ = try await guest.run("echo 1 > /sys/devices/system/cpu/cpu3/online")
          try gdb.interrupt()
          try await gdb.wait(for: "received signal SIGINT")
          let four = try await gdb.command("thread 4\np/x $MPIDR_EL1 & 0xff")
          #expect(four.contains("= 0x3"), "\(four)")
        }
      }
    }

    @Test("records instructions and steps back", arguments: GDB.versions)
    func records(_ version: GDB) async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { _ in
        try await GDB.session(machine.debugger, with: version) { gdb in
          _ = try await gdb.command("stepi\nset $before = $pc\nrecord\nstepi\nstepi")
          let back = try await gdb.command("reverse-stepi\nreverse-stepi\np $pc == $before")
          #expect(back.contains("= 1"), "\(back)")
          #expect(try await gdb.command("info record").contains("Log contains 2 instructions"))
        }
      }
    }

    @Test(
      "stops at each Ctrl-C while it finds a busy breakpoint's condition false",
      arguments: GDB.versions)
    func conditionalBreakpoint(_ version: GDB) async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        let place = try await guest.address(of: "do_el0_svc")
        guest.start("while :; do /bin/true; done &")
        try await GDB.session(machine.debugger, with: version) { gdb in
          _ = try await gdb.command("hbreak *\(place) if $x0 == 0x1234")
          for press in 1...20 {
            gdb.write("continue\n")
            try await gdb.wait(for: "Continuing.")
            // Anywhere in the round of stops and resumptions, which takes some milliseconds.
            try await Task.sleep(for: .milliseconds(200 + 7 * press))
            try gdb.interrupt()
            try await gdb.wait(for: "received signal SIGINT", within: .seconds(10))
          }
          let hits = try await gdb.command("info breakpoints")
          #expect(!hits.contains("already hit"), "\(hits)")
        }
      }
    }

    @Test("is told of the one thread that runs at Ctrl-C", arguments: GDB.versions)
    func schedulerLocking(_ version: GDB) async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { _ in
        try await GDB.session(machine.debugger, with: version) { gdb in
          _ = try await gdb.command("set scheduler-locking on")
          for thread in [2, 3, 1, 4] {
            _ = try await gdb.command("thread \(thread)")
            gdb.write("continue\n")
            try await gdb.wait(for: "Continuing.")
            try await Task.sleep(for: .milliseconds(100))
            try gdb.interrupt()
            let stop = try await gdb.wait(for: "received signal SIGINT")
            #expect(stop.contains("Thread \(thread) \"cpu\(thread - 1)\""), "\(stop)")
          }
        }
      }
    }

    @Test(
      "detaches, attaches, kills and attaches again under extended-remote, and the guest runs between",
      arguments: GDB.versions)
    func extended(_ version: GDB) async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        try await GDB.session(machine.debugger, with: version, target: "target extended-remote") {
          gdb in
          for leave in ["detach", "kill"] {
            _ = try await gdb.command(leave)
            #expect(try await guest.run("echo runs") == "runs", "\(leave)")
            let none = try await gdb.command("info threads")
            #expect(none.contains("No threads."), "\(none)")
            #expect(try await guest.run("echo runs") == "runs", "\(leave)")

            let attached = try await gdb.command("attach 1\ninfo threads\nstepi\np $pc != 0")
            #expect(attached.contains("cpu1") && attached.contains("= 1"), "\(attached)")
          }
        }
      }
    }

    @Test("run under extended-remote starts the machine anew", arguments: GDB.versions)
    func run(_ version: GDB) async throws {
      let machine = try await LinuxGuest.machine(cpus: 2, holdsGuest: true)
      // Without -no-reboot, with which QEMU ends at a reset.
      try await RunningProgram.run(Machine.emulator, machine.arguments) { console in
        let guest = LinuxGuest(console: console)
        try await GDB.session(
          machine.debugger, with: version, target: "target extended-remote", timeout: 3
        ) { gdb in
          // The guest's entry, and what is run again.
          _ = try await gdb.command("stepi\nstepi\nset $entry = $pc")
          _ = try await gdb.command("hbreak *$entry")
          gdb.write("run\n")
          // The machine comes up again, and the guest is held: its breakpoint is in time.
          try await console.wait(for: "Stepwell: EL2", within: .seconds(20))
          try await console.wait(for: "Stepwell: EL2", within: .seconds(20))
          try await gdb.wait(for: "hit Breakpoint 1", within: .seconds(40))
          // No later answer is another packet's.
          let answers = try await gdb.command(
            "p $pc == $entry\np $SCTLR_EL1 & 1\nmonitor info version\ndelete\nstepi\np $pc != $entry"
          )
          #expect(answers.contains("= 1") && answers.contains("= 0"), "\(answers)")
          #expect(answers.contains("Stepwell "), "\(answers)")
          _ = try await gdb.command("detach")
          try await guest.waitForShell()
        }
      }
    }

    @Test("shows the sentence of what is refused", arguments: GDB.versions)
    func refusals(_ version: GDB) async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { _ in
        try await GDB.session(machine.debugger, with: version) { gdb in
          let nonsense = try await gdb.command("monitor nonsense")
          #expect(nonsense.contains("error: There is no monitor command"), "\(nonsense)")
          #expect(!nonsense.contains("Protocol error"), "\(nonsense)")
          let answer = try await gdb.command("monitor info version")
          #expect(answer.contains("Stepwell ") && answer.contains("thread n is vCPU n - 1"))

          // Accepted before, and never hit.
          for place in ["$VBAR_EL1 + 2", "0x0012345600000000"] {
            let refused = try await gdb.command("hbreak *(\(place))\nstepi\ndelete")
            #expect(refused.contains("Cannot insert hardware breakpoint"), "\(refused)")
            #expect(
              refused.contains(place.hasSuffix("2") ? "multiples of 4" : "upper bits")
                == version.showsSentences, "\(refused)")
          }
          let watch = try await gdb.command("watch *(int *)0x0012345600000000\nstepi\ndelete")
          #expect(watch.contains("Could not insert hardware watchpoint"), "\(watch)")
        }
      }
    }
  }
}
