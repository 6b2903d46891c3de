internal import Synchronization

/// What one vCPU's redistributor is to the guest where that differs from the hardware: its sixteen
/// SGIs, which are entirely virtual, the groups, the sleep bit. Any vCPU may write it, so every
/// word is atomic; it is also where one core leaves word for another.
struct GuestRedistributor: ~Copyable {
  private let pending: Atomic<UInt32>
  private let enabled: Atomic<UInt32>
  private let priorities: InlineArray<16, Atomic<UInt8>>
  /// GICR_IGROUPR.
  private let groupBits: InterruptBits<3>
  let softwarePending = SoftwarePending<3>()
  private let sleep: Atomic<Sleep.RawValue>
  private let online: Atomic<Bool>
  private let revalidation: Atomic<Bool>

  /// GICR_WAKER.ProcessorSleep as the guest reads it, and what it means.
  private enum Sleep: UInt8 {
    case awake = 0
    /// As after a reset. A guest that leaves it so gets its interrupts all the same: firmware that
    /// starts a guest bare has woken the redistributor, or it is an emulator's, where the bit means
    /// nothing. Nobody leaves it set to get none.
    case sinceReset = 2
    /// Written by the guest: interrupts stay pending until it wakes the redistributor.
    case asleep = 1
  }

  /// The guest's first view is what EL2 finds in the hardware.
  init(
    processor: Int, hasSingleSecurityState: Bool,
    hardware: borrowing some InterruptHardware & ~Copyable
  ) {
    let frame = InterruptFrame.redistributor(processor)
    let sgi = InterruptNumber(0)
    pending = Atomic(0)
    enabled = Atomic(
      hardware.read32(frame, InterruptRegister.setEnable.offset(of: sgi)) & 0xffff)
    priorities = InlineArray { n in
      Atomic(
        hardware.read8(
          frame,
          InterruptRegister.priority.offset(of: InterruptNumber(UInt32(truncatingIfNeeded: n)))))
    }
    let groups = hardware.read32(frame, InterruptRegister.group.offset(of: sgi))
    groupBits = InterruptBits { n in hasSingleSecurityState ? (n == 0 ? groups : 0) : ~0 }
    // With two Security states the register is EL3's, and reads as 0 to anybody else. Where it does not
    // (QEMU), it means nothing.
    let isAsleep =
      hasSingleSecurityState
      && hardware.read32(frame, RedistributorOffset.waker) & RedistributorOffset.processorSleep != 0
    sleep = Atomic((isAsleep ? Sleep.sinceReset : .awake).rawValue)
    online = Atomic(false)
    revalidation = Atomic(false)
  }

  // MARK: The guest's SGIs, a bit each

  /// Pending, and in no list register.
  var pendingSGIs: UInt32 { pending.load(ordering: .acquiring) }

  /// Enabled.
  var enabledSGIs: UInt32 { enabled.load(ordering: .acquiring) }

  /// Makes the SGIs in `mask` pending.
  func setPending(sgis mask: UInt32) { pending.bitwiseOr(mask & 0xffff, ordering: .releasing) }

  /// Makes the SGIs in `mask` not pending.
  func clearPending(sgis mask: UInt32) {
    pending.bitwiseAnd(~mask, ordering: .acquiringAndReleasing)
  }

  /// Enables the SGIs in `mask`.
  func enable(sgis mask: UInt32) { enabled.bitwiseOr(mask & 0xffff, ordering: .releasing) }

  /// Disables the SGIs in `mask`.
  func disable(sgis mask: UInt32) { enabled.bitwiseAnd(~mask, ordering: .releasing) }

  /// The priority of SGI `n`, 0 to 15.
  func priority(ofSGI n: Int) -> UInt8 { priorities[n & 15].load(ordering: .relaxed) }

  /// Sets the priority of SGI `n`, 0 to 15.
  func setPriority(ofSGI n: Int, _ value: UInt8) {
    priorities[n & 15].store(value, ordering: .relaxed)
  }

  // MARK: Groups

  /// The guest's GICR_IGROUPR for the 32 interrupts from `first`; 1 is group 1.
  func groupWord(from first: InterruptNumber) -> UInt32 { groupBits[first.wordIndex] }

  /// Sets the guest's GICR_IGROUPR for the 32 interrupts from `first`.
  func setGroupWord(from first: InterruptNumber, _ value: UInt32) {
    groupBits.store(value, at: first.wordIndex)
  }

  /// The group that the guest has `number`, an SGI or PPI, in.
  func group(of number: InterruptNumber) -> InterruptGroup {
    groupBits[number.wordIndex] & number.bit == 0 ? .group0 : .group1
  }

  // MARK: State of the processor

