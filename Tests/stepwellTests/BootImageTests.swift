import Foundation
import Testing

@testable import stepwell

/// An Image header with what follows it.
///
/// - Parameters:
///   - memory: with a payload descriptor, what the program needs.
///   - goesBehind: whether the program goes behind its payload.
private func image(
  textOffset: UInt64 = 0, imageSize: UInt64 = 64, flags: UInt64 = 0xa, body: [UInt8] = [],
  memory: UInt64? = nil, goesBehind: Bool = true
) -> Data {
  var bytes = Data(count: 64)
  bytes.setLittleEndian(textOffset, at: 8)
  bytes.setLittleEndian(imageSize, at: 16)
  bytes.setLittleEndian(flags, at: 24)
  bytes.replaceSubrange(56..<60, with: "ARM\u{64}".utf8)
  if let memory {
    bytes += Data("STEPWELL".utf8) + Data(count: 32)
    bytes.setLittleEndian(memory, at: 72)
    bytes.setLittleEndian(goesBehind ? 2 : 0, at: 88)
  }
  return bytes + body
}

private let twoMiB: UInt64 = 2 << 20
private let memory: UInt64 = 5 << 16
private let page = 4096
/// A hypervisor of two pages, each byte of which is told from the kernel's.
private let program = image(
  imageSize: memory, body: Array(repeating: 0xee, count: 2 * page - 104), memory: memory)

/// MOVZ Xd, #immediate (Arm ARM C6.2.247).
private func movz(x register: UInt32, _ immediate: Int) -> UInt32 {
  0b110_100101_00 << 21 | UInt32(immediate) << 5 | register
}

/// MOVK Xd, #immediate, LSL #16 (Arm ARM C6.2.245).
private func movk(x register: UInt32, _ immediate: Int) -> UInt32 {
  0b111_100101_01 << 21 | UInt32(immediate) << 5 | register
}

@Suite struct `A boot image` {
  func compose(
    hypervisor: Data = program,
    kernel: Data, holdsGuest: Bool = false
  ) throws -> Data {
    try BootImage.compose(
      hypervisor: hypervisor, kernel: kernel, named: "the kernel", holdsGuest: holdsGuest)
  }

