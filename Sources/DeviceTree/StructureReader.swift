/// Reads the tokens of a structure block, one after the other
/// (Devicetree Specification v0.4, section 5.4).
///
/// Only this type knows the layout of the block: validation, iteration and writing are loops around it. On a
/// validated block it never throws.
struct StructureReader {
  enum Token {
    /// - Parameter offset: the place of the token, which identifies a node.
    case beginNode(offset: Int, name: DeviceTree.Text)
    case endNode
    case property(DeviceTree.Property)
    case end
  }

  /// The numbers of the tokens.
  enum Code {
    static let beginNode: UInt32 = 1
    static let endNode: UInt32 = 2
    static let property: UInt32 = 3
    static let nop: UInt32 = 4
    static let end: UInt32 = 9
  }

  private let structure: ByteView
  private let strings: ByteView
  private var offset: Int

  init(_ tree: DeviceTree, offset: Int = 0) {
    structure = tree.structureBlock
    strings = tree.strings
    self.offset = offset
  }

  mutating func next() throws(DeviceTreeError) -> Token {
    while true {
      let start = offset
      switch try readCell() {
      case Code.beginNode: return .beginNode(offset: start, name: try readName())
      case Code.endNode: return .endNode
      case Code.property: return .property(try readProperty())
      case Code.nop: continue
      case Code.end: return .end
      default: throw .unknownToken
      }
    }
  }

  private mutating func readCell() throws(DeviceTreeError) -> UInt32 {
    guard let cell = structure.cell(at: offset) else { throw .truncatedStructure }
    offset += 4
    return cell
  }

  private mutating func readName() throws(DeviceTreeError) -> DeviceTree.Text {
    guard let end = structure.firstOffset(of: 0, from: offset),
      let name = structure.slice(offset..<end)
    else { throw .unterminatedName }
    offset = end + 1
    skipPadding()
    return DeviceTree.Text(name)
  }

  private mutating func readProperty() throws(DeviceTreeError) -> DeviceTree.Property {
    let size = Int(try readCell())
    let nameOffset = Int(try readCell())
    guard nameOffset < strings.count else { throw .badPropertyName }
    guard let value = structure.slice(offset..<(offset + size)) else { throw .truncatedStructure }
    offset += size
    skipPadding()
    guard let property = DeviceTree.Property(names: strings.suffix(from: nameOffset), value: value)
    else { throw .badPropertyName }
    return property
  }

  private mutating func skipPadding() {
    offset = (offset + 3) & ~3
  }
}

extension StructureReader {
  /// Checks the form of the block, without regard to the meaning of properties.
  consuming func validate() throws(DeviceTreeError) {
    var depth = 0
    var hasRoot = false
    // All properties of a node come before its children.
    var mayHaveProperty = false
    while true {
      switch try next() {
      case .beginNode(_, let name):
        if depth == 0 {
          guard !hasRoot else { throw .notOneRoot }
          hasRoot = true
        } else if name.isEmpty {
          throw .unnamedNode
        }
        guard depth < DeviceTree.maximumDepth else { throw .tooDeep }
        depth += 1
        mayHaveProperty = true
      case .endNode:
        guard depth > 0 else { throw .unbalancedNodes }
        depth -= 1
        mayHaveProperty = false
      case .property:
        guard mayHaveProperty else { throw .misplacedProperty }
      case .end:
        guard depth == 0 else { throw .unbalancedNodes }
        guard hasRoot else { throw .notOneRoot }
        return
      }
    }
  }
}
