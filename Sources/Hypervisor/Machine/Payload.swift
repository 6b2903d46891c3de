internal import EL2Support

/// What `stepwell image` appended, as the descriptor behind the Image header says. The hypervisor's
/// own footprint ends where the payload begins, on a 2 MiB boundary.
struct Payload {
  private let descriptor: UInt

  init() { descriptor = UInt(el2_address_of___payload_descriptor()) }

  /// Bytes from the image's start to the payload: EL2's memory.
  var reservedSize: UInt64 { el2_mmio_read64(descriptor &+ 8) }
  /// Bytes of the guest kernel's file; 0 if this is the bare hypervisor.
  var size: UInt64 { el2_mmio_read64(descriptor &+ 16) }
  /// Hold the guest before its first instruction until a debugger continues it.
  var holdsGuest: Bool { el2_mmio_read64(descriptor &+ 24) & 1 != 0 }

  var start: UInt64 { UInt64(el2_address_of___image_start()) &+ reservedSize }

  /// The last byte that the guest kernel takes, data that is not in its file included (its header's
  /// `image_size`); nil if the header asks for more than there are addresses.
  ///
  /// Its file must be in memory, and ``entry`` there.
  var last: UInt64? {
    let footprint = max(size, el2_mmio_read64(UInt(start) &+ 16))
    let (last, overflow) = start.addingReportingOverflow(footprint &- 1)
    return overflow ? nil : last
  }

  private var hasImageMagic: Bool { el2_mmio_read32(UInt(start) &+ 56) == 0x644d_5241 }

  /// The guest's first instruction: the kernel's image begins `text_offset` above the boundary
  /// (Linux, Documentation/arm64/booting.rst).
  ///
  /// - Returns: nil if there is no arm64 Image where one should be.
  var entry: UInt64? {
    guard size >= 64, hasImageMagic else { return nil }
    return start
  }
}
