/// A flattened device tree (Devicetree Specification v0.4, chapter 5), read where it lies.
///
/// A tree is validated once, as a whole. From then on its nodes and properties are views into it, which cost
/// no memory. A fault in a *property* is found when the property is asked for.
///
/// Nodes, properties and regions come from iterators, which are used with `while let`. They are no
/// `Sequence`: that protocol makes arrays, and there is no heap for them.
@safe
public struct DeviceTree: @unchecked Sendable {
  /// The most that a tree may take, in bytes: the limit of the arm64 Linux boot protocol.
  public static let maximumSize = 2 << 20
  /// The greatest depth of nodes, the root included.
  public static let maximumDepth = 16

  /// The place of the tree. Nobody changes the tree while there are views of it.
  private let start: UnsafeRawPointer

  /// Checks the form of a whole tree.
  ///
  /// - Parameter memory: starts with the tree and may be longer than the tree. It must stay in place and
  ///   unchanged while the tree, or anything read from it, is used.
  @unsafe
  public init(validating memory: UnsafeRawBufferPointer) throws(DeviceTreeError) {
    let memory = unsafe ByteView(memory)
    let header = try Header(memory)
    guard let bytes = memory.slice(0..<header.totalSize) else { throw .badTotalSize }
    guard bytes.slice(header.structure) != nil, let strings = bytes.slice(header.strings) else {
      throw .misplacedBlock
    }
    // With a NUL at the end of the block, every name in it ends with a NUL.
    guard strings.isEmpty || strings[strings.count - 1] == 0 else { throw .unterminatedStrings }

    // The caller keeps the memory in place, and the header that was just read says how long the tree is.
    guard let start = unsafe bytes.start else { throw .truncatedHeader }
    unsafe self.start = start
    _ = try Reservations.block(in: bytes.suffix(from: header.reservations))
    try StructureReader(self).validate()
  }

  /// A tree that ``init(validating:)`` has accepted, and that nobody has changed since.
  ///
  /// - Parameter start: where it lies, for as long as the tree, or anything read from it, is used.
  @unsafe
  public init(validated start: UnsafeRawPointer) { unsafe self.start = start }

  /// The size in bytes that the header of a tree gives, for a caller that has only a pointer to the tree.
  ///
  /// - Parameter header: the first 40 bytes of the tree, or more.
  @unsafe
  public static func totalSize(
    header: UnsafeRawBufferPointer
  ) throws(DeviceTreeError) -> Int {
    try Header(unsafe ByteView(header)).totalSize
  }

  /// The size of the tree in bytes, including slack.
  public var totalSize: Int { Int(header(.totalSize)) }

  /// MPIDR affinity of the CPU that boots (`boot_cpuid_phys`).
  public var bootCPU: UInt32 { header(.bootCPU) }
}

extension DeviceTree {
  private func header(_ field: Header.Field) -> UInt32 {
    // A validated tree has a whole header. The tree may be unaligned, so it is read byte by byte.
    let cell = unsafe UnsafeRawBufferPointer(start: start + field.rawValue, count: 4)
    return unsafe UInt32(cell[0]) &<< 24 | UInt32(cell[1]) &<< 16 | UInt32(cell[2]) &<< 8
      | UInt32(cell[3])
  }

  /// The tree as a whole.
  var bytes: ByteView {
    // Validation has compared the size in the header with the memory.
    unsafe ByteView(UnsafeRawBufferPointer(start: start, count: totalSize))
  }

  private func block(from start: Header.Field, size: Header.Field) -> ByteView {
    // Validation has checked that the block is in the tree.
    unsafe ByteView(
      UnsafeRawBufferPointer(start: self.start + Int(header(start)), count: Int(header(size))))
  }

  var structureBlock: ByteView { block(from: .structureOffset, size: .structureSize) }

  var strings: ByteView { block(from: .stringsOffset, size: .stringsSize) }

  /// The memory reservation block without the entry that ends it.
  var reservationBlock: ByteView {
    (try? Reservations.block(in: bytes.suffix(from: Int(header(.reservationsOffset))))) ?? .empty
  }

  /// Whether both are views of the same memory.
  func isSame(as other: DeviceTree) -> Bool { unsafe start == other.start }
}
