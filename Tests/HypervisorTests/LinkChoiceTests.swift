import DeviceTree
import Testing

@testable import Hypervisor

/// A board of UARTs behind one GICv3.
private struct Board {
  struct UART {
    var name: String
    var models: [String]
    var address: UInt32
    var spi: UInt32
    var flags: UInt32 = 4
    var status: String?
    var hasChild = false
    var numbers: [(String, UInt32)] = []
    var words: [(String, String)] = []
    var interrupts: [UInt32]?
  }

  var uarts: [UART] = []
  var standardOutput: String?
  /// Other devices: name, address, size, SPI.
  var others: [(String, UInt32, UInt32, UInt32)] = []
  var virtio: [UInt32] = []

  func tree() throws -> DeviceTree {
    var tree = FlatTree()
    tree.begin("")
    tree.add("#address-cells", [1])
    tree.add("#size-cells", [1])
    tree.add("interrupt-parent", [1])
    tree.begin("chosen")
    if let standardOutput { tree.add("stdout-path", text: standardOutput) }
    tree.end()
    tree.begin("aliases")
    for (index, uart) in uarts.enumerated() {
      tree.add("serial\(index)", text: "/\(uart.name)")
    }
    tree.end()
    tree.begin("intc")
    tree.add("compatible", text: "arm,gic-v3")
    tree.add("#interrupt-cells", [3])
    tree.add("phandle", [1])
    tree.end()
    for uart in uarts {
      tree.begin(uart.name)
      tree.add("compatible", text: uart.models.joined(separator: "\0"))
      tree.add("reg", [uart.address, 0x100])
      tree.add("interrupts", uart.interrupts ?? [0, uart.spi, uart.flags])
      if let status = uart.status { tree.add("status", text: status) }
      for (name, value) in uart.numbers { tree.add(name, [value]) }
      for (name, value) in uart.words { tree.add(name, text: value) }
      if uart.hasChild {
        tree.begin("bluetooth")
        tree.end()
      }
      tree.end()
    }
    for (name, address, size, spi) in others {
      tree.begin(name)
      tree.add("compatible", text: "some,device")
      tree.add("reg", [address, size])
      tree.add("interrupts", [0, spi, 4])
      tree.end()
    }
    for address in virtio {
      tree.begin("virtio@\(String(address, radix: 16))")
      tree.add("compatible", text: "virtio,mmio")
      tree.add("reg", [address, 0x200])
      tree.add("interrupts", [0, 90, 1])
      tree.end()
    }
    tree.end()
    return try tree.finished()
  }

  func link() throws -> LinkDescription {
    let tree = try tree()
    return try MachineDescription.findLink(
      tree, console: MachineDescription.findConsole(tree)
    ) { virtio.map(UInt64.init).contains($0) }
  }

  /// Why there is no link: the UARTs' addresses and obstacles.
  func refusal() throws -> [(UInt64, LinkObstacle)] {
    do {
      let link = try link()
      Issue.record("\(link.device) is the link")
      return []
    } catch let error as MachineError {
      guard case .noDebugLink(let survey) = error else {
        Issue.record("\(error)")
        return []
      }
      return (0..<survey.count).compactMap { index in
        survey[index].map { ($0.uart.base, $0.obstacle) }
      }
    }
  }
}

@Suite("Which UART is the console, and which the debug link")
struct LinkChoiceTests {
  private static let first = Board.UART(
    name: "serial@1000000", models: ["arm,pl011", "arm,primecell"], address: 0x100_0000, spi: 1)
  private static let second = Board.UART(
    name: "serial@2000000", models: ["arm,pl011", "arm,primecell"], address: 0x200_0000, spi: 2)

  @Test(
    "The console is the one of stdout-path, by path or by alias, or else the first that is enabled")
  func console() throws {
    var board = Board(uarts: [Self.first, Self.second])
    #expect(try MachineDescription.findConsole(board.tree())?.base == 0x100_0000)
    board.standardOutput = "/serial@2000000"
    #expect(try MachineDescription.findConsole(board.tree())?.base == 0x200_0000)
    board.standardOutput = "serial1:115200n8"
    #expect(try MachineDescription.findConsole(board.tree())?.base == 0x200_0000)
    board.standardOutput = "/nothing"
    #expect(try MachineDescription.findConsole(board.tree())?.base == 0x100_0000)
    board.uarts[0].status = "disabled"
    #expect(try MachineDescription.findConsole(board.tree())?.base == 0x200_0000)
    board.uarts = []
    #expect(try MachineDescription.findConsole(board.tree()) == nil)
  }

