internal import Foundation

@testable internal import stepwell

/// A flattened device tree (Devicetree Specification v0.4, chapter 5), taken apart and put together again, packed. It
/// shares no code with the module that reads trees at EL2.
struct FlatTree {
  struct Node {
    var name: String
    var properties: [(name: String, value: [UInt8])] = []
    var children: [Node] = []

    mutating func set(_ name: String, _ value: [UInt8]) {
      properties.removeAll { $0.name == name }
      properties.append((name, value))
    }

    mutating func set(_ name: String, text: String) { set(name, Array(text.utf8) + [0]) }

    /// Has `body` change each node below whose name begins like this.
    mutating func forEach(_ prefix: String, _ body: (inout Node) -> Void) {
      for index in children.indices {
        if children[index].name.hasPrefix(prefix) { body(&children[index]) }
        children[index].forEach(prefix, body)
      }
    }
  }

  var root = Node(name: "")
  var reservations: [(address: UInt64, size: UInt64)] = []

  init(_ data: Data) {
    let bytes = Array(data)
    func word(_ offset: Int) -> Int {
      bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    func text(_ offset: Int) -> String {
      String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }
    var entry = word(16)
    while word(entry) | word(entry + 4) | word(entry + 8) | word(entry + 12) != 0 {
      reservations.append(
        (
          UInt64(word(entry)) << 32 | UInt64(word(entry + 4)),
          UInt64(word(entry + 8)) << 32 | UInt64(word(entry + 12))
        ))
      entry += 16
    }
    var offset = word(8)
    let strings = word(12)
    var open: [Node] = []
    while true {
      let token = word(offset)
      offset += 4
      switch token {
      case 1:
        let name = text(offset)
        offset += (name.utf8.count + 4) & ~3
        open.append(Node(name: name))
      case 2:
        let node = open.removeLast()
        if open.isEmpty { root = node } else { open[open.count - 1].children.append(node) }
      case 3:
        let (count, name) = (word(offset), text(strings + word(offset + 4)))
        offset += 8
        open[open.count - 1].properties.append((name, Array(bytes[offset..<offset + count])))
        offset += (count + 3) & ~3
      case 9: return
      default: continue
      }
    }
  }

  /// The tree as a blob without slack.
  var data: Data {
    var structure: [UInt8] = []
    var strings: [UInt8] = []
    var places: [String: Int] = [:]
    func pad(_ bytes: inout [UInt8]) { while bytes.count % 4 != 0 { bytes.append(0) } }
    func write(_ node: Node) {
      structure += Self.cells([1]) + Array(node.name.utf8) + [0]
      pad(&structure)
      for property in node.properties {
        let place = places[property.name] ?? strings.count
        if place == strings.count { strings += Array(property.name.utf8) + [0] }
        places[property.name] = place
        structure += Self.cells([3, property.value.count, place]) + property.value
        pad(&structure)
      }
      for child in node.children { write(child) }
      structure += Self.cells([2])
    }
    write(root)
    structure += Self.cells([9])
    let block = Self.cells(
      (reservations + [(0, 0)]).flatMap { entry in
        [entry.address, entry.size].flatMap { [Int($0 >> 32), Int($0 & 0xffff_ffff)] }
      })
    let structureStart = 40 + block.count
    let stringsStart = structureStart + structure.count
    let header = Self.cells([
      0xd00d_feed, stringsStart + strings.count, structureStart, stringsStart, 40, 17, 16, 0,
      strings.count, structure.count,
    ])
    return Data(header + block + structure + strings)
  }

  static func cells(_ cells: [Int]) -> [UInt8] {
    cells.flatMap { cell in (0..<4).map { UInt8(cell >> (24 - 8 * $0) & 0xff) } }
  }

  /// The tree that QEMU makes for `virt` with EL2, a GICv3 and the debug link.
  static func virt(_ name: String, memory: String = "256M", cpus: Int = 1) async throws
    -> FlatTree
  {
    let plain = try MachineTests.file("\(name).plain.dtb", Data())
    try await RunningProgram.run(
      Machine.emulator,
      [
        "-M", "virt,virtualization=on,gic-version=3,dumpdtb=\(plain)", "-cpu", "cortex-a72", "-m",
        memory, "-smp", "\(cpus)", "-nographic", "-nic", "none", "-device",
        "virtio-serial-device,id=stepwell,bus=virtio-mmio-bus.0",
      ]
    ) { _ = try await $0.end(within: .seconds(20)) }
    return FlatTree(try Data(contentsOf: URL(filePath: plain)))
  }
}
