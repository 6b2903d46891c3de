import Foundation
import Testing

@testable import stepwell

private func little(_ number: UInt64, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
}

/// A segment of an ELF file.
private struct Segment {
  var virtual: UInt64
  var physical: UInt64
  var bytes: [UInt8]
  var memory: UInt64?
  var type: UInt64 = 1
}

/// An ELF file for AArch64 (System V ABI, chapters 4 and 5).
private func elf(
  _ segments: [Segment], entry: UInt64, machine: UInt64 = 183, type: UInt64 = 2, bits: UInt8 = 2
) -> Data {
  var header = [0x7f] + Array("ELF".utf8) + [bits, 1, 1] + [UInt8](repeating: 0, count: 9)
  header += little(type, 2) + little(machine, 2) + little(1, 4) + little(entry, 8) + little(64, 8)
  header += little(0, 8) + little(0, 4) + little(64, 2) + little(56, 2)
  header += little(UInt64(segments.count), 2) + little(0, 6)
  var offset = UInt64(64 + 56 * segments.count)
  var table: [UInt8] = []
  for segment in segments {
    table += little(segment.type, 4) + little(5, 4) + little(offset, 8)
    table += little(segment.virtual, 8) + little(segment.physical, 8)
    table += little(UInt64(segment.bytes.count), 8)
    table += little(segment.memory ?? UInt64(segment.bytes.count), 8) + little(4096, 8)
    offset += UInt64(segment.bytes.count)
  }
  return Data(header + table + segments.flatMap(\.bytes))
}

private let text = Segment(virtual: 0x1000, physical: 0x4008_0000, bytes: [1, 2, 3, 4])
private let data = Segment(
  virtual: 0x3000, physical: 0x4008_0010, bytes: [5, 6], memory: 0x100)

/// An Image with nothing in it.
private func image() -> Data { ImageHeader.page(before: Data([7, 7])) }

@Suite struct `A guest's file` {
  @Test func `in ELF is loaded at its physical addresses, gaps and what is behind its end zero`()
    throws
  {
    let file = elf(
      [data, text, Segment(virtual: 0, physical: 0, bytes: [9], type: 4)], entry: 0x1002)
    let program = try PlacedProgram(elf: file, named: "it")
    #expect(program.address == 0x4008_0000)
    #expect(program.entry == 0x4008_0002)
    #expect(program.memory == 0x110)
    #expect(Array(program.bytes) == [1, 2, 3, 4] + [UInt8](repeating: 0, count: 12) + [5, 6])
    #expect(try GuestFile(file, at: nil, named: "it") == .program(program))
  }

  @Test(
    arguments: [
      (elf([text], entry: 0x1000, machine: 62), "not one of little-endian 64-bit Arm"),
      (elf([text], entry: 0x1000, bits: 1), "not one of little-endian 64-bit Arm"),
      (elf([text], entry: 0x1000, type: 1), "not linked"),
      (elf([], entry: 0), "no segments"),
      (elf([text], entry: 0x1004), "in none of its segments"),
      (elf([text], entry: 0x1000).dropLast(), "a segment is beyond its end"),
      (elf([text, data], entry: 0x1000).prefix(100), "table of segments is beyond its end"),
      (
        elf(
          [Segment(virtual: 1 << 63, physical: 0xffff_8000_0800_0000, bytes: [0])],
          entry: 1 << 63), "for Linux give arch/arm64/boot/Image"
      ),
      (
        elf([text, Segment(virtual: 0, physical: 0x1_4008_0000, bytes: [0])], entry: 0x1000),
        "1 GiB is the most"
      ),
      (
        elf([Segment(virtual: 0, physical: 0x4000_0000, bytes: [1, 2], memory: 1)], entry: 0),
        "a segment is beyond its end"
      ),
    ] as [(Data, String)])
  func `in ELF that cannot be the guest says why`(file: Data, reason: String) {
    let failure = #expect(throws: Failure.self) { try GuestFile(Data(file), at: nil, named: "it") }
    #expect(failure?.description.contains(reason) == true, "\(failure?.description ?? "")")
  }

  @Test func `that is a raw binary lies and begins at the address that is given`() throws {
    guard case .program(let program) = try GuestFile(Data([1, 2, 3]), at: 0x4020_0000, named: "it")
    else {
      Issue.record("no program")
      return
    }
    #expect(program.address == 0x4020_0000 && program.entry == 0x4020_0000)
    #expect(program.memory == 3 && Array(program.bytes) == [1, 2, 3])
  }