  @Test("The link is the second UART, with the interrupt and the trigger that the tree gives it")
  func secondUART() throws {
    var board = Board(uarts: [Self.first, Self.second])
    var link = try board.link()
    #expect(link.device == .uart(UARTDescription(family: .pl011, base: 0x200_0000)))
    #expect(link.isSerial)
    #expect(link.interrupts[0] == .init(number: InterruptNumber(34), trigger: .level))
    #expect(link.interrupts[1] == nil)
    #expect(link.page == Region(from: 0x200_0000, to: 0x200_1000))
    // Where the second is the console, it is the first.
    board.standardOutput = "serial1"
    board.uarts[0].flags = 1
    link = try board.link()
    #expect(link.device.base == 0x100_0000)
    #expect(link.interrupts[0] == .init(number: InterruptNumber(33), trigger: .edge))
  }

  @Test("A virtio port is the link before any UART")
  func virtio() throws {
    var board = Board(uarts: [Self.first, Self.second])
    board.virtio = [0xa00_0200, 0xa00_0000]
    let link = try board.link()
    #expect(link.device == .virtio(transport: 0xa00_0000))
    #expect(!link.isSerial)
  }

  @Test("What a UART is needed for otherwise keeps it from being the link, and the refusal says so")
  func obstacles() throws {
    var board = Board(uarts: [Self.first])
    #expect(try board.refusal().map(\.1) == [.console])

    board.uarts = [Self.first, Self.second]
    board.uarts[1].hasChild = true
    #expect(try board.refusal().map(\.1) == [.console, .hasChildren])

    board.uarts[1] = Self.second
    board.uarts[1].interrupts = [9, 9, 9]
    #expect(try board.refusal().map(\.1) == [.console, .noInterrupt])

    board.uarts[1] = Self.second
    board.others = [("clock@2000800", 0x200_0800, 0x100, 40)]
    #expect(try board.refusal().map(\.1) == [.console, .sharesPage])

    board.others = [("spi@5000000", 0x500_0000, 0x100, 2)]
    #expect(try board.refusal().map(\.1) == [.console, .sharesInterrupt])

    // The console is in its page as well.
    board.others = []
    board.uarts[1].address = 0x100_0100
    #expect(try board.refusal().map(\.1) == [.console, .sharesPage])
  }

  @Test(
    "One that is disabled, or firmware's, is none", arguments: ["disabled", "reserved", "fail"])
  func notEnabled(status: String) throws {
    var board = Board(uarts: [Self.first, Self.second])
    board.uarts[1].status = status
    #expect(try board.refusal().count == 1)
  }

  @Test("The one after it is taken where a UART is needed otherwise")
  func third() throws {
    var board = Board(uarts: [Self.first, Self.second, Self.second])
    board.uarts[1].hasChild = true
    board.uarts[2].name = "serial@3000000"
    board.uarts[2].address = 0x300_0000
    board.uarts[2].spi = 3
    #expect(try board.link().device.base == 0x300_0000)
  }

  struct Family: CustomTestStringConvertible {
    var testDescription: String { models.joined(separator: ", ") }
    var models: [String]
    var numbers: [(String, UInt32)] = []
    var expected: UARTDescription?
  }

