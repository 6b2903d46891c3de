internal import Foundation

/// One bootable file of hypervisor and guest kernel.
///
/// The file begins with the hypervisor, whose Image header boot loaders read. The kernel follows behind the
/// memory that the hypervisor's first stage needs. The hypervisor moves itself away, and the kernel down to
/// the beginning of the image. The header therefore asks for the place that the kernel asks for, and for as
/// much memory as the kernel needs there or the file takes. Behind the header is the payload descriptor,
/// which tells the hypervisor what was appended:
///
/// | byte | field |
/// |---|---|
/// | 64 | "STEPWELL" |
/// | 72 | where the payload begins, a multiple of 4 KiB |
/// | 80 | payload size: bytes of the kernel's file, 0 in the bare hypervisor |
/// | 88 | flags; bit 0: hold the guest before its first instruction; bit 1: the payload is moved to the beginning of the image; otherwise it runs where it lies |
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
    let offset = hypervisor.littleEndian(at: Offset.payload)
    guard offset > 0, offset % page == 0, offset >= hypervisor.count, offset <= 1 << 30 else {
      throw Failure(
        "The hypervisor's payload offset, \(offset) bytes, is impossible; build it again.")
    }
    let flags = hypervisor.littleEndian(at: Offset.flags)

    let kernelHeader = try ImageHeader(kernel, of: name)
    let footprint = max(kernelHeader.imageSize, UInt64(kernel.count))
    guard footprint <= 1 << 40 else {
      throw Failure(
        "\(name) claims \(footprint) bytes of memory (image_size), which is impossible.")
    }
    if flags & Flags.moves != 0 {
      guard kernelHeader.placement % page == 0 else {
        throw Failure(
          "\(name) wants to begin \(kernelHeader.placement) bytes above a 2 MiB boundary "
            + "(text_offset), which must be a multiple of 4 KiB.")
      }
      header.textOffset = kernelHeader.placement
      header.flags = kernelHeader.flags
      header.imageSize = max(offset + UInt64(kernel.count), footprint)
    } else {
      guard offset % boundary == kernelHeader.placement else {
        throw Failure(
          "\(name) wants to begin \(kernelHeader.placement) bytes above a 2 MiB boundary "
            + "(text_offset), where it does not lie behind this program.")
      }
      header.imageSize = offset + footprint
    }
    var image = hypervisor
    header.write(to: &image)
    image.setLittleEndian(UInt64(kernel.count), at: Offset.payloadSize)
    image.setLittleEndian(flags | (holdsGuest ? Flags.holds : 0), at: Offset.flags)
    image.append(Data(count: Int(offset) - hypervisor.count))
    image.append(kernel)
    return image
  }

  private static let page: UInt64 = 4096
  private static let boundary: UInt64 = 2 << 20

  private enum Flags {
    static let holds: UInt64 = 1
    static let moves: UInt64 = 2
  }

  private enum Offset {
    static let magic = ImageHeader.size
    static let payload = 72
    static let payloadSize = 80
    static let flags = 88
    static let end = 96
  }
}
