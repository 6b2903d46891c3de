extension DeviceTree {
  /// How many bytes the edited tree takes, without slack.
  public func size(with edits: borrowing Edits) throws(DeviceTreeError) -> Int {
    // A sink without memory only counts.
    var writer = unsafe TreeWriter(source: self, output: ByteSink(.init(start: nil, count: 0)))
    try writer.write(edits)
    return writer.output.count
  }

  /// Writes an edited tree. Everything that is not edited stays the same, in the same order.
  ///
  /// The new tree has no slack. It fits into the place of the old tree unless the edits add more than they
  /// and the lost slack take away: each exclusion from the middle of a region adds one entry of `reg`.
  ///
  /// - Parameter destination: must not overlap this tree. If it is too small, it is left without a valid
  ///   header.
  /// - Returns: the size in bytes of the new tree.
  @unsafe
  public func write(
    _ edits: borrowing Edits, into destination: UnsafeMutableRawBufferPointer
  ) throws(DeviceTreeError) -> Int {
    let memory = unsafe ByteView(UnsafeRawBufferPointer(destination))
    guard !memory.addresses.overlaps(bytes.addresses) else { throw .destinationOverlapsSource }
    var writer = unsafe TreeWriter(source: self, output: ByteSink(destination))
    try writer.write(edits)
    guard writer.output.isComplete else { throw .destinationTooSmall }
    writer.writeHeader()
    return writer.output.count
  }
}

/// Writes a tree in the order that the specification recommends: header, memory reservations,
/// structure, strings.
private struct TreeWriter {
  let source: DeviceTree
  var output: ByteSink
  /// The offsets of the blocks.
  private var structure = 0
  private var strings = 0

  init(source: DeviceTree, output: ByteSink) {
    self.source = source
    self.output = output
  }

  /// Writes everything behind the header. The numbers in the header are known only afterwards.
  mutating func write(_ edits: borrowing DeviceTree.Edits) throws(DeviceTreeError) {
    try edits.check(source)
    for _ in 0..<(Header.byteCount / 4) { output.append(cell: 0) }
    output.append(source.reservationBlock)
    for _ in 0..<4 { output.append(cell: 0) }
    structure = output.count
    try writeStructure(edits)
    strings = output.count
    output.append(source.strings)
    // The new names, in the order in which `nameOffset` counts them.
    if edits.removesProcessors { writeTerminated(Self.status) }
    if edits.offeredPSCI != nil {
      writeTerminated(Self.enableMethod)
      writeTerminated(Self.compatible)
      writeTerminated(Self.method)
    }
    for index in 0..<edits.settings.count {
      if let setting = edits.settings[index] { writeTerminated(setting.name) }
    }
    guard output.count <= DeviceTree.maximumSize else { throw .badTotalSize }
  }

  func writeHeader() {
    func store(_ value: Int, _ field: Header.Field) {
      output.store(cell: UInt32(truncatingIfNeeded: value), at: field.rawValue)
    }
    output.store(cell: Header.magic, at: Header.Field.magic.rawValue)
    output.store(cell: Header.version, at: Header.Field.version.rawValue)
    output.store(
      cell: Header.compatibleVersion, at: Header.Field.lastCompatibleVersion.rawValue)
    output.store(cell: source.bootCPU, at: Header.Field.bootCPU.rawValue)
    store(output.count, .totalSize)
    store(Header.byteCount, .reservationsOffset)
    store(structure, .structureOffset)
    store(strings - structure, .structureSize)
    store(strings, .stringsOffset)
    store(output.count - strings, .stringsSize)
  }

  private mutating func writeStructure(
    _ edits: borrowing DeviceTree.Edits
  ) throws(DeviceTreeError) {
    var nodes = source.nodes
    // The number of nodes that have begun and not ended.
    var open = 0
    while let node = nodes.next() {
      if try leavesOut(node, edits) {
        nodes.skipDescendants()
        continue
      }
      while open > node.depth {
        output.append(cell: StructureReader.Code.endNode)
        open -= 1
      }
      try writeBeginning(of: node, edits)
      if node.depth == 0 { writePSCI(edits) }
      open += 1
    }
    for _ in 0..<open { output.append(cell: StructureReader.Code.endNode) }
    output.append(cell: StructureReader.Code.end)
  }

  private func leavesOut(
    _ node: DeviceTree.Node, _ edits: borrowing DeviceTree.Edits
  ) throws(DeviceTreeError) -> Bool {
    if edits.removes(node) || edits.fate(of: node) == .removed || edits.isUnusedTopology(node) {
      return true
    }
    // A memory node without a rest.
    guard var remaining = try edits.remainingMemory(of: node) else { return false }
    return remaining.next(edits) == nil
  }

