internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The guest's device registers in a debugger's hands")
  struct DebuggerDeviceTests {
    /// The match register of QEMU's real-time clock (PL031), which holds what is written to it.
    private static let register: UInt64 = 0x901_0004

    @Test(
      "they are out of reach unless asked for, and then in reach by whole aligned accesses",
      .timeLimit(.minutes(1)), arguments: ["cortex-a72", "max,pauth-impdef=on"])
    func access(cpu: String) async throws {
      try await BareCode.run(cpu: cpu, [0x1400_0000]) { client, start in
        try #expect(await client.monitor("devices").contains("do not reach"))
        try #expect(await client.request("m9010004,4").hasPrefix("E"))
        try #expect(await client.request("M9010004,4:34120000").hasPrefix("E"))

        try #expect(await client.monitor("devices on").contains("reach the device registers"))
        try #expect(await client.request("m9010004,4") == "00000000")
        try #expect(await client.request("M9010004,4:34120000") == "OK")
        try #expect(await client.request("m9010004,4") == "34120000")
        // PL031's identification, 0x31 0x10 0x04 0x00.
        try #expect(await client.request("m9010fe0,4") == "31000000")

        let other = "an access has 1, 2, 4 or 8 bytes"
        let own = "there is nothing of the guest's own"
        let fault = "answered with an error"
        for (address, length, reason) in [
          ("9010004", 3, other), ("9010005", 2, other), ("9010004", 8, other),
          ("9010000", 16, other),
          ("9010001", 4, other),
          // The distributor, a redistributor, the debug link; and nothing at all.
          ("8000000", 4, own), ("80a0000", 4, own), ("a000000", 4, own), ("b000000", 4, fault),
          ("b000000", 1, fault), ("b000000", 8, fault),
        ] {
          let extent = "\(address),\(String(length, radix: 16))"
          try #expect(await client.request("m\(extent)").hasPrefix("E"), "\(extent)")
          let report = try await client.monitor("devices")
          #expect(report.contains(reason) && report.contains("\(length) bytes at 0x"), "\(report)")
          let zeros = String(repeating: "00", count: length)
          try #expect(await client.request("M\(extent):\(zeros)").hasPrefix("E"), "\(extent)")
        }
        // EL2 lives, and so does RAM.
        try #expect(await client.request("m\(String(start, radix: 16)),4") == "00000014")
        try #expect(await client.monitor("devices off").contains("do not reach"))
        try #expect(await client.request("m9010004,4").hasPrefix("E"))
      }
    }

    @Test("the guest's thread registers and exception state outlast an access that fails")
    func keepsRegisters() async throws {
      // X5 = TPIDR_EL0; X6 = TPIDR_EL1; X7 = ESR_EL1; X8 = FAR_EL1; B .
      let code: [UInt32] = [0xD53B_D045, 0xD538_D086, 0xD538_5207, 0xD538_6008, 0x1400_0000]
      try await BareCode.run(cpu: "cortex-a72", code) { client, start in
        for (n, register) in [19, 21, 9, 10].enumerated() {
          try await client.writeRegister(68 + register, 0x1234_5600 + UInt64(n))
        }
        _ = try await client.monitor("devices on")
        try #expect(await client.request("mb000000,4").hasPrefix("E"))
        try #expect(await client.request("Mb000000,4:00000000").hasPrefix("E"))
        try await client.run(to: start + 16)
        for n in 0..<4 {
          try #expect(await client.readRegister(5 + n) == 0x1234_5600 + UInt64(n))
        }
      }
    }

    @Test(
      "GDB's watch of a device register reports with them in reach, and is explained without",
      .timeLimit(.minutes(2)), arguments: GDB.versions)
    func watch(version: GDB) async throws {
      for isOn in [true, false] {
        let machine = try await LinuxGuest.machine(holdsGuest: true)
        try await machine.boot { _ in
          try await GDB.session(machine.debugger, with: version) { gdb in
            // MOV W1, #0x1234; STR W1, [X0]; MOV W1, #0x4321; STR W1, [X0]; B .
            for (n, word)
              in ([0x5282_4681, 0xB900_0001, 0x5288_6421, 0xB900_0001, 0x1400_0000]
              as [UInt32]).enumerated()
            {
              _ = try await gdb.command("set {int}($pc + \(4 * n)) = \(word)")
            }
            _ = try await gdb.command(
              "set $x0 = \(Self.register)\nmonitor devices \(isOn ? "on" : "off")")
            let set = try await gdb.command("watch *(int *) \(Self.register)\nhbreak *($pc + 16)")
            #expect(set.contains("Hardware watchpoint 1"), "\(set)")
            let first = try await gdb.command("continue")
            if isOn {
              #expect(
                first.contains("Old value = 0") && first.contains("New value = 4660"), "\(first)")
              let second = try await gdb.command("continue")
              #expect(second.contains("New value = 17185"), "\(second)")
            } else {
              #expect(first.contains("is on a device register"), "\(first)")
              #expect(first.ranges(of: "is on a device register").count == 1, "\(first)")
              #expect(first.contains("monitor devices on"), "\(first)")
            }
          }
        }
      }
    }

    @Test("Linux's own mapping of a device is the way to it", .timeLimit(.minutes(1)))
    func mapped() async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        // Addresses are shown as they are, to root.
        _ = try await guest.run("echo 1 > /proc/sys/kernel/kptr_restrict")
        let line = try await guest.run("grep -m 1 phys=0x0*9000000 /proc/vmallocinfo")
        let digits = try #require(line.firstMatch(of: /0x([0-9a-f]{16})-/)).output.1
        let place = try #require(UInt64(digits, radix: 16))
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        for thread in 1...2 {
          _ = try await client.request("Hg\(thread)")
          _ = try await client.monitor("devices on")
          // UARTPeriphID0 of a PL011.
          let identification = "m\(String(place + 0xFE0, radix: 16)),4"
          try #expect(await client.request(identification) == "11000000", "\(line)")
        }
        try #expect(await client.request("D") == "OK")
        #expect(try await guest.run("echo runs") == "runs")
      }
    }
  }
}
