/// A flattened device tree (Devicetree Specification v0.4, chapter 5), read where it lies.
///
/// A tree is validated once, as a whole; from then on its nodes and properties are views into it
/// that cost no memory. What is wrong in a *property* is found when the property is asked for.
///
/// What there is more than one of is an iterator, to be used with `while let`. It is no `Sequence`:
/// that protocol makes arrays, and there is no heap to make them of.
@safe
public struct DeviceTree: @unchecked Sendable {
  /// The most that a tree may take, in bytes: the limit of the arm64 Linux boot protocol.
  public static let maximumSize = 2 << 20
  /// How deep nodes may be nested, the root included.
  public static let maximumDepth = 16

  /// Where the tree lies. Nobody changes it while there are views of it.
  private let start: UnsafeRawPointer

  /// Checks the whole of a tree's form.
  ///
  /// - Parameter memory: starts with the tree and may be longer than it. It must stay in place and
  ///   unchanged for as long as the tree, or anything read from it, is used.
  @unsafe
  public init(validating memory: UnsafeRawBufferPointer) throws(DeviceTreeError) {
    let memory = unsafe ByteView(memory)
    let header = try Header(memory)
    guard let bytes = memory.slice(0..<header.totalSize) else { throw .badTotalSize }
    guard bytes.slice(header.structure) != nil, let strings = bytes.slice(header.strings) else {
      throw .misplacedBlock
    }
    // One NUL at the end of the block is one at the end of every name in it.
    guard strings.isEmpty || strings[strings.count - 1] == 0 else { throw .unterminatedStrings }

    // Under the promise given here, and the header that was just read says how far it reaches.
    guard let start = unsafe bytes.start else { throw .truncatedHeader }
    unsafe self.start = start
    _ = try Reservations.block(in: bytes.suffix(from: header.reservations))
    try StructureReader(self).validate()
  }

  /// A tree that ``init(validating:)`` has found good, and that nobody has changed since.
  ///
  /// - Parameter start: where it lies, for as long as the tree, or anything read from it, is used.
  @unsafe
  public init(validated start: UnsafeRawPointer) { unsafe self.start = start }

  /// The size in bytes that a tree's header gives, for whoever has only a pointer to it.
  ///
  /// - Parameter header: the first 40 bytes of the tree, or more.
  @unsafe
  public static func totalSize(
    header: UnsafeRawBufferPointer
  ) throws(DeviceTreeError) -> Int {
    try Header(unsafe ByteView(header)).totalSize
  }

  /// The size in bytes of the tree as it lies, with whatever slack it has.
  public var totalSize: Int { Int(header(.totalSize)) }

  /// MPIDR affinity of the CPU that boots (`boot_cpuid_phys`).
  public var bootCPU: UInt32 { header(.bootCPU) }
}

extension DeviceTree {
  private func header(_ field: Header.Field) -> UInt32 {
    // A tree that was validated has a whole header. It may lie unaligned, so byte by byte.
    let cell = unsafe UnsafeRawBufferPointer(start: start + field.rawValue, count: 4)
    return unsafe UInt32(cell[0]) &<< 24 | UInt32(cell[1]) &<< 16 | UInt32(cell[2]) &<< 8
      | UInt32(cell[3])
  }

  /// The tree as a whole.
  var bytes: ByteView {
    // As long as the header says, which validation has compared with the memory.
    unsafe ByteView(UnsafeRawBufferPointer(start: start, count: totalSize))
  }

  private func block(from start: Header.Field, size: Header.Field) -> ByteView {
    // Validation has seen that the block is in the tree.
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
