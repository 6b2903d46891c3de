internal import Foundation

/// One bootable file of hypervisor and guest kernel.
///
/// The kernel is where a boot loader puts it without a hypervisor, but for its first page, whose place an
/// Image header of the same claims takes. It branches to the hypervisor, which lies behind the kernel. The
/// hypervisor moves itself away, puts the kernel's first page back, and enters the kernel. Nothing else of
/// the kernel is copied.
///
/// | bytes of the file | |
/// |---|---|
/// | 0 to 4095 | the hypervisor's first bytes: Image header, payload descriptor, and the branch |
/// | 4096 on | the kernel from its second page on |
/// | the next page | the kernel's first page |
/// | the rest | the hypervisor |
///
/// A program that does not put itself behind its payload, as the shim of the tests, begins the file; the
/// payload follows at the place that the program names, and runs there.
///
/// A program that is no Image but has a place of its own is wrapped in one: a page with an Image header, and the program.
/// The hypervisor copies it from there to its place.
///
/// Both copies of the payload descriptor tell the program what there is:
///
/// | byte | field |
/// |---|---|
/// | 64 | "STEPWELL" |
/// | 72 | bytes of memory that the program needs from its own beginning on, a multiple of 4 KiB |
/// | 80 | payload size: bytes of the kernel's file, 0 in the bare hypervisor |
/// | 88 | flags; bit 0: hold the guest before its first instruction; bit 1: the program goes behind the payload; bit 2: the payload has a place of its own |
/// | 96 | bytes from the beginning of the image to the program |
/// | 104 | instructions that go on in the program: the branch of the first page leads here |
/// | 128 | with bit 2: the physical address of the payload's place |
/// | 136 | with bit 2: the physical address of its first instruction |
/// | 144 | with bit 2: bytes of memory that it takes from there on; what is not in its file is zero |
enum BootImage {
  /// Composes an image of hypervisor and kernel.
  ///
  /// - Parameters:
  ///   - hypervisor: the bare hypervisor as it is in memory.
  ///   - kernel: the contents of an arm64 Image.
  ///   - name: the kernel's file name, for errors.
  ///   - holdsGuest: whether a debugger must let the guest begin.
  /// - Throws: `Failure` if one of them has a wrong form.
  static func compose(
    hypervisor: Data, kernel: Data, named name: String, holdsGuest: Bool
  ) throws -> Data {
    var header = try ImageHeader(hypervisor, of: "the hypervisor")
    guard hypervisor.count >= Offset.end,
      hypervisor.starts(with: Array("STEPWELL".utf8), at: Offset.magic)
    else {
      throw Failure("The hypervisor has no payload descriptor; build it again.")
    }
    let memory = hypervisor.littleEndian(at: Offset.memory)
    guard memory > 0, memory % page == 0, memory >= hypervisor.count, memory <= 1 << 30 else {
      throw Failure(
        "The hypervisor's memory before it moves, \(memory) bytes, is impossible; build it again.")
    }
    let flags = hypervisor.littleEndian(at: Offset.flags)

    let kernelHeader = try ImageHeader(kernel, of: name)
    let footprint = max(kernelHeader.imageSize, UInt64(kernel.count))
    guard footprint <= 1 << 40 else {
      throw Failure(
        "\(name) claims \(footprint) bytes of memory (image_size), which is impossible.")
    }
    var program = hypervisor
    program.setLittleEndian(UInt64(kernel.count), at: Offset.payloadSize)
    program.setLittleEndian(flags | (holdsGuest ? Flags.holds : 0), at: Offset.flags)
    guard flags & Flags.goesBehind != 0 else {
      guard memory % boundary == kernelHeader.placement else {
        throw Failure(
          "\(name) wants to begin \(kernelHeader.placement) bytes above a 2 MiB boundary "
            + "(text_offset), where it does not lie behind this program.")
      }
      header.imageSize = memory + footprint
      header.write(to: &program)
      return program + Data(count: Int(memory) - program.count) + kernel
    }

    guard kernelHeader.placement % page == 0 else {
      throw Failure(
        "\(name) wants to begin \(kernelHeader.placement) bytes above a 2 MiB boundary "
          + "(text_offset), which must be a multiple of 4 KiB.")
    }
    guard program.count >= Int(page) else {
      throw Failure("The hypervisor is shorter than a page; build it again.")
    }
    guard kernel.count < 1 << 31 else {
      throw Failure("\(name) has \(kernel.count) bytes; a kernel may have 2 GiB.")
    }
    let kernelPages = kernel + Data(count: -kernel.count & Int(page - 1))
    let place = UInt64(kernelPages.count) + page
    program.setLittleEndian(place, at: Offset.program)
    header.textOffset = kernelHeader.placement
    header.flags = kernelHeader.flags
    header.imageSize = max(place + memory, footprint)
    var first = program.prefix(Int(page))
    header.write(to: &first)
    first.setLittleEndian(UInt64(branchToEntry), at: 0)
    first.setLittleEndian(
      UInt64(0xd280_0011 | UInt32(place & 0xffff) << 5)  // MOVZ X17, #
        | UInt64(0xf2a0_0011 | UInt32(place >> 16) << 5) << 32,  // MOVK X17, #, LSL #16
      at: Offset.moves)
    return first + kernelPages.dropFirst(Int(page)) + kernelPages.prefix(Int(page)) + program
  }

  /// Composes an image of hypervisor and a program that has a place of its own.
  ///
  /// - Throws: `Failure` if one of them has a wrong form.
  static func compose(
    hypervisor: Data, program: PlacedProgram, named name: String, holdsGuest: Bool
  ) throws -> Data {
    guard hypervisor.count >= Offset.placedEnd,
      hypervisor.starts(with: Array("STEPWELL".utf8), at: Offset.magic)
    else { throw Failure("The hypervisor has no payload descriptor; build it again.") }
    var hypervisor = hypervisor
    hypervisor.setLittleEndian(
      hypervisor.littleEndian(at: Offset.flags) | Flags.isPlaced, at: Offset.flags)
    hypervisor.setLittleEndian(program.address, at: Offset.placeAddress)
    hypervisor.setLittleEndian(program.entry, at: Offset.placeEntry)
    hypervisor.setLittleEndian(program.memory, at: Offset.placeMemory)
    return try compose(
      hypervisor: hypervisor, kernel: ImageHeader.page(before: program.bytes), named: name,
      holdsGuest: holdsGuest)
  }

  /// B to the instructions behind the payload descriptor, and the header's reserved word.
  private static let branchToEntry = 0x1400_0000 | UInt32(Offset.entry / 4)
  private static let page: UInt64 = 4096
  private static let boundary: UInt64 = 2 << 20

  private enum Flags {
    static let holds: UInt64 = 1
    static let goesBehind: UInt64 = 2
    static let isPlaced: UInt64 = 4
  }

  private enum Offset {
    static let magic = ImageHeader.size
    static let memory = 72
    static let payloadSize = 80
    static let flags = 88
    static let program = 96
    static let entry = 104
    static let moves = 108
    static let placeAddress = 128
    static let placeEntry = 136
    static let placeMemory = 144
    static let placedEnd = 152
    static let end = 96
  }
}
