/// How the priorities of distributor and redistributors compare with what the guest writes to its CPU
/// interface.
///
/// With two Security states Non-secure software has the lower half of the priorities: what it writes to
/// GICD_IPRIORITYR is kept with a 1 in front and without its lowest bit, and it reads that back
/// (IHI 0069, 4.8.1 "Non-secure accesses to register fields for Secure interrupt priorities").
/// ICC_PMR_EL1 is seen in the same way where group 0 is EL3's (SCR_EL3.FIQ = 1), as it is with nearly
/// every firmware, so that the values can be compared as they are written. Where SCR_EL3.FIQ is 0,
/// ICC_PMR_EL1 and ICC_RPR_EL1 are those of all priorities, and only what is kept can be compared.
///
/// The guest's CPU interface is the virtual one, which compares ICV_PMR_EL1 with what a list register
/// has, so a list register must be in the view that ICC_PMR_EL1 would be in. ICV_PMR_EL1 cannot show that
/// the Non-secure view of ICC_PMR_EL1 loses a bit, from which Linux with pseudo-NMIs tells SCR_EL3.FIQ.
struct PriorityView: Equatable, Sendable {
  /// 1 where the priority that is kept must be computed from the one that is read.
  private let shift: UInt32
  /// The bits of priority that a list register has (ICH_VTR_EL2.PRIbits).
  private let implemented: UInt32

  /// - Parameter maskIsRaw: two Security states, and ICC_PMR_EL1 of all priorities.
  init(maskIsRaw: Bool, implemented: UInt8) {
    shift = maskIsRaw ? 1 : 0
    self.implemented = UInt32(implemented)
  }

  /// Whether ICC_PMR_EL1 is of all priorities although what software writes elsewhere is not.
  var maskIsRaw: Bool { shift != 0 }

  /// What a list register has for the priority that the guest reads in GICD_IPRIORITYR or in the LPI
  /// configuration table.
  @inline(__always)
  func inListRegister(_ priority: UInt8) -> UInt8 {
    UInt8(truncatingIfNeeded: (UInt32(priority) &>> shift | shift &<< 7) & implemented)
  }

  /// The ICC_PMR_EL1 that lets only the highest priorities pass: 0 to 0x1f as EL2 writes them to the
  /// distributor. EL2's own interrupts have 0.
  ///
  /// 0x20 is a mask where four bits of priority are implemented, the fewest that one Security state has,
  /// and its physical value where there are five, the fewest that two have (IHI 0069, 4.8).
  var waitingMask: UInt8 { maskIsRaw ? 0x80 | 0x20 &>> 1 : 0x20 }

  /// Looks at the physical interface of the executing core, and leaves ICC_PMR_EL1 changed.
  init(
    hasSingleSecurityState: Bool, implemented: UInt8,
    hardware: borrowing some DistributorHardware & ~Copyable
  ) {
    guard !hasSingleSecurityState else {
      self.init(maskIsRaw: false, implemented: implemented)
      return
    }
    // The most urgent priority but 0 of those that the CPU interface has. In the Non-secure view its one bit
    // is the bit that is lost.
    hardware.writePriorityMask(UInt8(truncatingIfNeeded: 0x100 >> hardware.priorityBits))
    self.init(maskIsRaw: hardware.readPriorityMask() != 0, implemented: implemented)
  }
}