  @Test(
    arguments: [
      (Data([1, 2, 3]), nil, "(--at)"), (image(), 0x4000_0000, "Leave it out"),
      (elf([text], entry: 0x1000), 0x4000_0000, "Leave it out"), (Data(), 0x4000_0000, "is empty"),
      (Data([1]), 0x4000_0002, "multiples of 4"), (Data([1]), 1 << 60, "cannot lie at"),
    ] as [(Data, UInt64?, String)])
  func `and --at that do not go together are refused`(
    file: Data, address: UInt64?, reason: String
  ) {
    let failure = #expect(throws: Failure.self) { try GuestFile(file, at: address, named: "it") }
    #expect(failure?.description.contains(reason) == true, "\(failure?.description ?? "")")
  }

  // MARK: Packed

  /// gzip's program makes the test's data, so that it shares nothing with zlib's caller.
  private func gzip(_ data: Data) throws -> Data {
    let folder = FileManager.default.temporaryDirectory
    let file = folder.appending(path: "stepwell-\(UUID().uuidString)")
    try data.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-nc", file.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let packed = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return packed
  }

  /// An EFI application that unpacks itself (Linux, zboot-header.S).
  private func zboot(_ payload: Data, method: String) -> Data {
    var file = Data("MZ\0\0zimg".utf8) + Data(little(64, 4) + little(UInt64(payload.count), 4))
    file += Data(count: 8) + Data(method.utf8) + Data(count: 40 - method.utf8.count)
    return file + payload + Data(count: 100)
  }

  @Test(arguments: [100, 3 << 20])
  func `packed with gzip is unpacked`(padding: Int) throws {
    let image = ImageHeader.page(
      before: Data((0..<padding).map { UInt8(truncatingIfNeeded: $0 * 7) }))
    let packed = try gzip(image)
    #expect(packed.count < image.count)
    #expect(try GuestFile(packed, at: nil, named: "it") == .image(image))
    // Loaders pad it.
    #expect(try GuestFile(packed + Data(count: 10), at: nil, named: "it") == .image(image))
    #expect(try GuestFile(zboot(packed, method: "gzip"), at: nil, named: "it") == .image(image))
  }

  @Test func `packed in another way says which, and what to give`() throws {
    for method in ["zstd22", "zstd", "lz4"] {
      let failure = #expect(throws: Failure.self) {
        try GuestFile(zboot(Data([1]), method: method), at: nil, named: "it")
      }
      #expect(failure?.description.contains("packed with \(method)") == true)
      #expect(failure?.description.contains("arch/arm64/boot/Image") == true)
    }
  }

  @Test func `that is damaged is refused`() throws {
    let packed = try gzip(image())
    for damaged in [packed.dropLast(20), packed.prefix(12), packed.prefix(20) + Data(count: 30)] {
      let failure = #expect(throws: Failure.self) {
        try GuestFile(Data(damaged), at: nil, named: "it")
      }
      #expect(failure?.description.contains("damaged or ends too early") == true)
    }
    #expect(throws: Failure.self) {
      try GuestFile(zboot(packed, method: "gzip").prefix(80), at: nil, named: "it")
    }
  }

  // MARK: In a boot image

  @Test func `with a place of its own is told to the hypervisor`() throws {
    var hypervisor = Data(count: 8192)
    hypervisor.replaceSubrange(56..<64, with: "ARM\u{64}\0\0\0\0".utf8)
    hypervisor.replaceSubrange(64..<72, with: "STEPWELL".utf8)
    hypervisor.setLittleEndian(1 << 16, at: 72)
    hypervisor.setLittleEndian(2, at: 88)
    let program = try PlacedProgram(elf: elf([text, data], entry: 0x1000), named: "it")
    let composed = try BootImage.compose(
      hypervisor: hypervisor, program: program, named: "it", holdsGuest: true)
    let place = Int(composed.littleEndian(at: 96))
    for copy in [0, place] {
      #expect(composed.littleEndian(at: copy + 88) == 7)
      #expect(composed.littleEndian(at: copy + 128) == program.address)
      #expect(composed.littleEndian(at: copy + 136) == program.entry)
      #expect(composed.littleEndian(at: copy + 144) == program.memory)
      #expect(composed.littleEndian(at: copy + 80) == UInt64(4096 + program.bytes.count))
    }
    #expect(composed.dropFirst(4096).starts(with: program.bytes))
    #expect(try ImageHeader(composed, of: "it").textOffset == 0)
  }
}
