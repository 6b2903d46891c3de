/// EL2's own interrupts, which the guest can neither reach nor see.
///
/// The physical SGIs need no mention beyond the one in use: all sixteen of the guest's are virtual.
struct OwnInterrupts: Sendable {
  /// A shared interrupt of EL2's.
  struct Link: Equatable, Sendable {
    let number: InterruptNumber
    let trigger: InterruptTrigger
  }

  /// The physical SGI by which one core calls another into EL2: 0 to 15.
  let kick: InterruptNumber
  /// The PPI of the virtual interface: 25 by the Base System Architecture.
  let maintenance: InterruptNumber
  /// The PPI of the EL2 physical timer: 26 by the Base System Architecture.
  let timer: InterruptNumber
  /// The SPIs of the debug link.
  let links: InlineArray<4, Link?>

  /// EL2's interrupts among the 32 from `first`, a bit each. In a redistributor's first word that
  /// says nothing of SGIs.
  func mask(from first: InterruptNumber) -> UInt32 {
    var mask = Self.bit(maintenance, from: first) | Self.bit(timer, from: first)
    for n in links.indices {
      if let link = links[n] { mask |= Self.bit(link.number, from: first) }
    }
    return mask
  }

  /// Whether `number` is EL2's and not the guest's.
  func contains(_ number: InterruptNumber) -> Bool { mask(from: number) & 1 != 0 }

  private static func bit(_ number: InterruptNumber, from first: InterruptNumber) -> UInt32 {
    let distance = number.rawValue &- first.rawValue
    return distance < 32 ? 1 << distance : 0
  }
}

/// An interrupt of EL2's that its owner has to see to.
enum HypervisorInterrupt: Equatable, Sendable {
  /// The debug link wants attention.
  case link(InterruptNumber)
  /// Another core wants this one to look at what they share.
  case kick
  /// The EL2 physical timer has expired.
  case timer
}
