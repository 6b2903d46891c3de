internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Debian's GDB, as it comes")
  struct DebuggerGDBTests {
    @Test("sees and changes the kernel's registers and memory", .timeLimit(.minutes(1)))
    func registersAndMemory() async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        let getppid = try await guest.address(of: "__arm64_sys_getppid")
        let vectors = String(try await guest.address(of: "vectors"), radix: 16)

        try await GDB.session(machine.debugger) { gdb in
          let threads = try await gdb.command("info threads")
          for n in 1...4 { #expect(threads.contains("Thread 1.\(n) "), "\(threads)") }
          let all = try await gdb.command("thread apply all p/x $VBAR_EL1")
          #expect(all.ranges(of: "= 0x\(vectors)").count == 4, "\(all)")
          for n in 1...4 {
            let mpidr = try await gdb.command("thread \(n)\np/x $MPIDR_EL1 & 0xff")
            #expect(mpidr.contains("= 0x\(String(n - 1, radix: 16))"), "\(mpidr)")
          }

          _ = try await gdb.command("hbreak *\(getppid)")
          gdb.write("continue\n")
          try await gdb.wait(for: "Continuing.")
          guest.start("taskset 4 sh -c 'echo parent $PPID'")
          try await gdb.wait(for: "Thread 3 \"cpu2\" hit Breakpoint 1")

          let registers = try await gdb.command("info registers")
          for name in ["x0", "x30", "sp", "pc", "cpsr"] {
            #expect(registers.contains("\n\(name) "), "\(name) in \(registers)")
          }
          #expect(try await gdb.command("p/x $pc").contains("= 0x\(String(getppid, radix: 16))"))
          #expect(try await gdb.command("p ($cpsr >> 2) & 3").contains("= 1"))
          let everything = try await gdb.command("info all-registers")
          for name in ["v0", "v31", "fpsr", "fpcr", "TTBR1_EL1", "SCTLR_EL1", "CNTVCT_EL0"] {
            #expect(everything.contains("\n\(name) "), "\(name)")
          }
          #expect(!everything.contains("unavailable"))
          // The guest's page tables are on, and the guest is in its upper half.
          #expect(try await gdb.command("p $SCTLR_EL1 & 1").contains("= 1"))

          // Registers of each kind hold what is written to them.
          for (name, value) in [
            ("x28", "0x123456789abcdef0"), ("v7.d.u[1]", "0xfedcba9876543210"),
            ("TPIDRRO_EL0", "0x1122334455667788"),
          ] {
            let old = try await gdb.command("p/x $\(name)")
            let set = try await gdb.command("set $\(name) = \(value)\nmaint flush register-cache")
            let new = try await gdb.command("p/x $\(name)")
            #expect(new.contains("= \(value)"), "\(set) \(new)")
            guard let start = old.firstRange(of: "= 0x") else { continue }
            let digits = old[start.upperBound...].prefix { $0.isHexDigit }
            _ = try await gdb.command("set $\(name) = 0x\(digits)")
          }
          // Those that the guest itself cannot write refuse.
          let refused = try await gdb.command("set $MIDR_EL1 = 0")
          #expect(refused.contains("Could not write register"), "\(refused)")

          // Memory: text, the stack, nothing mapped, and a device.
          #expect(try await gdb.command("x/2i $pc").contains("=> 0x"))
          let stack = try await gdb.command("p/x *(long *)$sp")
          #expect(stack.contains("= 0x"), "\(stack)")
          for address in ["0xffff700000000000", "0xdead000000000000", "0", "~0"] {
            let answer = try await gdb.command("x/1xb \(address)")
            #expect(answer.contains("Cannot access memory"), "\(address): \(answer)")
          }
          // A write of several pages, below the stack that is in use, comes back whole.
          let fill = try await gdb.command("set {int}($sp - 256) = 0x5a5a1234\nx/1xw $sp - 256")
          #expect(fill.contains("0x5a5a1234"), "\(fill)")

          // The system call returns what the debugger wants.
          _ = try await gdb.command("set $x0 = 4242\nset $pc = $lr\ndelete")
          _ = try await gdb.command("detach")
          try await guest.console.wait(for: "parent 4242")
        }
        // Instructions that are written, to pages that the guest itself cannot write, are executed:
        // MOV x0, #77; RET.
        let written = try await GDB.run(
          machine.debugger,
          [
            "x/2xw \(getppid)", "set {long}\(getppid) = 0xd65f03c0d28009a0", "x/2xw \(getppid)",
            "detach",
          ])
        #expect(written.contains("0xd28009a0\t0xd65f03c0"), "\(written)")
        #expect(try await guest.run("sh -c 'echo parent $PPID'") == "parent 77")
      }
    }

    @Test("asks Stepwell itself with monitor commands", .timeLimit(.minutes(1)))
    func monitor() async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        let sync = try await guest.address(of: "__arm64_sys_sync")
        try await GDB.session(machine.debugger) { gdb in
          let help = try await gdb.command("monitor help")
          for command in ["help", "debug", "exits"] {
            #expect(help.contains("monitor \(command) "), "\(help)")
          }
          let nonsense = try await gdb.command("monitor nonsense")
          #expect(nonsense.contains("There is no monitor command \"nonsense\""), "\(nonsense)")
          #expect(nonsense.contains("monitor debug "), "\(nonsense)")

          let native = try await gdb.command("monitor debug")
          #expect(native.contains("vCPU 0: native"), "\(native)")
          #expect(native.contains("vCPU 1: native"), "\(native)")
          #expect(native.contains("the debugger asks for\n  nothing"), "\(native)")
          let exits = try await gdb.command("monitor exits")
          #expect(exits.contains("exits to EL2") && exits.contains("vCPU 1"), "\(exits)")

          // The guest is in shared mode from the first request on, and in native mode again after
          // the last. (GDB would take its breakpoints back at each stop.)
          _ = try await gdb.command("set breakpoint always-inserted on\nhbreak *\(sync)")
          gdb.write("continue\n")
          try await gdb.wait(for: "Continuing.")
          guest.start("taskset 2 sync; echo '(synced)'")
          try await gdb.wait(for: "Thread 2 \"cpu1\" hit Breakpoint 1")
          let shared = try await gdb.command("monitor debug")
          #expect(shared.contains("vCPU 0: shared"), "\(shared)")
          #expect(shared.contains("vCPU 1: shared"), "\(shared)")
          #expect(shared.contains(": the debugger's, request 0"), "\(shared)")
          #expect(
            shared.contains("breakpoint request 0: \(String(sync, radix: 16))"), "\(shared)")
          _ = try await gdb.command("delete\ndetach")
          try await guest.console.wait(for: "(synced)")
        }
        let later = try await GDB.run(machine.debugger, ["monitor debug", "detach"])
        #expect(later.contains("vCPU 0: native") && later.contains("vCPU 1: native"), "\(later)")
      }
    }
  }
}
