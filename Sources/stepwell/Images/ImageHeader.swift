internal import Foundation

/// The 64-byte header of an arm64 Image (Linux, Documentation/arm64/booting.rst), which boot loaders read
/// to place the file in memory.
struct ImageHeader: Equatable {
  static let size = 64

  /// Bytes from a 2 MiB boundary to where the image wants to be.
  var textOffset: UInt64
  /// Bytes of memory that the image takes, uninitialised data included. 0 if the header does not say
  /// (kernels before 3.17).
  var imageSize: UInt64
  /// Byte order, page size, and whether it may lie anywhere or wants to be near the beginning of RAM.
  var flags: UInt64

  /// Bytes from a 2 MiB boundary to where loaders put the image: 0x80000 if the header does not give a size,
  /// ``textOffset`` otherwise.
  var placement: UInt64 { imageSize == 0 ? 0x80000 : textOffset }

  /// - Throws: `Failure` that says what `name` is instead, if that can be recognised.
  init(_ bytes: Data, of name: String) throws {
    guard bytes.count >= Self.size, bytes.starts(with: Self.magic, at: 56) else {
      throw Failure("\(name) is not an arm64 Image: \(Self.description(of: bytes))")
    }
    textOffset = bytes.littleEndian(at: 8)
    imageSize = bytes.littleEndian(at: 16)
    flags = bytes.littleEndian(at: 24)
  }

  /// Writes the fields back into the header they were read from.
  func write(to bytes: inout Data) {
    bytes.setLittleEndian(textOffset, at: 8)
    bytes.setLittleEndian(imageSize, at: 16)
    bytes.setLittleEndian(flags, at: 24)
  }

  /// An Image of a page with a header, and `bytes` behind it.
  static func page(before bytes: Data) -> Data {
    var page = Data(count: 4096)
    // Little-endian, 4 KiB pages, anywhere in memory.
    page.setLittleEndian(UInt64(page.count + bytes.count), at: 16)
    page.setLittleEndian(0xa, at: 24)
    page.replaceSubrange(56..<60, with: magic)
    return page + bytes
  }

  private static let magic = Array("ARM\u{64}".utf8)

  /// What a file is that is no Image, and how to get an Image from it.
  private static func description(of bytes: Data) -> String {
    if bytes.starts(with: [0x1f, 0x8b], at: 0) {
      "it is compressed; unpack it first, as with gunzip."
    } else if bytes.starts(with: Array("zimg".utf8), at: 4) {
      "it is an EFI application that unpacks itself; give the Image from inside it."
    } else if bytes.starts(with: [0x7f] + Array("ELF".utf8), at: 0) {
      "it is an ELF file; for Linux give arch/arm64/boot/Image."
    } else if bytes.isEmpty {
      "it is empty."
    } else {
      "it lacks the magic number at byte 56; for Linux give arch/arm64/boot/Image, and for a raw binary its "
        + "address (--at)."
    }
  }
}

extension Data {
  /// The little-endian number in the eight bytes at an offset, which must be there.
  func littleEndian(at offset: Int) -> UInt64 {
    self[startIndex + offset..<startIndex + offset + 8].reversed().reduce(0) {
      $0 << 8 | UInt64($1)
    }
  }

  mutating func setLittleEndian(_ value: UInt64, at offset: Int) {
    for n in 0..<8 { self[startIndex + offset + n] = UInt8(truncatingIfNeeded: value >> (8 * n)) }
  }

  /// Whether these bytes are at an offset.
  func starts(with bytes: [UInt8], at offset: Int) -> Bool {
    dropFirst(offset).starts(with: bytes)
  }
}
