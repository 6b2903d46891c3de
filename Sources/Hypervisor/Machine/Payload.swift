internal import DeviceTree
internal import EL2Support

/// The guest kernel that `stepwell image` put in front of the hypervisor, as the payload descriptor says
/// (`BootImage.swift`).
///
/// The kernel lies where the loader would have put it alone, but for its first page. That page lies
/// right in front of the hypervisor, and the image begins with another one, which led here.
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
  /// The beginning of the image, which is the address of the guest's first instruction: the kernel's image
  /// begins `text_offset` above a 2 MiB boundary (Linux, Documentation/arm64/booting.rst), and the header
  /// that the loader has read says the same.
  var entry: UInt64 { program &- field(32) }

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
    let footprint = max(program &- entry &+ programSize, claim)
    return Region(address: entry, size: footprint)
  }

  /// Puts the first page of the guest kernel to its place, and zeroes what is left of the image behind the
  /// kernel. Nothing runs at the image's place any more, and the caches are on.
  func restore() {
    var caches = CoreCaches()
    // The loader has given the image this memory, and nobody else uses it.
    func bytes(_ address: UInt64, _ count: UInt64) -> UnsafeMutableRawBufferPointer {
      unsafe UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: UInt(address)), count: Int(count))
    }
    caches.publish(entry, count: Self.pageSize) {
      unsafe bytes(entry, Self.pageSize).copyMemory(
        from: UnsafeRawBufferPointer(bytes(UInt64(firstPage), Self.pageSize)))
    }
    let end = entry &+ size
    let count = program &+ programSize &- end
    caches.publish(end, count: count) {
      unsafe bytes(end, count).initializeMemory(as: UInt8.self, repeating: 0)
    }
  }
}
