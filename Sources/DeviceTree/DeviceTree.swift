/// A flattened device tree (Devicetree Specification v0.4, chapter 5), read where it lies.
///
/// A tree is validated once, as a whole; from then on its nodes and properties are views into it
/// that cost no memory. What is wrong in a *property* is found when the property is asked for.
///
/// What there is more than one of is an iterator, to be used with `while let`. It is no `Sequence`:
/// that protocol makes arrays, and there is no heap to make them of.
public struct DeviceTree: Sendable {
  /// The most that a tree may take, in bytes: the limit of the arm64 Linux boot protocol.
  public static let maximumSize = 2 << 20
  /// How deep nodes may be nested, the root included.
  public static let maximumDepth = 16

  let bytes: ByteView
  let structure: ByteView
  let strings: ByteView
  let reservationBlock: ByteView

  /// MPIDR affinity of the CPU that boots (`boot_cpuid_phys`).
  public let bootCPU: UInt32

  /// Checks the whole of a tree's form.
  ///
  /// - Parameter memory: starts with the tree and may be longer than it. It must stay in place and
  ///   unchanged for as long as the tree, or anything read from it, is used.
  @unsafe
  public init(validating memory: UnsafeRawBufferPointer) throws(DeviceTreeError) {
    let memory = unsafe ByteView(memory)
    let header = try Header(memory)
    guard let bytes = memory.slice(0..<header.totalSize) else { throw .badTotalSize }
    guard let structure = bytes.slice(header.structure),
      let strings = bytes.slice(header.strings)
    else { throw .misplacedBlock }
    // One NUL at the end of the block is one at the end of every name in it.
    guard strings.isEmpty || strings[strings.count - 1] == 0 else { throw .unterminatedStrings }

    self.bytes = bytes
    self.structure = structure
    self.strings = strings
    reservationBlock = try Reservations.block(in: bytes.suffix(from: header.reservations))
    bootCPU = header.bootCPU
    try StructureReader(structure: structure, strings: strings).validate()
  }

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
  public var totalSize: Int { bytes.count }
}