  @Test(arguments: [1, page - 64, page, 2 * page - 65, 3 * page + 1])
  func `has the kernel where it lies alone, but for its first page`(bytes: Int) throws {
    let kernel = image(imageSize: 100, body: (0..<bytes).map { UInt8($0 & 0x7f) })
    let composed = try compose(kernel: kernel)
    #expect(composed.dropFirst(page).starts(with: kernel.dropFirst(page)))
    let place = Int(composed.littleEndian(at: 96))
    #expect(place % page == 0)
    let first = kernel.prefix(page)
    #expect(composed.dropFirst(place - page).starts(with: first), "the first page is kept")
    #expect(composed[(place - page + first.count)..<place].allSatisfy { $0 == 0 })
    // B to the instructions behind the descriptor, which the program's first page has there.
    #expect(UInt32(truncatingIfNeeded: composed.littleEndian(at: 0)) == 0x1400_001a)
    #expect(composed[104..<108].allSatisfy { $0 == 0xee })
    #expect(
      UInt32(truncatingIfNeeded: composed.littleEndian(at: 108)) == movz(x: 17, place & 0xffff))
    #expect(UInt32(truncatingIfNeeded: composed.littleEndian(at: 112)) == movk(x: 17, place >> 16))
    #expect(composed[116..<page].allSatisfy { $0 == 0xee })
    #expect(composed.dropFirst(place + 104).elementsEqual(program.dropFirst(104)))
    #expect(composed.littleEndian(at: place + 96) == UInt64(place), "it finds the kernel from here")
  }

  @Test(
    arguments: [
      // What the kernel claims, the bytes of its file, and what is needed: one page more than the file has.
      (64, 67, 0x2000 + memory),
      (1000, 4097, 0x3000 + memory),
      (memory + 100, 67, 0x2000 + memory),
      (32 << 20, 67, 32 << 20),
    ] as [(UInt64, Int, UInt64)])
  func `asks the boot loader for no more memory than kernel or file take`(
    claim: UInt64, bytes: Int, needs: UInt64
  ) throws {
    let kernel = image(imageSize: claim, body: Array(repeating: 1, count: bytes - 64))
    let composed = try compose(kernel: kernel)
    #expect(try ImageHeader(composed, of: "it").imageSize == needs)
  }

  @Test(
    arguments: [
      (image(textOffset: 0, flags: 0xa), 0, 0xa),
      (image(textOffset: 0x80000, flags: 2), 0x80000, 2),
      (image(textOffset: 0x1f_f000), 0x1f_f000, 0xa),
      // One that does not say its size does not say this either.
      (image(textOffset: 0x1234, imageSize: 0, flags: 0), 0x80000, 0),
    ] as [(Data, UInt64, UInt64)])
  func `goes where the kernel would go alone`(
    kernel: Data, textOffset: UInt64, flags: UInt64
  ) throws {
    let header = try ImageHeader(try compose(kernel: kernel), of: "it")
    #expect(header.textOffset == textOffset)
    #expect(header.flags == flags)
  }

  @Test func `of a program that stays in front has room behind it for the kernel`()
    throws
  {
    let program = image(imageSize: twoMiB, memory: twoMiB, goesBehind: false)
    let composed = try compose(hypervisor: program, kernel: image(imageSize: 1000))
    let header = try ImageHeader(composed, of: "it")
    #expect(header.imageSize == twoMiB + 1000)
    #expect(header.textOffset == 0)
    #expect(throws: Failure.self) {
      try compose(hypervisor: program, kernel: image(textOffset: 0x80000))
    }
  }

  @Test(arguments: [false, true])
  func `tells the hypervisor the kernel's size, and whether to hold it`(holds: Bool) throws {
    let kernel = image(body: [1, 2, 3, 4, 5])
    let composed = try compose(kernel: kernel, holdsGuest: holds)
    for copy in [0, Int(composed.littleEndian(at: 96))] {
      #expect(composed.littleEndian(at: copy + 72) == memory)
      #expect(composed.littleEndian(at: copy + 80) == UInt64(kernel.count))
      #expect(composed.littleEndian(at: copy + 88) == (holds ? 3 : 2))
    }
  }

  @Test(arguments: [
    (Data(), "it is empty."),
    (Data(count: 64), "it lacks the magic number at byte 56"),
    (Data("ARM\u{64}".utf8), "it lacks the magic number at byte 56"),
    (Data([0x1f, 0x8b]) + Data(count: 100), "it is compressed"),
    (Data([0x7f]) + Data("ELF".utf8) + Data(count: 100), "it is an ELF file"),
    (Data("MZ\0\0zimg".utf8) + Data(count: 100), "it is an EFI application that unpacks itself"),
  ])
  func `is refused for a kernel that is no arm64 Image`(kernel: Data, reason: String) {
    let failure = #expect(throws: Failure.self) { try compose(kernel: kernel) }
    #expect(failure?.description.hasPrefix("the kernel is not an arm64 Image: \(reason)") == true)
  }

  @Test(arguments: [1, 0x80008, twoMiB + 2048])
  func `is refused for a kernel that does not begin on a page`(offset: UInt64) {
    #expect(throws: Failure.self) { try compose(kernel: image(textOffset: offset)) }
  }

  @Test func `is refused for a kernel that claims more memory than there can be`() {
    #expect(throws: Failure.self) { try compose(kernel: image(imageSize: .max)) }
  }

  @Test(arguments: [
    image(),  // no payload descriptor
    image(memory: 0),
    image(memory: twoMiB + 64),
    image(memory: .max & ~(twoMiB - 1)),
    image(body: Array(repeating: 0, count: Int(memory)), memory: memory),  // larger than it says
    image(body: [1], memory: memory),  // less than a page
  ])
  func `is refused for a damaged hypervisor`(hypervisor: Data) {
    #expect(throws: Failure.self) { try compose(hypervisor: hypervisor, kernel: image()) }
  }
}
