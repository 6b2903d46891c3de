/// Everything that can be wrong with a flattened device tree, with a query, or with an edit.
///
/// Nothing in this module traps on the contents of a tree.
public enum DeviceTreeError: Error, Equatable, Sendable {
  // The header and the blocks it places.
  case truncatedHeader
  case badMagic
  case unsupportedVersion
  case badTotalSize
  case misplacedBlock
  case unterminatedReservations
  case unterminatedStrings

  // The structure block.
  case truncatedStructure
  case unknownToken
  case unterminatedName
  case unnamedNode
  case badPropertyName
  case misplacedProperty
  case unbalancedNodes
  case notOneRoot
  case tooDeep

  // The meaning of properties.
  case missingProperty
  case malformedProperty
  case unsupportedCells
  case untranslatableAddress
  case wrappingRegion
  case missingEntry
  case noInterruptParent
  case unsupportedInterruptController
  case unknownInterrupt

  // Editing and writing.
  case foreignNode
  case rootRemoved
  case tooManyEdits
  case destinationTooSmall
  case destinationOverlapsSource

  /// A sentence for the console.
  public var sentence: StaticString {
    switch self {
    case .truncatedHeader: "The device tree is shorter than its 40-byte header."
    case .badMagic: "There is no device tree here: the magic number 0xd00dfeed is missing."
    case .unsupportedVersion: "The device tree's format is not compatible with version 17."
    case .badTotalSize: "The device tree's total size is impossible or more than 2 MiB."
    case .misplacedBlock: "A block of the device tree is misaligned or outside of the tree."
    case .unterminatedReservations: "The device tree's memory reservation block has no end."
    case .unterminatedStrings: "The device tree's strings block does not end with a NUL."
    case .truncatedStructure: "The device tree's structure block ends in mid-token."
    case .unknownToken: "The device tree's structure block has a token of an unknown kind."
    case .unterminatedName: "A node name in the device tree has no terminating NUL."
    case .unnamedNode: "A node of the device tree other than the root has no name."
    case .badPropertyName: "A property's name is outside of the device tree's strings block."
    case .misplacedProperty:
      "The device tree has a property outside of, or after, a node's children."
    case .unbalancedNodes: "The beginnings and ends of the device tree's nodes do not match."
    case .notOneRoot: "The device tree has no root node, or more than one."
    case .tooDeep: "The device tree's nodes are nested more than 16 deep."
    case .missingProperty: "A property that the device tree's bindings require is missing."
    case .malformedProperty: "A property of the device tree has an impossible length or value."
    case .unsupportedCells: "An address or size in the device tree is not of one or two cells."
    case .untranslatableAddress: "An address in the device tree has no CPU physical address."
    case .wrappingRegion: "A region in the device tree goes beyond the end of the address space."
    case .missingEntry: "A property of the device tree has fewer entries than were asked for."
    case .noInterruptParent: "A node of the device tree has interrupts but no interrupt parent."
    case .unsupportedInterruptController:
      "The interrupt goes to a controller that is neither a GICv2 nor a GICv3."
    case .unknownInterrupt:
      "An interrupt of the device tree has an unknown kind, number or trigger."
    case .foreignNode: "The node to edit belongs to another device tree."
    case .rootRemoved: "The root of a device tree cannot be removed."
    case .tooManyEdits: "There is no room for another edit of the device tree."
    case .destinationTooSmall: "The edited device tree does not fit into the memory given for it."
    case .destinationOverlapsSource: "A device tree cannot be written over the one it is made from."
    }
  }
}
