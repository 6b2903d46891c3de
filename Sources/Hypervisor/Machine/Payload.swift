internal import DeviceTree
internal import EL2Support

/// The guest kernel that `stepwell image` put in front of the hypervisor, as the payload descriptor says
/// (`BootImage.swift`).
///
/// The kernel lies where the loader would have put it alone, but for its first page. That page lies
/// right in front of the hypervisor, and the image begins with another one, which led here.
///
/// A guest that is no Image lies behind a page with an Image header, and is moved to its own place from there.
struct Payload {
  private let descriptor: UInt
  /// Where the loader has put the hypervisor.
  private let program: UInt64

  /// - Parameter address: where the loader has put the hypervisor.
  init(inFrontOf address: UInt64) {
    descriptor = UInt(el2_address_of___payload_descriptor())
    program = address
  }

  /// A field of the descriptor, by its offset from the magic number.
  private func field(_ offset: UInt) -> UInt64 {
    // The descriptor is part of this program's image.
    unsafe el2_mmio_read64(descriptor &+ offset)
  }

  /// Bytes of memory that the hypervisor needs from where the loader has put it.
  private var programSize: UInt64 { field(8) }
  /// Bytes of the guest kernel's file; 0 if this is the bare hypervisor.
  private var size: UInt64 { field(16) }
  /// Hold the guest before its first instruction until a debugger continues it.
  var holdsGuest: Bool { field(24) & 1 != 0 }
  /// The beginning of the image. A kernel's image begins `text_offset` above a 2 MiB boundary (Linux,
  /// Documentation/arch/arm64/booting.rst), and the header that the loader has read says the same.
  private var image: UInt64 { program &- field(32) }
  /// The place of a guest that is no Image but has a place of its own, as its file or a person says; nil for an
  /// Image, which stays where the loader has put it. There may be no memory.
  var place: Region? {
    guard field(24) & 4 != 0 else { return nil }
    return Region(address: field(64), size: field(80))
  }
  /// Whether the guest has a place of its own.
  var isPlaced: Bool { field(24) & 4 != 0 }
  /// The address of the guest's first instruction.
  var entry: UInt64 { isPlaced ? field(72) : image }

  private static let pageSize: UInt64 = 4096
  private var firstPage: UInt { UInt(program &- Self.pageSize) }

  /// Whether there is an arm64 Image where one should be.
  var isKernel: Bool {
    // `stepwell image` puts a page in front of the program wherever there is a kernel.
    size >= 64 && (unsafe el2_mmio_read32(firstPage &+ 56)) == 0x644d_5241
  }

  /// The memory of image and guest: the file, what the hypervisor needs behind it, and what the guest
  /// kernel takes at its place, data that is not in its file included (its header's `image_size`). Nil if
  /// that is more than there are addresses.
  ///
  /// There must be a kernel.
  var memory: Region? {
    // As in `isKernel`.
    let claim = unsafe el2_mmio_read64(firstPage &+ 16)
    let footprint = max(program &- image &+ programSize, claim)
    return Region(address: image, size: footprint)
  }

  /// Puts the guest where it begins: the first page of a kernel to its place, or a program that has a place of its
  /// own there, with zeros behind it. What is left of the image is zeroed. Nothing runs at the image's place any
  /// more, and the caches are on.
  func restore() {
    if let place {
      move(to: place)
    } else {
      copy(Self.pageSize, from: UInt64(firstPage), to: image)
      zero(Region(from: image &+ size, to: program &+ programSize))
    }
  }

  /// Moves a program that has a place of its own, which is RAM that nobody uses but the image.
  private func move(to place: Region) {
    // The page with the Image header is no part of it.
    copy(size &- Self.pageSize, from: image &+ Self.pageSize, to: place.address)
    zero(Region(from: place.address &+ size &- Self.pageSize, to: place.end))
    let end = program &+ programSize
    zero(Region(from: image, to: min(place.address, end)))
    zero(Region(from: max(place.end, image), to: end))
  }

  private func copy(_ count: UInt64, from source: UInt64, to destination: UInt64) {
    var caches = CoreCaches()
    // Where the two overlap, the bytes are moved in the right order.
    caches.publish(destination, count: count) {
      unsafe Self.bytes(destination, count).copyMemory(
        from: UnsafeRawBufferPointer(Self.bytes(source, count)))
    }
  }

  private func zero(_ region: Region) {
    var caches = CoreCaches()
    caches.publish(region.address, count: region.size) {
      unsafe Self.bytes(region.address, region.size).initializeMemory(
        as: UInt8.self, repeating: 0)
    }
  }

  /// Memory of the image, which the loader has given to it, or of the guest's place, which nobody uses.
  @unsafe
  private static func bytes(_ address: UInt64, _ count: UInt64) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: UInt(address)), count: Int(count))
  }
}
