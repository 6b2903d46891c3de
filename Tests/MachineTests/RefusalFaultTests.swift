internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("A fault of the hypervisor's own")
  struct FaultTests {
    /// QEMU's own debugger, which sees EL2, stops a core in EL2 and sends it to where there is nothing.
    @Test(
      "is reported with registers, syndrome and backtrace, and stops every core",
      .timeLimit(.minutes(1)))
    func report() async throws {
      let cores = 4
      var machine = try await LinuxGuest.machine(cpus: cores)
      let stub = try DebugEndpoint.unused()
      machine.others = ["-S", "-gdb", "tcp:\(stub.description)"]
      let offset =
        try await GuestProgram(executable: MachineTests.hypervisor.executable)
        .address(of: "stepwell_synchronous")
      try await machine.boot { console in
        let guest = LinuxGuest(console: console)
        let outside = try await RemoteClient(stub)
        try await outside.attach()
        try await outside.request("qXfer:features:read:target.xml:0,ffb")
        try await outside.send(packet: "vCont;c")
        try await guest.waitForShell()
        let place = guest.console.output.firstMatch(of: /EL2 at ([0-9a-f]+),/)?.1
        let base = try #require(place.flatMap { UInt64($0, radix: 16) })
        let handler = offset + base
        try await outside.interrupt()
        _ = try await outside.receive()
        let point = "1,\(String(handler, radix: 16)),4"
        try #expect(await outside.request("Z\(point)") == "OK")
        try await outside.send(packet: "vCont;c")
        // The guest's own call of the firmware comes by there.
        guest.start("echo 0 > /sys/devices/system/cpu/cpu3/online")
        let stop = try await outside.receive()
        let thread = try #require(stop.split(separator: "thread:").last?.prefix { $0 != ";" })
        try #expect(await outside.request("Hg\(thread)") == "OK")
        try #expect(await outside.readRegister(32) == handler)
        try await outside.writeRegister(7, 0x7777_0000_1234_7777)
        try await outside.writeRegister(32, 0)
        try #expect(await outside.request("z\(point)") == "OK")
        try await outside.send(packet: "vCont;c")

        try await guest.console.wait(
          for: "Stepwell: EL2 itself has failed, and every core is stopped.")
        let report = try await guest.console.wait(for: "llvm-symbolizer -e Hypervisor OFFSET")
        for words in [
          "synchronous exception on core ", "ESR_EL2  000000008", ", EC 21, ISS ",
          "ELR_EL2  0000000000000000", "x7  7777000012347777", "x30 ", "HCR_EL2 ",
        ] {
          #expect(report.contains(words), "\(words) in \(report)")
        }
        // Who called: an address within the image, which the entry from the guest left in x30.
        let callers = try #require(report.split(separator: "called from (image offsets):").last)
        let first = callers.split { $0.isWhitespace }.first { $0.hasPrefix("0x") || $0.count > 2 }
        let caller = UInt64(first?.replacing("0x", with: "") ?? "", radix: 16)
        #expect(caller != nil && (caller ?? 0) < 0x40_0000, "\(callers)")

        // Every core stays in EL2's own code.
        for _ in 1...3 {
          try await Task.sleep(for: .milliseconds(100))
          try await outside.interrupt()
          _ = try await outside.receive()
          for core in 1...cores {
            try #expect(await outside.request("Hg\(core)") == "OK")
            let pc = try await outside.readRegister(32)
            #expect(
              pc >= base && pc < 0x6000_0000, "core \(core - 1): \(String(pc, radix: 16))")
          }
          try await outside.send(packet: "vCont;c")
        }
        // Nothing comes after the report.
        #expect(guest.console.output.hasSuffix("llvm-symbolizer -e Hypervisor OFFSET\r\n"))
      }
    }
  }
}
