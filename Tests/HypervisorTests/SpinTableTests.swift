import DeviceTree
import Testing

@testable import Hypervisor

private let entry: UInt64 = 0x7fc0_1234

/// Memory in which cores wait at words, and what is done to it.
private struct Model: SpinTableHardware {
  var words: [UInt64: UInt64] = [:]
  var deeds: [String] = []
  /// Where nothing answers.
  var holes: Set<UInt64> = []

  mutating func store(_ value: UInt64, at address: UInt64) -> Bool {
    guard !holes.contains(address) else { return false }
    words[address] = value
    deeds.append("store \(String(address, radix: 16))")
    return true
  }

  mutating func sendEvent() { deeds.append("event") }
}

@Suite("Cores that wait at a spin table")
struct SpinTableTests {
  /// A tree with a CPU for each of `words`: nil where the CPU says psci, 0 where the loader fills it in.
  static func tree(
    _ words: [UInt64?], methodInCPUs: Bool = false, psci: String? = nil
  ) throws -> DeviceTree {
    var tree = FlatTree()
    tree.begin("")
    tree.add("#address-cells", [2])
    tree.add("#size-cells", [2])
    tree.begin("cpus")
    tree.add("#address-cells", [1])
    tree.add("#size-cells", [0])
    if methodInCPUs { tree.add("enable-method", text: "spin-table") }
    for (n, word) in words.enumerated() {
      tree.begin("cpu@\(n)")
      tree.add("device_type", text: "cpu")
      tree.add("reg", [UInt32(n)])
      if !methodInCPUs { tree.add("enable-method", text: word == nil ? "psci" : "spin-table") }
      if let word {
        tree.add("cpu-release-addr", [UInt32(word >> 32), UInt32(truncatingIfNeeded: word)])
      }
      tree.end()
    }
    tree.end()
    if let psci {
      tree.begin("psci")
      tree.add("compatible", text: psci)
      tree.add("method", text: "smc")
      tree.add("cpu_on", [0x95c1_ba60])
      tree.end()
    }
    tree.end()
    return try tree.finished()
  }

  private func call(
    _ tree: DeviceTree, boot: UInt64 = 0, holes: Set<UInt64> = []
  ) -> (Model, [UInt64]) {
    var model = Model(holes: holes)
    var called: [UInt64] = []
    SpinTable.callCores(
      of: tree, bootAffinity: boot, to: entry, hardware: &model,
      isOwn: { $0 >= 0x7fc0_0000 && $0 < 0x8000_0000 }, called: { called.append($0) })
    return (model, called)
  }

  @Test("each at its own word: the boot core's stays as it is, and one event follows all stores")
  func ownWords() throws {
    let (model, called) = call(try Self.tree([0xd8, 0xe0, 0xe8, 0xf0]))
    #expect(called == [1, 2, 3])
    #expect(model.words == [0xe0: entry, 0xe8: entry, 0xf0: entry])
    #expect(model.deeds == ["store e0", "store e8", "store f0", "event"])
  }

  @Test("all at one word, above 4 GiB: one value for all, and the pen tells them apart")
  func oneWord() throws {
    let word: UInt64 = 0x1_0000_fff8
    let (model, called) = call(try Self.tree([word, word, word]), boot: 1)
    #expect(called == [0, 2])
    #expect(model.words == [word: entry])
    #expect(model.deeds.last == "event")
  }

  @Test(
    "a word that the loader has not filled in, that is not aligned, EL2's own, or nowhere, calls nobody"
  )
  func impossibleWords() throws {
    let (model, called) = call(
      try Self.tree([0xd8, 0, 0xe4, 0x7fd0_0000, 0x9_0000_0000, 0xf0]), holes: [0x9_0000_0000])
    #expect(called == [5])
    #expect(model.words == [0xf0: entry])
  }

  @Test("CPUs that firmware starts are not called, and no event is sent")
  func psci() throws {
    let (model, called) = call(try Self.tree([nil, nil]))
    #expect(called.isEmpty && model.deeds.isEmpty)
  }

  @Test("the method may stand in /cpus")
  func methodForAll() throws {
    let (_, called) = call(try Self.tree([0xd8, 0xe0], methodInCPUs: true))
    #expect(called == [1])
  }

  // MARK: The guest's tree

  @Test(
    "the guest finds PSCI by HVC in place of the table",
    arguments: [nil, "arm,psci"], [false, true])
  func guestTree(oldPSCI: String?, methodInCPUs: Bool) throws {
    let tree = try Self.tree(
      [0xd8, 0xe0, 0xe8], methodInCPUs: methodInCPUs, psci: oldPSCI)
    var edits = DeviceTree.Edits(of: tree)
    try edits.offerPSCI(by: .hvc)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
    let size = try unsafe tree.write(edits, into: memory)
    #expect(try tree.size(with: edits) == size)
    let new = try unsafe DeviceTree(validating: UnsafeRawBufferPointer(memory))
    let psci = try #require(try new.psci())
    #expect(psci.conduit == .hvc && psci.version == .v1_0)
    #expect(!psci.node.has("cpu_on"))
    #expect(psci.node.isCompatible(with: "arm,psci-0.2"))
    var processors = try new.processors()
    var count = 0
    while let processor = processors.next() {
      #expect(processor.startMethod == .psci)
      #expect(!processor.node.has("cpu-release-addr"))
      count += 1
    }
    #expect(count == 3)
    #expect(new.root.child(named: "cpus")?.has("enable-method") == false)
  }

