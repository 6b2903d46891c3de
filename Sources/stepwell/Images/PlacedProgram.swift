internal import Foundation

/// A program that has a place in memory of its own, and is no arm64 Image.
struct PlacedProgram: Equatable {
  /// What is loaded, from ``address`` on.
  var bytes: Data
  /// The physical address of the first byte.
  var address: UInt64
  /// The physical address of the first instruction.
  var entry: UInt64
  /// The bytes of memory from ``address`` on that the program takes, data that is not in its file included.
  var memory: UInt64

  /// The most that a program may take, in bytes.
  static let limit: UInt64 = 1 << 30

  /// A file that is loaded as it is, and entered at its first byte.
  ///
  /// - Throws: `Failure` if it cannot be there.
  init(raw bytes: Data, at address: UInt64, named name: String) throws {
    guard !bytes.isEmpty else { throw Failure("\(name) is empty.") }
    guard address % 4 == 0 else {
      throw Failure("\(name) cannot run at \(hex(address)): instructions lie at multiples of 4.")
    }
    guard UInt64(bytes.count) <= Self.limit, address < 1 << 48 else {
      throw Failure("\(name) cannot lie at \(hex(address)) with \(bytes.count) bytes.")
    }
    self.bytes = bytes
    self.address = address
    entry = address
    memory = UInt64(bytes.count)
  }

  /// The segments of an ELF file (System V ABI, chapters 4 and 5; Arm IHI 0056), at their physical addresses.
  ///
  /// - Throws: `Failure` that says what is wrong with it.
  init(elf file: Data, named name: String) throws {
    func fail(_ reason: String) -> Failure { Failure("\(name) cannot be the guest: \(reason)") }
    guard file.count >= 64, file.starts(with: [0x7f] + Array("ELF".utf8), at: 0) else {
      throw fail("it is no ELF file.")
    }
    guard file.number(at: 4, bytes: 1) == 2, file.number(at: 5, bytes: 1) == 1,
      file.number(at: 18, bytes: 2) == 183
    else { throw fail("it is an ELF file, but not one of little-endian 64-bit Arm (AArch64).") }
    guard [2, 3].contains(file.number(at: 16, bytes: 2)) else {
      throw fail("it is an ELF file that is not linked; link it.")
    }
    let table = file.number(at: 32, bytes: 8)
    let (size, count) = (file.number(at: 54, bytes: 2), file.number(at: 56, bytes: 2))
    guard size >= 56, table <= UInt64(file.count), size * count <= UInt64(file.count) - table else {
      throw fail("its table of segments is beyond its end.")
    }
    let segments = try (0..<count).compactMap { index -> Segment? in
      let segment = Segment(file, at: Int(table + index * size))
      guard segment.type == Segment.load, segment.memorySize > 0 else { return nil }
      guard segment.fits(in: file) else { throw fail("a segment is beyond its end.") }
      return segment
    }
    guard let first = segments.map(\.address).min() else { throw fail("it has no segments.") }
    guard segments.allSatisfy({ $0.address < 1 << 48 }) else {
      throw fail(
        "it asks for physical addresses like \(hex(segments.map(\.address).max() ?? 0)), which there are not; "
          + "for Linux give arch/arm64/boot/Image.")
    }
    let last = segments.map { $0.address + $0.memorySize }.max() ?? first
    guard last - first <= Self.limit else {
      throw fail("its segments are \(last - first) bytes apart; 1 GiB is the most.")
    }
    let start = file.number(at: 24, bytes: 8)
    guard
      let home = segments.first(where: {
        start >= $0.virtualAddress && start - $0.virtualAddress < $0.memorySize
      })
    else { throw fail("its entry point \(hex(start)) is in none of its segments.") }
    let loaded = segments.map { $0.address + $0.fileSize }.max() ?? first
    var bytes = Data(count: Int(loaded - first))
    for segment in segments {
      let place = Int(segment.address - first)
      let contents = file.dropFirst(Int(segment.offset)).prefix(Int(segment.fileSize))
      bytes.replaceSubrange(place..<place + contents.count, with: contents)
    }
    self.bytes = bytes
    address = first
    entry = home.address + (start - home.virtualAddress)
    memory = last - first
  }

  /// A program header (System V ABI, chapter 5).
  private struct Segment {
    static let load: UInt64 = 1
    let type, offset, virtualAddress, address, fileSize, memorySize: UInt64

    init(_ file: Data, at place: Int) {
      type = file.number(at: place, bytes: 4)
      offset = file.number(at: place + 8, bytes: 8)
      virtualAddress = file.number(at: place + 16, bytes: 8)
      address = file.number(at: place + 24, bytes: 8)
      fileSize = file.number(at: place + 32, bytes: 8)
      memorySize = file.number(at: place + 40, bytes: 8)
    }

    func fits(in file: Data) -> Bool {
      fileSize <= memorySize && offset <= UInt64(file.count)
        && fileSize <= UInt64(file.count) - offset
        && !address.addingReportingOverflow(memorySize).overflow
    }
  }
}

private func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

extension Data {
  /// The little-endian number in some bytes at an offset, which must be there.
  fileprivate func number(at offset: Int, bytes count: Int) -> UInt64 {
    self[startIndex + offset..<startIndex + offset + count].reversed().reduce(0) {
      $0 << 8 | UInt64($1)
    }
  }
}
