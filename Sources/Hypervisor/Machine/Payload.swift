internal import DeviceTree
internal import EL2Support

/// What `stepwell image` appended, as the descriptor behind the Image header says. It lies where the
/// hypervisor's memory before its move ends, and its place is the image's beginning: the loader has put
/// the image where it would have put the payload alone.
struct Payload {
  private let descriptor: UInt
  /// Where the loader has put the image, and so the address of the guest's first instruction: the
  /// kernel's image begins `text_offset` above a 2 MiB boundary (Linux, Documentation/arm64/booting.rst),
  /// and the header that the loader has read says the same.
  let entry: UInt64

  /// - Parameter address: where the loader has put the image.
  init(ofImageAt address: UInt64) {
    descriptor = UInt(el2_address_of___payload_descriptor())
    entry = address
  }

  /// Bytes from the image's start to the payload.
  private var offset: UInt64 { el2_mmio_read64(descriptor &+ 8) }
  /// Bytes of the guest kernel's file; 0 if this is the bare hypervisor.
  private var size: UInt64 { el2_mmio_read64(descriptor &+ 16) }
  /// Hold the guest before its first instruction until a debugger continues it.
  var holdsGuest: Bool { el2_mmio_read64(descriptor &+ 24) & 1 != 0 }

  /// Whether there is an arm64 Image where one should be. It must not have been moved yet.
  var isKernel: Bool {
    size >= 64 && el2_mmio_read32(UInt(entry &+ offset) &+ 56) == 0x644d_5241
  }

  /// The memory of image and guest: the file, and what the guest kernel takes at its place, data that is
  /// not in its file included (its header's `image_size`). Nil if that is more than there are addresses.
  ///
  /// There must be a kernel, and it must not have been moved yet.
  var memory: Region? {
    let footprint = max(offset &+ size, el2_mmio_read64(UInt(entry &+ offset) &+ 16))
    return Region(address: entry, size: footprint)
  }

  /// Moves the guest kernel to its place, and zeroes what is left of the image behind it. Nothing runs at
  /// the image's place any more, and the caches are on.
  func moveIntoPlace() {
    let entry = UInt(self.entry)
    let (offset, size) = (Int(self.offset), Int(self.size))
    var caches = CoreCaches()
    caches.publish(self.entry, count: UInt64(offset &+ size)) {
      // The loader has given the image this memory, and nobody else uses it.
      let image = unsafe UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: entry), count: offset &+ size)
      unsafe UnsafeMutableRawBufferPointer(rebasing: image[..<size])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: image[offset...]))
      unsafe UnsafeMutableRawBufferPointer(rebasing: image[size...])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
  }
}
