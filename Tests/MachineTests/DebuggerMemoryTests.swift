internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The guest's memory in a debugger's hands")
  struct DebuggerMemoryTests {
    @Test(
      "a bad page table of the guest is an address that cannot be read, and the end of nothing",
      .timeLimit(.minutes(1)), arguments: ["cortex-a72", "max,pauth-impdef=on"])
    func badTables(cpu: String) async throws {
      let (sctlr, ttbr0, tcr, par) = (68, 68 + 3, 68 + 5, 68 + 17)
      // NOP, 4 times; B .
      let code = [UInt32](repeating: 0xD503_201F, count: 4) + [0x1400_0000]
      try await BareCode.run(cpu: cpu, code) { client, start in
        let off = try await client.readRegister(sctlr)
        // A 4 KiB granule over 39 bits, walks through the caches.
        try await client.writeRegister(tcr, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)
        try await client.writeRegister(par, 0xff00_0000_1234_5b80)
        for table: UInt64 in [
          // Nothing at all; what is behind the last RAM; a device.
          0x0f10_0000, 0x7000_0000, 0x0900_0000,
          // The distributor, a redistributor, the debug link, EL2's memory: stage 2 keeps them from the guest.
          0x0800_0000, 0x080a_0000, 0x0a00_0000, 0x5fc0_0000,
        ] {
          try await client.writeRegister(ttbr0, table)
          try await client.writeRegister(sctlr, off | 1)
          try #expect(
            await client.request("m1000,10").hasPrefix("E"), "\(String(table, radix: 16))")
          try #expect(
            await client.request("M1000,4:00000000").hasPrefix("E"),
            "\(String(table, radix: 16))")
          try await client.writeRegister(sctlr, off)
          let first = "m\(String(start, radix: 16)),4"
          try #expect(await client.request(first) == "1f2003d5")
        }
        try #expect(await client.readRegister(par) == 0xff00_0000_1234_5b80)
        try await client.run(to: start + 16)
      }
    }
  }
}