  /// GICR_WAKER.ProcessorSleep as the guest reads it.
  var isAsleep: Bool { sleep.load(ordering: .acquiring) != Sleep.awake.rawValue }

  /// Whether nothing is to be forwarded to the vCPU, because the guest has put its redistributor to
  /// sleep.
  var holdsBack: Bool { sleep.load(ordering: .acquiring) & Sleep.asleep.rawValue != 0 }

  /// The guest writes GICR_WAKER.ProcessorSleep.
  func setAsleep(_ value: Bool) {
    sleep.store((value ? Sleep.asleep : .awake).rawValue, ordering: .releasing)
  }

  /// Whether the vCPU's core runs, so that it can be called and will look.
  var isOnline: Bool { online.load(ordering: .acquiring) }

  /// Says whether the vCPU's core runs.
  func setOnline(_ value: Bool) { online.store(value, ordering: .releasing) }

  /// Whether the vCPU still has to look whether what it was about to be given is still to be given.
  var needsRevalidation: Bool { revalidation.load(ordering: .acquiring) }

  /// Leaves word that something about this vCPU's interrupts changed.
  func requestRevalidation() { revalidation.store(true, ordering: .releasing) }

  /// Takes the word that was left.
  func takeRevalidation() -> Bool {
    revalidation.exchange(false, ordering: .acquiringAndReleasing)
  }
}

/// What software has of the physical SGIs, and so the guest of its virtual ones: with two Security states
/// nothing of those that are Secure.
struct SGIView: Equatable, Sendable {
  /// A bit for each that is there.
  private(set) var mask: UInt32 = 0
  /// The bits of a priority that can be written.
  private(set) var priorityBits: UInt8 = 0

  /// Looks at the redistributors of so many cores, and leaves them as they were. Firmware gives an SGI to
  /// Non-secure software on all cores or on none, but may do so when the core is first turned on.
  init(hardware: borrowing some InterruptHardware & ~Copyable, processorCount: Int) {
    for processor in 0..<processorCount {
      let frame = InterruptFrame.redistributor(processor)
      for n in 0..<16 as Range<UInt32> {
        // The priority of a Secure interrupt reads as 0 and ignores writes.
        let offset = InterruptRegister.priority.offset(of: InterruptNumber(n))
        let priority = hardware.read8(frame, offset)
        hardware.write8(frame, offset, 0xff)
        let bits = hardware.read8(frame, offset)
        hardware.write8(frame, offset, priority)
        if bits != 0 { mask |= 1 << n }
        priorityBits |= bits
      }
    }
  }

  /// Whether `number` is one of them.
  func contains(_ number: InterruptNumber) -> Bool {
    number.kind == .sgi && mask & 1 << number.rawValue != 0
  }
}

/// Offsets in a redistributor, from RD_base, and the bits that matter there (IHI 0069, 12.11).
enum RedistributorOffset {
  static var control: Int { 0x0000 }
  static var type: Int { 0x0008 }
  static var waker: Int { 0x0014 }
  static var setLPI: Int { 0x0040 }
  static var clearLPI: Int { 0x0048 }
  static var propertyBase: Int { 0x0070 }
  static var pendingBase: Int { 0x0078 }
  static var invalidateLPI: Int { 0x00a0 }
  static var invalidateAll: Int { 0x00b0 }

  /// GICR_IIDR, and the identification registers at the frame's end.
  static var implementer: Int { 0x0004 }
  static var identification: Range<Int> { 0xffd0..<0x1_0000 }

  /// GICR_WAKER.ProcessorSleep and ChildrenAsleep.
  static var processorSleep: UInt32 { 1 << 1 }
  static var childrenAsleep: UInt32 { 1 << 2 }
  /// GICR_CTLR.EnableLPIs.
  static var enableLPIs: UInt32 { 1 << 0 }
  /// GICR_CTLR.RWP.
  static var writePending: UInt32 { 1 << 3 }
}

/// Fields of GICR_TYPER (IHI 0069, 12.11.36).
enum RedistributorType {
  /// VLPIS: two frames more, for virtual LPIs.
  static var virtualLPIs: UInt64 { 1 << 1 }
  /// Last of a series of redistributors.
  static var last: UInt64 { 1 << 4 }
  /// Dirty, RVPEID and VSGI: more of virtual LPIs and SGIs.
  private static var virtual: UInt64 { virtualLPIs | 1 << 2 | 1 << 7 | 1 << 26 }

  /// Affinity_Value.
  static func affinity(_ type: UInt64) -> Affinity {
    Affinity(rawValue: UInt32(truncatingIfNeeded: type >> 32))
  }

  /// The register as the guest has it, which is no hypervisor and has no virtual LPIs to give.
  static func guests(_ type: UInt64, isLast: Bool) -> UInt64 {
    type & ~(virtual | last) | (isLast ? last : 0)
  }
}
