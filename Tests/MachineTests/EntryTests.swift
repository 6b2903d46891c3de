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

    /// QEMU's own tree, with a property of `count` bytes in its root.
    private func tree(padding count: Int, _ name: String) async throws -> String {
      let plain = try MachineTests.file("\(name).plain.dtb", Data())
      try await RunningProgram.run(
        Machine.emulator,
        [
          "-M", "virt,virtualization=on,gic-version=3,dumpdtb=\(plain)", "-cpu", "cortex-a72", "-m",
          "256M", "-nographic", "-nic", "none", "-device",
          "virtio-serial-device,id=stepwell,bus=virtio-mmio-bus.0",
        ]
      ) { _ = try await $0.end(within: .seconds(20)) }
      return try MachineTests.file(
        "\(name).dtb", FlatTree(Data(contentsOf: URL(filePath: plain))).padded(by: count))
    }

    // QEMU hands over twice what it has read, and 2 MiB are the limit.
    @Test(
      "A device tree of more than 512 KiB is edited like any other",
      arguments: [600 << 10, 1000 << 10])
    func bigTree(padding: Int) async throws {
      let machine = ProbeMachine(
        topic: "psci-cycles", others: ["-dtb", try await tree(padding: padding, "big")])
      #expect(try await machine.transcript() == [])
    }
  }
}

/// The blocks of a flattened device tree (Devicetree Specification, chapter 5).
private struct FlatTree {
  private let bytes: [UInt8]

  init(_ data: Data) { bytes = Array(data) }

  private func word(at offset: Int) -> Int {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
  }

  /// The same tree with one more property in its root node, and no slack.
  func padded(by count: Int) -> Data {
    let (structure, strings) = (word(at: 8), word(at: 12))
    let (stringsSize, structureSize) = (word(at: 32), word(at: 36))
    func big(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xff) } }
    // FDT_BEGIN_NODE and the empty name take 8 bytes.
    let property = big(3) + big(count) + big(stringsSize) + [UInt8](repeating: 0x5a, count: count)
    let name = Array("padding\0".utf8)
    var tree = Array(bytes[..<(structure + 8)])
    tree += property
    tree += bytes[(structure + 8)..<(structure + structureSize)]
    let newStrings = tree.count
    tree += bytes[strings..<(strings + stringsSize)] + name
    for (offset, value) in [
      (4, tree.count), (12, newStrings), (32, stringsSize + name.count),
      (36, structureSize + property.count),
    ] {
      tree.replaceSubrange(offset..<offset + 4, with: big(value))
    }
    return Data(tree)
  }
}