  static let families = [
    Family(models: ["arm,pl011", "arm,primecell"], expected: .init(family: .pl011, base: 0)),
    Family(
      models: ["arm,pl011"], numbers: [("reg-io-width", 4)],
      expected: .init(family: .pl011, base: 0, isWide: true)),
    Family(models: ["arm,sbsa-uart"], expected: .init(family: .sbsa, base: 0)),
    Family(
      models: ["rockchip,rk3399-uart", "snps,dw-apb-uart"],
      numbers: [("reg-shift", 2), ("reg-io-width", 4)],
      expected: .init(family: .designWare, base: 0, registerShift: 2, isWide: true)),
    Family(
      models: ["marvell,armada-38x-uart", "snps,dw-apb-uart"],
      numbers: [("reg-shift", 2), ("reg-io-width", 1)],
      expected: .init(family: .designWare, base: 0, registerShift: 2)),
    Family(
      models: ["mediatek,mt8173-uart", "mediatek,mt6577-uart"],
      expected: .init(family: .mediaTek, base: 0, registerShift: 2, isWide: true)),
    Family(
      models: ["ti,am64-uart", "ti,am654-uart"],
      expected: .init(family: .omap, base: 0, registerShift: 2)),
    Family(
      models: ["nvidia,tegra194-uart", "nvidia,tegra20-uart"], numbers: [("reg-shift", 2)],
      expected: .init(family: .tegra, base: 0, registerShift: 2, isWide: true)),
    Family(models: ["fsl,ns16550", "ns16550a"], expected: .init(family: .freescale, base: 0)),
    Family(
      models: ["ns16550a"], numbers: [("reg-shift", 2), ("reg-offset", 0x20)],
      expected: .init(family: .ns16550, base: 0x20, registerShift: 2)),
    Family(models: ["ns16550a"], numbers: [("reg-shift", 40)], expected: nil),
    Family(
      models: ["brcm,bcm2835-aux-uart"],
      expected: .init(family: .miniUART, base: 0, registerShift: 2, isWide: true)),
    Family(
      models: ["xlnx,zynqmp-uart", "cdns,uart-r1p12"],
      expected: .init(family: .cadenceR1P12, base: 0)),
    Family(models: ["xlnx,xuartps"], expected: .init(family: .cadence, base: 0)),
    Family(
      models: ["fsl,imx8mp-uart", "fsl,imx6q-uart"], expected: .init(family: .imx, base: 0)),
    Family(
      models: ["amlogic,meson-gx-uart", "amlogic,meson-ao-uart"],
      expected: .init(family: .meson, base: 0)),
    Family(
      models: ["renesas,scif-r8a77951", "renesas,rcar-gen3-scif", "renesas,scif"],
      expected: .init(family: .scif, base: 0)),
    Family(
      models: ["renesas,hscif-r8a77951", "renesas,rcar-gen3-hscif", "renesas,hscif"],
      expected: .init(family: .hscif, base: 0)),
    Family(
      models: ["renesas,scif-r9a07g044"], expected: .init(family: .compactSCIF, base: 0)),
    Family(
      models: ["fsl,ls1043a-lpuart", "fsl,ls1021a-lpuart"],
      expected: .init(family: .bigEndianLPUART, base: 0)),
    Family(models: ["fsl,ls1028a-lpuart"], expected: .init(family: .littleEndianLPUART, base: 0)),
    Family(
      models: ["fsl,imx93-lpuart", "fsl,imx8ulp-lpuart", "fsl,imx7ulp-lpuart"],
      expected: .init(family: .shiftedLPUART, base: 0)),
    Family(models: ["qcom,geni-debug-uart"], expected: nil),
    Family(models: ["arm,pl011-not"], expected: nil),
  ]

  @Test("A UART is known by its compatible, and its registers by the tree", arguments: families)
  func family(_ family: Family) throws {
    let uart = Board.UART(
      name: "serial@0", models: family.models, address: 0, spi: 5, numbers: family.numbers)
    let tree = try Board(uarts: [uart]).tree()
    let node = try #require(tree.node(at: "/serial@0"))
    #expect(UARTDescription(node) == family.expected)
  }

  @Test("Of the lines of an RZ's SCIF those are taken that something may be waited for on")
  func lines() throws {
    var specifiers: [UInt32] = []
    for number in 380...385 as ClosedRange<UInt32> {
      // The one for transmission is an edge.
      specifiers += [0, number, number == 382 ? 1 : 4]
    }
    let scif = Board.UART(
      name: "serial@2000000", models: ["renesas,scif-r9a07g044"], address: 0x200_0000, spi: 0,
      words: [("interrupt-names", "eri\0rxi\0txi\0bri\0dri\0tei")],
      interrupts: specifiers)
    let link = try Board(uarts: [Self.first, scif]).link()
    let expected: [UInt32] = [413, 414, 412, 415]
    for index in 0..<4 {
      #expect(link.interrupts[index]?.number.rawValue == expected[index])
    }
    #expect(link.interrupts[1]?.trigger == .edge && link.interrupts[0]?.trigger == .level)
  }

  @Test("The block that a mini-UART is in does not keep it from being the link")
  func miniUART() throws {
    var board = Board(uarts: [Self.first])
    board.uarts.append(
      Board.UART(
        name: "serial@2000040", models: ["brcm,bcm2835-aux-uart"], address: 0x200_0040, spi: 93))
    board.uarts.append(
      Board.UART(
        name: "aux@2000000", models: ["brcm,bcm2835-aux"], address: 0x200_0000, spi: 93))
    let link = try board.link()
    #expect(link.device.base == 0x200_0040)
    #expect(link.page.address == 0x200_0000)
  }
}