  /// Writes a node up to its last property.
  private mutating func writeBeginning(
    of node: DeviceTree.Node, _ edits: borrowing DeviceTree.Edits
  ) throws(DeviceTreeError) {
    output.append(cell: StructureReader.Code.beginNode)
    writeTerminated(node.name)
    output.pad()
    let hasFailed = edits.fate(of: node) == .failed
    var properties = node.properties
    while let property = properties.next() {
      if hasFailed && property.isNamed(Self.status)
        || edits.sets(property, of: node) || edits.replaces(property, of: node)
      {
        // This property gets its new value below.
        continue
      }
      if property.isNamed("reg"), let remaining = try edits.remainingMemory(of: node) {
        write(remaining, edits, nameOffset: property.nameOffset(in: source.strings))
      } else {
        beginProperty(
          count: property.count, nameOffset: property.nameOffset(in: source.strings))
        output.append(property.value)
        output.pad()
      }
    }
    var nameOffset = source.strings.count
    if hasFailed { writeProperty("fail", nameOffset: nameOffset) }
    if edits.removesProcessors { nameOffset += Self.status.count + 1 }
    if edits.offeredPSCI != nil {
      if edits.isProcessor(node) { writeProperty("psci", nameOffset: nameOffset) }
      nameOffset += Self.enableMethod.count + Self.compatible.count + Self.method.count + 3
    }
    for index in 0..<edits.settings.count {
      guard let setting = edits.settings[index] else { continue }
      if Int(setting.nodeOffset) == node.offset {
        write(setting.value, nameOffset: nameOffset)
      }
      nameOffset += setting.name.count + 1
    }
  }

  private mutating func write(_ value: PropertySetting.Value, nameOffset: Int) {
    switch value {
    case .nothing: break
    case .number(let number):
      beginProperty(count: 8, nameOffset: nameOffset)
      output.append(number, cells: .two)
    case .text(let first, let second):
      let hasSpace = !first.isEmpty && !second.isEmpty
      beginProperty(
        count: first.count + (hasSpace ? 1 : 0) + second.count + 1, nameOffset: nameOffset)
      output.append(first.bytes)
      if hasSpace { output.append(UInt8(ascii: " ")) }
      writeTerminated(second)
      output.pad()
    }
  }

  /// Writes the node of the PSCI that the new tree offers, if it does. The root's properties come before it.
  private mutating func writePSCI(_ edits: borrowing DeviceTree.Edits) {
    guard let conduit = edits.offeredPSCI else { return }
    output.append(cell: StructureReader.Code.beginNode)
    writeTerminated("psci")
    output.pad()
    var nameOffset = source.strings.count + Self.enableMethod.count + 1
    if edits.removesProcessors { nameOffset += Self.status.count + 1 }
    let (newest, older): (DeviceTree.Text, DeviceTree.Text) = ("arm,psci-1.0", "arm,psci-0.2")
    beginProperty(count: newest.count + older.count + 2, nameOffset: nameOffset)
    writeTerminated(newest)
    writeTerminated(older)
    output.pad()
    nameOffset += Self.compatible.count + 1
    switch conduit {
    case .smc: writeProperty("smc", nameOffset: nameOffset)
    case .hvc: writeProperty("hvc", nameOffset: nameOffset)
    }
    output.append(cell: StructureReader.Code.endNode)
  }

  // The names that new properties may have, in the order in which they stand behind the old tree's.
  private static var status: DeviceTree.Text { "status" }
  private static var enableMethod: DeviceTree.Text { "enable-method" }
  private static var compatible: DeviceTree.Text { "compatible" }
  private static var method: DeviceTree.Text { "method" }

  /// Writes a property that is one string.
  private mutating func writeProperty(_ text: DeviceTree.Text, nameOffset: Int) {
    beginProperty(count: text.count + 1, nameOffset: nameOffset)
    writeTerminated(text)
    output.pad()
  }

  private mutating func beginProperty(count: Int, nameOffset: Int) {
    output.append(cell: StructureReader.Code.property)
    output.append(cell: UInt32(truncatingIfNeeded: count))
    output.append(cell: UInt32(truncatingIfNeeded: nameOffset))
  }

  private mutating func write(
    _ regions: RemainingMemory, _ edits: borrowing DeviceTree.Edits, nameOffset: Int
  ) {
    let lengthOffset = output.count + 4
    beginProperty(count: 0, nameOffset: nameOffset)
    let start = output.count
    var regions = regions
    while let region = regions.next(edits) {
      output.append(region.address, cells: regions.cells.address)
      output.append(region.size, cells: regions.cells.size)
    }
    output.store(cell: UInt32(truncatingIfNeeded: output.count - start), at: lengthOffset)
  }

  private mutating func writeTerminated(_ text: DeviceTree.Text) {
    output.append(text.bytes)
    output.append(0)
  }
}
