/// The header of a flattened device tree (Devicetree Specification v0.4, section 5.2).
struct Header {
  static let magic: UInt32 = 0xd00d_feed
  static let byteCount = 40
  /// The version that is read and written. Each tree says with which version it is compatible.
  static let version: UInt32 = 17
  /// The oldest version whose readers can read a tree that is written here.
  static let compatibleVersion: UInt32 = 16

  let totalSize: Int
  let structure: Range<Int>
  let strings: Range<Int>
  let reservations: Int

  /// Reads the header alone, and does not check whether a tree of that size follows.
  init(_ bytes: ByteView) throws(DeviceTreeError) {
    // Bytes that are too few for a header have no magic number.
    guard bytes.count >= Header.byteCount else { throw .truncatedHeader }
    // It is long enough for every field.
    func field(_ field: Field) -> UInt32 { bytes.cell(at: field.rawValue) ?? 0 }
    guard field(.magic) == Header.magic else { throw .badMagic }
    guard field(.version) >= Header.version,
      field(.lastCompatibleVersion) <= Header.version
    else { throw .unsupportedVersion }
    totalSize = Int(field(.totalSize))
    guard totalSize >= Header.byteCount, totalSize <= DeviceTree.maximumSize else {
      throw .badTotalSize
    }

    // 32-bit numbers are added as 64-bit numbers: no sum can overflow.
    let structureStart = Int(field(.structureOffset))
    structure = structureStart..<(structureStart + Int(field(.structureSize)))
    let stringsStart = Int(field(.stringsOffset))
    strings = stringsStart..<(stringsStart + Int(field(.stringsSize)))
    reservations = Int(field(.reservationsOffset))

    guard structure.lowerBound >= Header.byteCount, structure.upperBound <= totalSize,
      structure.lowerBound % 4 == 0,
      strings.lowerBound >= Header.byteCount, strings.upperBound <= totalSize,
      reservations >= Header.byteCount, reservations <= totalSize, reservations % 8 == 0
    else { throw .misplacedBlock }
  }

  /// Byte offsets of the header's fields.
  enum Field: Int {
    case magic = 0
    case totalSize = 4
    case structureOffset = 8
    case stringsOffset = 12
    case reservationsOffset = 16
    case version = 20
    case lastCompatibleVersion = 24
    case bootCPU = 28
    case stringsSize = 32
    case structureSize = 36
  }
}
