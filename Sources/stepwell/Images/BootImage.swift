internal import Foundation

/// One bootable file of hypervisor and guest kernel.
///
/// The file begins with the hypervisor, whose Image header bootloaders read, and goes on with the
/// kernel where the hypervisor's own memory ends. Behind the header stands the payload descriptor,
/// which tells the hypervisor what was appended:
///
/// | byte | field |
/// |---|---|
/// | 64 | "STEPWELL" |
/// | 72 | reserved size: where the payload begins, a multiple of 2 MiB |
/// | 80 | payload size: bytes of the kernel's file, 0 in the bare hypervisor |
/// | 88 | flags; bit 0: hold the guest before its first instruction |
enum BootImage {
  /// Puts the two together.
  ///
  /// - Parameters:
  ///   - hypervisor: the bare hypervisor as it is in memory.
  ///   - kernel: the contents of an arm64 Image.
  ///   - name: the kernel's file name, for errors.
  ///   - holdsGuest: whether a debugger must let the guest begin.
  /// - Throws: `Failure` if either is not what it should be.
  static func compose(
    hypervisor: Data, kernel: Data, named name: String, holdsGuest: Bool
  ) throws -> Data {
    var header = try ImageHeader(hypervisor, of: "the hypervisor")
    guard hypervisor.count >= Offset.end,
      hypervisor.starts(with: Array("STEPWELL".utf8), at: Offset.magic)
    else {
      throw Failure("The hypervisor has no payload descriptor; build it again.")
    }
    let reserved = hypervisor.littleEndian(at: Offset.reservedSize)
    guard reserved > 0, reserved % boundary == 0, reserved >= hypervisor.count,
      reserved <= 1 << 30
    else {
      throw Failure(
        "The hypervisor's reserved size, \(reserved) bytes, is impossible; build it again.")
    }

    let kernelHeader = try ImageHeader(kernel, of: name)
    guard kernelHeader.textOffset % boundary == 0 else {
      throw Failure(
        "\(name) wants to begin \(kernelHeader.textOffset) bytes above a 2 MiB boundary (text_offset); "
          + "only kernels that begin on one can be placed behind the hypervisor.")
    }
    let footprint = max(kernelHeader.imageSize, UInt64(kernel.count))
    guard footprint <= 1 << 40 else {
      throw Failure(
        "\(name) claims \(footprint) bytes of memory (image_size), which is impossible.")
    }

    header.imageSize = reserved + footprint
    var image = hypervisor
    header.write(to: &image)
    image.setLittleEndian(UInt64(kernel.count), at: Offset.payloadSize)
    image.setLittleEndian(holdsGuest ? 1 : 0, at: Offset.flags)
    image.append(Data(count: Int(reserved) - hypervisor.count))
    image.append(kernel)
    return image
  }

  private static let boundary: UInt64 = 2 << 20

  private enum Offset {
    static let magic = ImageHeader.size
    static let reservedSize = 72
    static let payloadSize = 80
    static let flags = 88
    static let end = 96
  }
}
