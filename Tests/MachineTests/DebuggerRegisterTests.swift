internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The guest's registers in a debugger's hands")
  struct DebuggerRegisterTests {
    @Test(
      "GDB calls a function of the kernel's, and writes back no register that is not the call's",
      .timeLimit(.minutes(2)), arguments: GDB.versions, ["cortex-a72", "max,pauth-impdef=on"])
    func calls(version: GDB, cpu: String) async throws {
      let machine = try await LinuxGuest.machine(cpu: cpu, cpus: 2)
      var packets = ""
      try await LinuxGuest.boot(machine) { guest in
        let getppid = try await guest.address(of: "__arm64_sys_getppid")
        let sync = try await guest.address(of: "__arm64_sys_sync")
        let symbols = try await Self.symbols(at: sync)
        try await GDB.session(machine.debugger, with: version) { gdb in
          _ = try await gdb.command("symbol-file \(symbols)")
          _ = try await gdb.command("hbreak *\(getppid)")
          gdb.write("continue\n")
          try await gdb.wait(for: "Continuing.")
          guest.start("sh -c 'echo parent $PPID'")
          try await gdb.wait(for: "hit Breakpoint 1")
          // ADD X0, X0, X1; FMOV D0, X0; RET.
          _ = try await gdb.command(
            "set {int}\(sync) = 0x8b010000\nset {int}(\(sync) + 4) = 0x9e670000\n"
              + "set {int}(\(sync) + 8) = 0xd65f03c0")
          let before = try await gdb.command("info all-registers")
          for (a, b) in [(3, 4), (40, 2)] {
            packets += try await gdb.command(
              "set debug remote 1\nprint ((long (*)(long, long)) \(sync))(\(a), \(b))\nset debug remote 0"
            )
            #expect(packets.contains(" = \(a + b)\n"))
          }
          let after = try await gdb.command("info all-registers")
          #expect(Self.lasting(before) == Self.lasting(after))
          _ = try await gdb.command(
            "set $pc = $lr\nset $x0 = 4242\ndelete\ndetach")
          try await guest.console.wait(for: "parent 4242")
        }
      }
      // 68 is 0x44, the first system register.
      let written = packets.matches(of: /\$P([0-9a-f]+)=/).compactMap {
        Int($0.output.1, radix: 16)
      }
      for number in [30, 32, 34, 66] { #expect(written.contains(number), "\(written)") }
      #expect(written.filter { $0 >= 68 } == [])
    }

    @Test(
      "what was read can be written back, and what would take the guest elsewhere cannot",
      .timeLimit(.minutes(1)))
    func writesBack() async throws {
      try await BareCode.run(cpu: "cortex-a72", [0x1400_0000]) { client, _ in
        // Every register but those that the guest itself cannot write.
        for number in 0..<68 {
          let name = String(number, radix: 16)
          let value = try await client.request("p\(name)")
          try #expect(await client.request("P\(name)=\(value)") == "OK", "register \(number)")
          try #expect(await client.request("p\(name)") == value)
        }
        func answer(_ pstate: UInt32) async throws -> String {
          let digits = String(pstate.byteSwapped, radix: 16)
          let padding = String(repeating: "0", count: 8 - digits.count)
          return try await client.request("P21=\(padding)\(digits)")
        }
        // EL1 with everything masked; then flags, and what a Cortex-A72 has no bit for.
        try #expect(await answer(0xF000_03C5) == "OK")
        for forbidden: UInt32 in [
          1 << 20, 1 << 4, 1 << 1, 1 << 0, 1 << 3, 1 << 5, 1 << 10, 1 << 12, 1 << 22, 1 << 24,
          1 << 27,
        ] {
          try #expect(await answer(0x3C5 ^ forbidden).hasPrefix("E"), "\(forbidden)")
        }
        try #expect(await client.request("p21") == "c50300f0")
      }
    }

    @Test(
      "the virtual counter stands still with the guest, and goes on by what a step takes",
      .timeLimit(.minutes(1)))
    func time() async throws {
      let counter = 68 + 28
      // NOP, 64 times; the guest's own reading of the counter and of its timer; B .
      let code =
        [UInt32](repeating: 0xD503_201F, count: 64) + [0xD53B_E045, 0xD53B_E326, 0x1400_0000]
      try await BareCode.run(cpu: "cortex-a72", code) { client, start in
        var last = try await client.readRegister(counter)
        for _ in 0..<20 {
          let first = try await client.readRegister(counter)
          try await Task.sleep(for: .milliseconds(20))
          try #expect(await client.readRegister(counter) == first)
          #expect(first >= last)
          last = first
          _ = try await client.request("vCont;s:1")
        }
        // CNTV_CVAL_EL0 far ahead, and CNTV_CTL_EL0 on: not met, however long the guest stands still.
        try await client.writeRegister(68 + 25, last + 62_500_000 / 4)
        try await client.writeRegister(68 + 24, 1)
        try await Task.sleep(for: .seconds(1))
        try #expect(await client.readRegister(68 + 24) == 1)
        try await client.writeRegister(68 + 25, last)
        try #expect(await client.readRegister(68 + 24) == 5)
        // What the guest reads next is what the debugger has seen, and a little more.
        try await client.writeRegister(68 + 24, 0)
        try await client.run(to: start + 4 * 66)
        let seen = try await client.readRegister(5)
        #expect(seen >= last && seen - last < 62_500_000 / 2)
        try #expect(await client.readRegister(68 + 28) >= seen)
      }
    }

    @Test(
      "GDB lists the system registers as a group, and shows every view of a vector",
      .timeLimit(.minutes(1)), arguments: GDB.versions)
    func views(version: GDB) async throws {
      let machine = try await LinuxGuest.machine(holdsGuest: true)
      try await machine.boot { _ in
        let printed = try await GDB.run(
          machine.debugger, with: version,
          [
            "info registers system", "set $v3.q.u[0] = 0xfc00fffe", "p $v3.h.s[0]", "p $v3.h.f[1]",
            "p $v3.s.s[0]", "p $v3.b.s[0]", "ptype $v3.h.bf[0]",
          ])
        #expect(printed.contains("\nSCTLR_EL1 ") && printed.contains("\nID_AA64MMFR2_EL1 "))
        for value in ["= -2\n", "= -inf\n", "= -67043330\n", "bfloat16\n"] {
          #expect(printed.contains(value), "\(value): \(printed)")
        }
      }
    }

    @Test("writing v0 leaves the rest of z0", .timeLimit(.minutes(1)))
    func scalableVectors() async throws {
      // MSR ZCR_EL1, X2; ISB; INDEX Z0.B, #0, #1; STR Z0, [X1]; B .
      let code: [UInt32] = [0xD518_1202, 0xD503_3FDF, 0x0421_4000, 0xE580_4020, 0x1400_0000]
      try await BareCode.run(cpu: "max,pauth-impdef=on", code) { client, start in
        let place = start + 0x1000
        try await client.writeRegister(1, place)
        try await client.writeRegister(2, 0xF)
        try await client.writeRegister(68 + 2, 0x33_0000)  // CPACR_EL1: ZEN, FPEN
        try await client.run(to: start + 12)
        let value = String(repeating: "a5", count: 16)
        try #expect(
          await client.request("p22") == (0..<16).map { "0\(String($0, radix: 16))" }.joined())
        try #expect(await client.request("P22=\(value)") == "OK")
        try #expect(await client.request("p22") == value)
        try await client.run(to: start + 16)
        // 256 bytes are the most that there are.
        let stored = try await client.request("m\(String(place, radix: 16)),100")
        let rest = (16..<256).map { String(0x100 + $0, radix: 16).dropFirst() }.joined()
        #expect(stored == value + rest)
      }
    }

    @Test(
      "the guest's counters stand still with it, told to count at EL2 or not, and PMCR_EL0 stays",
      .timeLimit(.minutes(1)), arguments: ["cortex-a72", "max,pauth-impdef=on"])
    func counters(cpu: String) async throws {
      // PMCCFILTR_EL0 = X2; PMCNTENSET_EL0 = X3; PMCR_EL0 = X4; ISB; X5 = PMCCNTR_EL0; NOP;
      // X6 = PMCCNTR_EL0; X7 = PMCR_EL0; B .
      let code: [UInt32] = [
        0xD51B_EFE2, 0xD51B_9C23, 0xD51B_9C04, 0xD503_3FDF, 0xD53B_9D05, 0xD503_201F, 0xD53B_9D06,
        0xD53B_9C07, 0x1400_0000,
      ]
      try await BareCode.run(cpu: cpu, code) { client, start in
        try await client.writeRegister(2, 1 << 27)  // NSH
        try await client.writeRegister(3, 1 << 31)
        try await client.writeRegister(4, 0x41)  // E and LC
        try await client.run(to: start + 20)
        try await Task.sleep(for: .seconds(2))
        try await client.run(to: start + 32)
        let passed = try await client.readRegister(6) &- client.readRegister(5)
        // QEMU counts 10^9 cycles a second.
        #expect(passed < 1_000_000_000)
        try #expect(await client.readRegister(7) & 0x7F == 0x41)
      }
    }

    @Test(
      "a stop that was not reported yet is none where the debugger has moved its vCPU on",
      .timeLimit(.minutes(2)))
    func jumps() async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        guest.start("for n in 1 2; do taskset $n sh -c 'while :; do :; done' & done")
        try await Task.sleep(for: .milliseconds(200))
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        func counters() async throws -> [UInt64] {
          var counters: [UInt64] = []
          for thread in 1...2 {
            _ = try await client.request("Hg\(thread)")
            counters.append(try await client.readRegister(32))
          }
          return counters
        }
        var moved = 0
        for _ in 0..<2000 where moved < 3 {
          let before = try await counters()
          let stop = try await client.request("vCont;s")
          #expect(stop.hasPrefix("T05"))
          let after = try await counters()
          let other = stop.contains("thread:1;") ? 1 : 0
          // Only if the other vCPU has done its step as well, it has a stop to be reported.
          guard after[other] != before[other] else { continue }
          _ = try await client.request("Hg\(other + 1)")
          // Away, and back: what stopped it there is over.
          try await client.writeRegister(32, after[other] &+ 4)
          try await client.writeRegister(32, after[other])
          moved += 1
          try await client.send(packet: "vCont;c")
          try await Task.sleep(for: .milliseconds(50))
          try await client.interrupt()
          let next = try await client.receive()
          #expect(next.hasPrefix("T02"), "\(next)")
          guard next.hasPrefix("T02") else { break }
        }
        #expect(moved > 0)
        try #expect(await client.request("D") == "OK")
        #expect(try await guest.run("killall sh; echo runs").contains("runs"))
      }
    }

    // MARK: Support

    /// The lines of `info all-registers` that a call does not change. (An interrupt that comes meanwhile changes
    /// system registers.)
    private static func lasting(_ registers: String) -> [Substring] {
      registers.split(separator: "\n").filter { !$0.contains("_EL") }
    }

    /// An ELF file with an entry point: GDB has called functions return there.
    private static func symbols(at address: UInt64) async throws -> String {
      let source = try MachineTests.file(
        "calls.S", Data(".global _start\n.space 64\n_start: nop\n".utf8))
      let elf = try MachineTests.file("calls.elf", Data())
      try await Toolchain.find().child(
        "clang",
        [
          "--target=aarch64-none-elf", "-nostdlib", "-fuse-ld=lld", "-Wl,--image-base=0",
          "-Wl,-Ttext=0x\(String(address, radix: 16))", "-o", elf, source,
        ]
      ).runQuietly()
      return elf
    }
  }
}