  @Test("with CPUs taken out besides, each new property has its own name")
  func withoutSomeCPUs() throws {
    let tree = try Self.tree([0xd8, 0xe0, 0xe8])
    var edits = DeviceTree.Edits(of: tree)
    try edits.keepProcessor(affinity: 0)
    try edits.keepProcessor(affinity: 2)
    try edits.set("number", to: 7, of: tree.root)
    try edits.offerPSCI(by: .smc)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
    _ = try unsafe tree.write(edits, into: memory)
    let new = try unsafe DeviceTree(validating: UnsafeRawBufferPointer(memory))
    #expect(try new.psci()?.conduit == .smc)
    #expect(new.root.property("number")?.number == 7)
    var processors = try new.processors()
    var affinities: [UInt64] = []
    while let processor = processors.next() {
      affinities.append(processor.affinity)
      #expect(processor.startMethod == .psci)
    }
    #expect(affinities == [0, 2])
  }

  // MARK: What else follows from it

  @Test("a word's page is in use when EL2 looks for its place, reserved or not")
  func wordIsInUse() throws {
    let tree = try Self.tree([0x4100_00d8, 0x4100_00e0])
    let used = try UsedMemory(
      tree: tree, at: 0x4800_0000, image: Region(from: 0, to: 1), interrupts: .none)
    func isUsed(_ address: UInt64) -> Bool {
      used.first(overlapping: Region(from: address, to: address + 1)) != nil
    }
    #expect(isUsed(0x4100_0000) && isUsed(0x4100_0fff))
    #expect(!isUsed(0x4100_1000) && !isUsed(0x40ff_ffff))
  }

  @Test(
    "an EL3 whose loader has a spin table and no PSCI does not answer SMC",
    arguments: [
      ([0xd8, 0xe0], nil, true, false), ([0xd8, 0xe0], "arm,psci-1.0", true, true),
      ([nil, nil], nil, true, true), ([nil, nil], nil, false, false),
      ([0xd8], nil, true, true),
    ] as [([UInt64?], String?, Bool, Bool)])
  func firmware(words: [UInt64?], psci: String?, isEL3: Bool, answers: Bool) throws {
    let tree = try Self.tree(words, psci: psci)
    var machine = MachineDescription(affinities: .forTests(words.count) { _ in 0 })
    try machine.readProcessors(tree, bootAffinity: 0)
    try machine.readFirmware(tree, isEL3: isEL3)
    let found = machine.firmwareAnswersSMC
    #expect(found == answers)
  }

  @Test("a place of the pen is where Boot.S looks for it")
  func layout() {
    #expect(MemoryLayout<PenPlace>.size == 24 && MemoryLayout<PenPlace>.stride == 24)
    #expect(MemoryLayout<PenPlace>.offset(of: \.affinity) == 0)
    #expect(MemoryLayout<PenPlace>.offset(of: \.record) == 8)
  }
}

/// Registers as they read, and what is written.
private struct Registers: PowerRegisters {
  var values: [UInt64: UInt32]
  var writes: [[UInt32]] = []

  mutating func read(_ address: UInt64) -> UInt32? { values[address] }
  mutating func write(_ address: UInt64, _ value: UInt32) {
    writes.append([UInt32(address & 0xff), value])
  }
}

@Suite("The power manager of a Raspberry Pi, drivers/watchdog/bcm2835_wdt.c")
struct PowerManagerTests {
  @Test("its watchdog resets the machine; off is a reset into partition 63")
  func end() {
    let manager = PowerManager(base: 0xfe10_0000)
    var registers = Registers(values: [0xfe10_001c: 0x112, 0xfe10_0020: 0x1000])
    manager.end(isOff: false, by: &registers)
    #expect(registers.writes == [[0x24, 0x5a00_000a], [0x1c, 0x5a00_0122]])
    registers.writes = []
    manager.end(isOff: true, by: &registers)
    #expect(
      registers.writes == [[0x20, 0x5a00_1555], [0x24, 0x5a00_000a], [0x1c, 0x5a00_0122]])
  }

  @Test("it is found in the tree, and used where no firmware answers", arguments: [false, true])
  func found(hasPSCI: Bool) throws {
    var tree = FlatTree()
    tree.begin("")
    tree.add("#address-cells", [1])
    tree.add("#size-cells", [1])
    tree.begin("cpus")
    tree.add("#address-cells", [1])
    tree.add("#size-cells", [0])
    for n: UInt32 in 0...1 {
      tree.begin("cpu@\(n)")
      tree.add("device_type", text: "cpu")
      tree.add("reg", [n])
      tree.add("enable-method", text: "spin-table")
      tree.end()
    }
    tree.end()
    tree.begin("watchdog@fe100000")
    tree.add("compatible", text: "brcm,bcm2835-pm-wdt")
    tree.add("reg", [0xfe10_0000, 0x114])
    tree.end()
    if hasPSCI {
      tree.begin("psci")
      tree.add("compatible", text: "arm,psci-1.0")
      tree.add("method", text: "smc")
      tree.end()
    }
    tree.end()
    let blob = try tree.finished()
    var machine = MachineDescription(affinities: .forTests(2) { _ in 0 })
    try machine.readProcessors(blob, bootAffinity: 0)
    try machine.readFirmware(blob, isEL3: true)
    let found = machine.powerManager
    #expect(found == (hasPSCI ? nil : PowerManager(base: 0xfe10_0000)))
  }
}
