import DeviceTree
import Testing

/// A tree that another tool has made: `dtc` 1.6.1, from this source.
///
///     /dts-v1/;
///     /memreserve/ 0x7f000000 0x1000;
///     / {
///       #address-cells = <1>;
///       #size-cells = <1>;
///       interrupt-parent = <&gic>;
///       aliases { serial0 = &uart; };
///       soc {
///         #address-cells = <1>;
///         #size-cells = <1>;
///         ranges = <0 0xfe000000 0x1000000>;
///         uart: serial@201000 {
///           compatible = "arm,pl011", "arm,primecell";
///           reg = <0x201000 0x200>;
///           interrupts = <0 121 4>;
///         };
///       };
///       gic: interrupt-controller@ff840000 {
///         compatible = "arm,gic-v3";
///         interrupt-controller;
///         #interrupt-cells = <3>;
///         reg = <0xff840000 0x10000>, <0xff880000 0x80000>;
///       };
///     };
enum CompiledTree {
  static let cells: [UInt32] = [
    0xd00dfeed, 0x0000026f, 0x00000048, 0x000001ec, 0x00000028, 0x00000011, 0x00000010, 0x00000000,
    0x00000083, 0x000001a4, 0x00000000, 0x7f000000, 0x00000000, 0x00001000, 0x00000000, 0x00000000,
    0x00000000, 0x00000000, 0x00000001, 0x00000000, 0x00000003, 0x00000004, 0x00000000, 0x00000001,
    0x00000003, 0x00000004, 0x0000000f, 0x00000001, 0x00000003, 0x00000004, 0x0000001b, 0x00000001,
    0x00000001, 0x616c6961, 0x73657300, 0x00000003, 0x00000013, 0x0000002c, 0x2f736f63, 0x2f736572,
    0x69616c40, 0x32303130, 0x30300000, 0x00000002, 0x00000001, 0x736f6300, 0x00000003, 0x00000004,
    0x00000000, 0x00000001, 0x00000003, 0x00000004, 0x0000000f, 0x00000001, 0x00000003, 0x0000000c,
    0x00000034, 0x00000000, 0xfe000000, 0x01000000, 0x00000001, 0x73657269, 0x616c4032, 0x30313030,
    0x30000000, 0x00000003, 0x00000018, 0x0000003b, 0x61726d2c, 0x706c3031, 0x31006172, 0x6d2c7072,
    0x696d6563, 0x656c6c00, 0x00000003, 0x00000008, 0x00000046, 0x00201000, 0x00000200, 0x00000003,
    0x0000000c, 0x0000004a, 0x00000000, 0x00000079, 0x00000004, 0x00000002, 0x00000002, 0x00000001,
    0x696e7465, 0x72727570, 0x742d636f, 0x6e74726f, 0x6c6c6572, 0x40666638, 0x34303030, 0x30000000,
    0x00000003, 0x0000000b, 0x0000003b, 0x61726d2c, 0x6769632d, 0x76330000, 0x00000003, 0x00000000,
    0x00000055, 0x00000003, 0x00000004, 0x0000006a, 0x00000003, 0x00000003, 0x00000010, 0x00000046,
    0xff840000, 0x00010000, 0xff880000, 0x00080000, 0x00000003, 0x00000004, 0x0000007b, 0x00000001,
    0x00000002, 0x00000002, 0x00000009, 0x23616464, 0x72657373, 0x2d63656c, 0x6c730023, 0x73697a65,
    0x2d63656c, 0x6c730069, 0x6e746572, 0x72757074, 0x2d706172, 0x656e7400, 0x73657269, 0x616c3000,
    0x72616e67, 0x65730063, 0x6f6d7061, 0x7469626c, 0x65007265, 0x6700696e, 0x74657272, 0x75707473,
    0x00696e74, 0x65727275, 0x70742d63, 0x6f6e7472, 0x6f6c6c65, 0x72002369, 0x6e746572, 0x72757074,
    0x2d63656c, 0x6c730070, 0x68616e64,
  ]
  static let tail: [UInt8] = [0x6c, 0x65, 0x00]

  static var bytes: [UInt8] { cells.flatMap(bigEndian) + tail }
}

@Suite struct CompiledTreeTests {
  @Test func `what dtc has made is read as its source says`() throws {
    let tree = try DeviceTree(bytes: CompiledTree.bytes)
    #expect(tree.reservations.all == [.init(0x7f00_0000, 0x1000)])
    #expect(
      tree.nodes.all.map(\.name.string)
        == ["", "aliases", "soc", "serial@201000", "interrupt-controller@ff840000"])
    let uart = try #require(tree.node(at: "serial0"))
    #expect(uart.isCompatible(with: "arm,primecell"))
    #expect(try uart.regions().all == [.init(0xfe20_1000, 0x200)])
    #expect(try uart.interrupt(0).intid == 153)
    let gic = try #require(try tree.gicV3())
    #expect(gic.distributor == .init(0xff84_0000, 0x1_0000))
    #expect(try gic.redistributorRegion(0) == .init(0xff88_0000, 0x8_0000))
  }

  @Test func `what dtc has made is written as dtc has written it`() throws {
    let tree = try DeviceTree(bytes: CompiledTree.bytes)
    #expect(try tree.written(with: .init(of: tree)) == CompiledTree.bytes)
  }
}
