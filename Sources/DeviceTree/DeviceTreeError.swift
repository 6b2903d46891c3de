/// Everything that can be wrong with a flattened device tree, with a query, or with an edit.
///
/// Nothing in this module traps on the contents of a tree.
public enum DeviceTreeError: UInt8, Error, Equatable, Sendable {
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

  /// A sentence for the console about each error, one on a line, in the order of the cases.
  public static var descriptions: StaticString {
    """
    The device tree is shorter than its 40-byte header.
    There is no device tree here: the magic number 0xd00dfeed is missing.
    The device tree's format is not compatible with version 17.
    The device tree's total size is impossible or more than 2 MiB.
    A block of the device tree is misaligned or outside of the tree.
    The device tree's memory reservation block has no end.
    The device tree's strings block does not end with a NUL.
    The device tree's structure block ends in mid-token.
    The device tree's structure block has a token of an unknown kind.
    A node name in the device tree has no terminating NUL.
    A node of the device tree other than the root has no name.
    A property's name is outside of the device tree's strings block.
    The device tree has a property outside of, or after, a node's children.
    The beginnings and ends of the device tree's nodes do not match.
    The device tree has no root node, or more than one.
    The device tree's nodes are nested more than 16 deep.
    A property that the device tree's bindings require is missing.
    A property of the device tree has an impossible length or value.
    An address or size in the device tree is not of one or two cells.
    An address in the device tree has no CPU physical address.
    A region in the device tree goes beyond the end of the address space.
    A property of the device tree has fewer entries than were asked for.
    A node of the device tree has interrupts but no interrupt parent.
    The interrupt goes to a controller that is not a GICv3.
    An interrupt of the device tree has an unknown kind, number or trigger.
    The node to edit belongs to another device tree.
    The root of a device tree cannot be removed.
    There is no room for another edit of the device tree.
    The edited device tree does not fit into the memory given for it.
    A device tree cannot be written over the one it is made from.
    """
  }
}
