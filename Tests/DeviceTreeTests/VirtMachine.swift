/// A tree like the one that QEMU makes for `-M virt,virtualization=on,gic-version=3 -smp 2 -m 1G`,
/// with four virtio transports in place of 32.
enum VirtMachine {
  static let items: [Item] = [
    .cells("interrupt-parent", 0x8005),
    .cells("#size-cells", 2),
    .cells("#address-cells", 2),
    .strings("compatible", "linux,dummy-virt"),
    .node(
      "psci", .strings("method", "smc"),
      .strings("compatible", "arm,psci-1.0", "arm,psci-0.2", "arm,psci")),
    .node(
      "memory@40000000", .cells("reg", 0, 0x4000_0000, 0, 0x4000_0000),
      .strings("device_type", "memory")),
    .node(
      "platform-bus@c000000", .strings("compatible", "qemu,platform", "simple-bus"),
      .cells("#size-cells", 1), .cells("#address-cells", 1),
      .cells("ranges", 0, 0, 0x0c00_0000, 0x0200_0000)),
    transport(0), transport(1), transport(2), transport(3),
    .node(
      "pcie@10000000", .cells("#interrupt-cells", 1),
      .cells(
        "ranges", 0x0100_0000, 0, 0, 0, 0x3eff_0000, 0, 0x1_0000,
        0x0200_0000, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2eff_0000,
        0x0300_0000, 0x80, 0, 0x80, 0, 0x80, 0),
      .cells("reg", 0x40, 0x1000_0000, 0, 0x1000_0000), .cells("#size-cells", 2),
      .cells("#address-cells", 3), .strings("device_type", "pci"),
      .strings("compatible", "pci-host-ecam-generic")),
    .node(
      "pl011@9000000", .cells("interrupts", 0, 1, 4), .cells("reg", 0, 0x0900_0000, 0, 0x1000),
      .strings("compatible", "arm,pl011", "arm,primecell")),
    .node(
      "secure-uart@9040000", .strings("status", "disabled"), .cells("interrupts", 0, 8, 4),
      .cells("reg", 0, 0x0904_0000, 0, 0x1000), .strings("compatible", "arm,pl011")),
    .node(
      "intc@8000000", .cells("phandle", 0x8005), .cells("interrupts", 1, 9, 4),
      .cells("reg", 0, 0x0800_0000, 0, 0x1_0000, 0, 0x080a_0000, 0, 0x00f6_0000),
      .cells("#redistributor-regions", 1), .strings("compatible", "arm,gic-v3"),
      .empty("ranges"), .cells("#size-cells", 2), .cells("#address-cells", 2),
      .empty("interrupt-controller"), .cells("#interrupt-cells", 3),
      .node(
        "its@8080000", .cells("phandle", 0x8006), .cells("reg", 0, 0x0808_0000, 0, 0x2_0000),
        .strings("compatible", "arm,gic-v3-its"))),
    .node(
      "cpus", .cells("#size-cells", 0), .cells("#address-cells", 1), .node("cpu-map"), cpu(0),
      cpu(1)),
    .node(
      "timer", .cells("interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4),
      .strings("compatible", "arm,armv8-timer", "arm,armv7-timer")),
    .node("aliases", .strings("serial0", "/pl011@9000000")),
    .node(
      "chosen", .cells("linux,initrd-end", 0x4900_0000), .cells("linux,initrd-start", 0x4800_0000),
      .strings("bootargs", "console=ttyAMA0"), .strings("stdout-path", "serial0:115200n8")),
  ]

  static var builder: TreeBuilder {
    var builder = TreeBuilder(items)
    builder.reservations = [(0x4700_0000, 0x1_0000)]
    return builder
  }

  private static func transport(_ index: UInt32) -> Item {
    let address = 0x0a00_0000 + index * 0x200
    return .node(
      "virtio_mmio@" + String(address, radix: 16), .empty("dma-coherent"),
      .cells("interrupts", 0, 16 + index, 1), .cells("reg", 0, address, 0, 0x200),
      .strings("compatible", "virtio,mmio"))
  }

  private static func cpu(_ index: UInt32) -> Item {
    .node(
      "cpu@\(index)", .cells("reg", index), .strings("enable-method", "psci"),
      .strings("compatible", "arm,cortex-a72"), .strings("device_type", "cpu"))
  }
}
