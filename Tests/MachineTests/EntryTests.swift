internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("What a boot loader may hand over", .timeLimit(.minutes(2)))
  struct EntryTests {
    @Test(
      "Whatever EL2 was used for before, the guest finds its machine",
      arguments: ["cortex-a72", "max"])
    func usedBefore(cpu: String) async throws {
      var machine = ProbeMachine(
        topic: "registers-values interrupts-pending interrupts-sgi psci-cycles", cpu: cpu,
        cpus: 2)
      let fresh = try await machine.transcript()
      machine.isUsedBefore = true
      #expect(try await machine.transcript() == fresh)
    }

    // QEMU hands over twice what it has read, and 2 MiB are the limit.
    @Test(
      "A device tree of more than 512 KiB is edited like any other",
      arguments: [600 << 10, 1000 << 10])
    func bigTree(padding: Int) async throws {
      var tree = try await FlatTree.virt("big")
      tree.root.set("padding", [UInt8](repeating: 0x5a, count: padding))
      let machine = ProbeMachine(
        topic: "psci-cycles", others: ["-dtb", try MachineTests.file("big.dtb", tree.data)])
      #expect(try await machine.transcript() == [])
    }
  }
}
