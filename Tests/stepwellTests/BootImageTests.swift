import Foundation
import Testing

@testable import stepwell

/// An Image header with what follows it.
private func image(
  textOffset: UInt64 = 0, imageSize: UInt64 = 0, body: [UInt8] = [], reserved: UInt64? = nil
) -> Data {
  var bytes = Data(count: 64)
  bytes.setLittleEndian(textOffset, at: 8)
  bytes.setLittleEndian(imageSize, at: 16)
  bytes.replaceSubrange(56..<60, with: "ARM\u{64}".utf8)
  if let reserved {
    bytes += Data("STEPWELL".utf8) + Data(count: 24)
    bytes.setLittleEndian(reserved, at: 72)
  }
  return bytes + body
}

private let twoMiB: UInt64 = 2 << 20

@Suite struct `A boot image` {
  func compose(
    hypervisor: Data = image(imageSize: twoMiB, body: [1, 2, 3], reserved: twoMiB),
    kernel: Data, holdsGuest: Bool = false
  ) throws -> Data {
    try BootImage.compose(
      hypervisor: hypervisor, kernel: kernel, named: "the kernel", holdsGuest: holdsGuest)
  }

  @Test func `has the kernel where the hypervisor's memory ends`() throws {
    let kernel = image(imageSize: 100, body: [7, 8, 9])
    let composed = try compose(kernel: kernel)
    #expect(composed.dropFirst(Int(twoMiB)) == kernel)
    #expect(composed[96..<99].elementsEqual([1, 2, 3]), "the hypervisor's own bytes stay")
    #expect(composed[99..<Int(twoMiB)].allSatisfy { $0 == 0 }, "its uninitialised data is zero")
  }

  @Test(arguments: [
    // The kernel's own claim, the bytes of its file; what the whole needs behind the hypervisor.
    (claim: 0, bytes: 67, needs: 67),
    (claim: 1000, bytes: 67, needs: 1000),
    (claim: 65, bytes: 67, needs: 67),
  ])
  func `asks the bootloader for memory for both`(claim: UInt64, bytes: Int, needs: UInt64) throws {
    let kernel = image(imageSize: claim, body: Array(repeating: 1, count: bytes - 64))
    let composed = try compose(kernel: kernel)
    #expect(try ImageHeader(composed, of: "it").imageSize == twoMiB + needs)
  }

  @Test(arguments: [false, true])
  func `tells the hypervisor the kernel's size, and whether to hold it`(holds: Bool) throws {
    let kernel = image(body: [1, 2, 3, 4, 5])
    let composed = try compose(kernel: kernel, holdsGuest: holds)
    #expect(composed.littleEndian(at: 72) == twoMiB)
    #expect(composed.littleEndian(at: 80) == UInt64(kernel.count))
    #expect(composed.littleEndian(at: 88) == (holds ? 1 : 0))
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

  @Test(arguments: [0x80000, 1, twoMiB + 4096])
  func `is refused for a kernel that cannot begin on a 2 MiB boundary`(offset: UInt64) {
    #expect(throws: Failure.self) { try compose(kernel: image(textOffset: offset)) }
  }

  @Test func `is refused for a kernel that claims more memory than there can be`() {
    #expect(throws: Failure.self) { try compose(kernel: image(imageSize: .max)) }
  }

  @Test(arguments: [
    image(),  // no payload descriptor
    image(reserved: 0),
    image(reserved: twoMiB + 4096),
    image(reserved: .max & ~(twoMiB - 1)),
    image(body: Array(repeating: 0, count: Int(twoMiB)), reserved: twoMiB),  // larger than it says
  ])
  func `is refused for a damaged hypervisor`(hypervisor: Data) {
    #expect(throws: Failure.self) { try compose(hypervisor: hypervisor, kernel: image()) }
  }
}
