import Foundation
import Testing

@testable import stepwell

/// An Image header and what follows it.
///
/// - Parameters:
///   - payload: the offset of the payload in the payload descriptor; nil for none.
///   - moves: whether the program moves its payload to the beginning of the image.
private func image(
  textOffset: UInt64 = 0, imageSize: UInt64 = 64, flags: UInt64 = 0xa, body: [UInt8] = [],
  payload: UInt64? = nil, moves: Bool = true
) -> Data {
  var bytes = Data(count: 64)
  bytes.setLittleEndian(textOffset, at: 8)
  bytes.setLittleEndian(imageSize, at: 16)
  bytes.setLittleEndian(flags, at: 24)
  bytes.replaceSubrange(56..<60, with: "ARM\u{64}".utf8)
  if let payload {
    bytes += Data("STEPWELL".utf8) + Data(count: 24)
    bytes.setLittleEndian(payload, at: 72)
    bytes.setLittleEndian(moves ? 2 : 0, at: 88)
  }
  return bytes + body
}

private let twoMiB: UInt64 = 2 << 20
private let offset: UInt64 = 5 << 16

@Suite struct `A boot image` {
  func compose(
    hypervisor: Data = image(imageSize: offset, body: [1, 2, 3], payload: offset),
    kernel: Data, holdsGuest: Bool = false
  ) throws -> Data {
    try BootImage.compose(
      hypervisor: hypervisor, kernel: kernel, named: "the kernel", holdsGuest: holdsGuest)
  }

  @Test func `has the kernel behind the memory that the hypervisor needs there`() throws {
    let kernel = image(imageSize: 100, body: [7, 8, 9])
    let composed = try compose(kernel: kernel)
    #expect(composed.dropFirst(Int(offset)) == kernel)
    #expect(composed[96..<99].elementsEqual([1, 2, 3]), "the hypervisor's own bytes stay")
    #expect(composed[99..<Int(offset)].allSatisfy { $0 == 0 }, "its uninitialised data is zero")
  }

  @Test(arguments: [
    // The kernel's own claim, and the bytes of its file. The file's place, then the kernel's.
    (claim: 64, bytes: 67, needs: offset + 67),
    (claim: 1000, bytes: 67, needs: offset + 67),
    (claim: offset + 100, bytes: 67, needs: offset + 100),
    (claim: 32 << 20, bytes: 67, needs: 32 << 20),
  ])
  func `asks the bootloader for no more memory than kernel or file take`(
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

  @Test func `of a program that does not move its payload has room behind it for the kernel`()
    throws
  {
    let program = image(imageSize: twoMiB, payload: twoMiB, moves: false)
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
    #expect(composed.littleEndian(at: 72) == offset)
    #expect(composed.littleEndian(at: 80) == UInt64(kernel.count))
    #expect(composed.littleEndian(at: 88) == (holds ? 3 : 2))
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
    image(payload: 0),
    image(payload: twoMiB + 64),
    image(payload: .max & ~(twoMiB - 1)),
    image(body: Array(repeating: 0, count: Int(offset)), payload: offset),  // larger than it says
  ])
  func `is refused for a damaged hypervisor`(hypervisor: Data) {
    #expect(throws: Failure.self) { try compose(hypervisor: hypervisor, kernel: image()) }
  }
}
