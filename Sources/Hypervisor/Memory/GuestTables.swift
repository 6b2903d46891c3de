/// The stage-1 tables of the guest, as far as EL2 must read them: to find the descriptor that maps an address
/// (Arm ARM D8.2 and D8.3).
struct GuestTables {
  let tcr: UInt64
  let ttbr0: UInt64
  let ttbr1: UInt64

  /// The descriptor of a page or block, and where it lies.
  struct Leaf: Equatable {
    var location: IntermediateAddress
    var descriptor: UInt64

    /// AP[2], or nDirty with FEAT_S1PIE. Where the address may nevertheless be written, the processor
    /// manages the dirty state, and this is how a clean page is told (Arm ARM D8.5.2).
    static let clean: UInt64 = 1 &<< 7
  }

  /// TCR_EL1.HD: the processor clears ``Leaf/clean`` when a clean page is written.
  var managesDirtyState: Bool { tcr &>> 40 & 1 != 0 }

  /// The leaf that maps `address` to `output`, or nil where the tables are of a form not known here, or have changed
  /// meanwhile.
  ///
  /// - Parameter load: reads the descriptor at a multiple of 8; nil if it cannot be read.
  func leaf(
    mapping address: VirtualAddress, to output: IntermediateAddress,
    load: (IntermediateAddress) -> UInt64?
  ) -> Leaf? {
    // IPS and DS: addresses of 52 bits are spread over a descriptor in another way.
    guard tcr &>> 32 & 0b111 < 0b110, tcr &>> 59 & 1 == 0 else { return nil }
    let isUpper = address.rawValue &>> 55 & 1 != 0
    let region = isUpper ? tcr &>> 16 : tcr
    // IRGN and ORGN: EL2 reads the tables through its caches, and so must the walker.
    guard region &>> 8 & 1 != 0, region &>> 10 & 1 != 0 else { return nil }
    let granule: UInt64
    switch (isUpper, region &>> 14 & 0b11) {
    case (false, 0b00), (true, 0b10): granule = 12
    case (false, 0b10), (true, 0b01): granule = 14
    case (false, 0b01), (true, 0b11): granule = 16
    default: return nil
    }
    let stride = granule &- 3
    let inputBits = 64 &- (region & 0x3F)
    guard inputBits > granule, inputBits <= 52 else { return nil }

    let addressBits: UInt64 = 0x0000_FFFF_FFFF_FFFF
    // How far the bits that index the table at hand are shifted: the most that leaves any.
    var shift = granule &+ (inputBits &- granule &- 1) / stride &* stride
    var bits = inputBits &- shift
    // BADDR: the first table is aligned to its size, and to 64 bytes. The bits below are no part of its address,
    // whatever the guest, or a debugger, has put there.
    let alignment = max(UInt64(8) &<< bits, 64)
    var table = (isUpper ? ttbr1 : ttbr0) & addressBits & ~(alignment &- 1)
    while true {
      let index = address.rawValue &>> shift & ((1 &<< bits) &- 1)
      let location = IntermediateAddress(table &+ index &* 8)
      guard let descriptor = load(location), descriptor & 1 != 0 else { return nil }
      let isTableOrPage = descriptor & 0b10 != 0
      let isLast = shift == granule
      if isTableOrPage && !isLast {
        table = descriptor & addressBits & ~((1 &<< granule) &- 1)
        shift &-= stride
        bits = stride
        continue
      }
      let offset = (UInt64(1) &<< shift) &- 1
      guard isTableOrPage == isLast,
        descriptor & addressBits & ~offset | address.rawValue & offset == output.rawValue
      else { return nil }
      return Leaf(location: location, descriptor: descriptor)
    }
  }
}
