internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Stage 2", .plainAndSecure, .timeLimit(.minutes(1)))
  struct ProbeMemoryTests {
    @Test("EL2's memory and the debug link's page are to the guest as if nothing were there")
    func hidden() async throws {
      let expected = ["4fc00000", "4fdffffc", "4ffffffc", "a000000", "a000e00"].flatMap { address in
        // Synchronous external aborts: of a load, of a store (WnR), of an instruction fetch.
        [
          "load \(address)", "vector 200 esr 96000010 far \(address)",
          "store \(address)", "vector 200 esr 96000050 far \(address)",
          "call \(address)", "vector 200 esr 86000010 far \(address)",
        ]
      }
      #expect(try await ProbeMachine(topic: "memory-hidden").transcript() == expected)
    }

    @Test(
      "RAM, devices, PCI windows and holes are where the bare machine has them",
      arguments: ["cortex-a72", "max"])
    func bare(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: "memory-bare", cpu: cpu)
      let bare = try await machine.bareTranscript()
      // The PCI host bridge of QEMU's, above 4 GiB.
      #expect(bare.contains("value 81b36"))
      #expect(try await machine.transcript() == bare)
    }
  }
}
