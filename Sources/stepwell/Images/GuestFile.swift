internal import Foundation

/// What a guest's file is, once it is unpacked.
enum GuestFile: Equatable {
  /// An arm64 Image, which lies where its header says.
  case image(Data)
  /// A program with a place of its own.
  case program(PlacedProgram)

  /// Recognises a file by its first bytes, and unpacks it if it is packed.
  ///
  /// - Parameters:
  ///   - address: where a file lies that does not say so itself.
  ///   - name: the file's name, for errors.
  /// - Throws: `Failure` that says what the file is, and what to do.
  init(_ contents: Data, at address: UInt64?, named name: String) throws {
    let contents = try Self.unpacked(contents, named: name)
    if contents.starts(with: [0x7f] + Array("ELF".utf8), at: 0) {
      try Self.refuse(address, "an ELF file says itself where it lies", name)
      self = .program(try PlacedProgram(elf: contents, named: name))
    } else if (try? ImageHeader(contents, of: name)) != nil {
      try Self.refuse(address, "an arm64 Image says itself where it lies", name)
      self = .image(contents)
    } else if let address {
      self = .program(try PlacedProgram(raw: contents, at: address, named: name))
    } else {
      _ = try ImageHeader(contents, of: name)
      self = .image(contents)
    }
  }

  private static func refuse(_ address: UInt64?, _ reason: String, _ name: String) throws {
    guard let address else { return }
    throw Failure(
      "\(name): --at 0x\(String(address, radix: 16)) is for a raw binary; \(reason). Leave it out.")
  }

  /// What is inside of a gzip file or of an EFI application that unpacks itself (Linux,
  /// drivers/firmware/efi/libstub/zboot-header.S).
  private static func unpacked(_ contents: Data, named name: String) throws -> Data {
    if contents.starts(with: [0x1f, 0x8b], at: 0) {
      return try Inflate.gzip(contents, named: name)
    }
    guard contents.count >= 64, contents.starts(with: Array("MZ".utf8), at: 0),
      contents.starts(with: Array("zimg".utf8), at: 4)
    else { return contents }
    let places = contents.littleEndian(at: 8)
    let (offset, size) = (Int(places & 0xffff_ffff), Int(places >> 32))
    guard offset + size <= contents.count else {
      throw Failure("\(name) is a packed kernel (EFI zboot) that ends too early; make it again.")
    }
    let method = String(
      decoding: contents.dropFirst(24).prefix(32).prefix { $0 != 0 }, as: UTF8.self)
    guard method == "gzip" else {
      throw Failure(
        "\(name) is a kernel packed with \(method) (EFI zboot), of which only gzip is unpacked here; give "
          + "arch/arm64/boot/Image, which the kernel's build makes as well.")
    }
    return try Inflate.gzip(
      Data(contents.dropFirst(offset).prefix(size)), named: name)
  }
}
