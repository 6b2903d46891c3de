/// EL2's own interrupts, which the guest can neither reach nor see.
///
/// Of the physical SGIs only the one in use is named here: all sixteen of the guest's are virtual.
struct OwnInterrupts: ~Copyable {
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

  /// Those that an acknowledge may return besides SGIs; the places that are left hold 1023.
  private let numbers: InlineArray<6, InterruptNumber>
  /// The same as a bit for each INTID below 1024, because every interrupt of the guest's is looked up.
  private let bits: InlineArray<32, UInt32>
  private let inPlace = InPlace()

  init(
    kick: InterruptNumber, maintenance: InterruptNumber, timer: InterruptNumber,
    links: InlineArray<4, Link?>
  ) {
    self.kick = kick
    self.maintenance = maintenance
    self.timer = timer
    self.links = links
    let numbers = InlineArray<6, InterruptNumber> { n in
      n < 4 ? links[n]?.number ?? .none : n == 4 ? maintenance : timer
    }
    self.numbers = numbers
    var bits = InlineArray<32, UInt32>(repeating: 0)
    for n in numbers.indices where numbers[n].rawValue < 1020 {
      bits[Int(numbers[n].rawValue >> 5)] |= numbers[n].bit
    }
    self.bits = bits
  }

  /// EL2's interrupts among the 32 from `first`, a bit each. In a redistributor's first word that
  /// says nothing of SGIs.
  func mask(from first: InterruptNumber) -> UInt32 {
    var mask: UInt32 = 0
    for n in numbers.indices where numbers[n] != .none {
      let distance = numbers[n].rawValue &- first.rawValue
      if distance < 32 { mask |= 1 << distance }
    }
    return mask
  }

  /// Whether `number`, which must not be a special one, is EL2's and not the guest's.
  @inline(__always)
  func contains(_ number: InterruptNumber) -> Bool {
    if number.rawValue < 1024 { return bits[Int(number.rawValue >> 5)] & number.bit != 0 }
    for n in numbers.indices where numbers[n] == number { return true }
    return false
  }
}

/// An interrupt of EL2's that its owner must see to.
enum HypervisorInterrupt: Equatable, Sendable {
  /// The debug link wants attention.
  case link(InterruptNumber)
  /// Another core wants this one to look at what they share.
  case kick
  /// The EL2 physical timer has expired.
  case timer
}
