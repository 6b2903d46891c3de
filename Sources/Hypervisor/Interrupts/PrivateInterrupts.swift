internal import Synchronization

/// A vCPU's private interrupts as the guest has them, where that differs from the hardware: its sixteen
/// SGIs, which are entirely virtual, the groups, the sleep bit of its redistributor. Any vCPU may write
/// here, so every word is atomic. It is also where one core leaves word for another.
struct PrivateInterrupts: ~Copyable {
  /// The SGIs that are pending and in no list register.
  let pendingSGIs = PendingSGIs()
  private let enabled: Atomic<UInt32>
  /// Those that the guest cannot disable.
  private let permanentlyEnabled: Atomic<UInt32>
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
    /// starts a guest bare has woken the redistributor, or an emulator ignores the bit. No guest leaves
    /// it set to get no interrupts.
    case sinceReset = 2
    /// Written by the guest: interrupts stay pending until it wakes the redistributor.
    case asleep = 1
  }

  /// Nothing is enabled, pending or asleep.
  init() {
    enabled = Atomic(0)
    permanentlyEnabled = Atomic(0)
    priorities = InlineArray { _ in Atomic(0) }
    groupBits = InterruptBits()
    sleep = Atomic(Sleep.awake.rawValue)
    online = Atomic(false)
    revalidation = Atomic(false)
  }

  /// The guest's first view is what EL2 finds in the hardware, before any core uses this.
  func copyFirstView(
    of processor: Int, hasSingleSecurityState: Bool,
    from hardware: borrowing some DistributorHardware & ~Copyable
  ) {
    let sgis = InterruptNumber(0)
    enable(sgis: hardware.read(.isenabler, of: sgis, on: processor))
    for n in 0..<16 {
      let sgi = InterruptNumber(UInt32(truncatingIfNeeded: n))
      setPriority(ofSGI: n, hardware.readPriority(of: sgi, on: processor))
    }
    let groups = hardware.read(.igroupr, of: sgis, on: processor)
    for n in 0..<3 {
      groupBits.store(hasSingleSecurityState ? (n == 0 ? groups : 0) : ~0, at: n)
    }
    // With two Security states GICR_WAKER is EL3's, and reads as 0 to anybody else. Where it does not
    // (QEMU), it means nothing.
    if hasSingleSecurityState && hardware.isAsleep(processor) {
      sleep.store(Sleep.sinceReset.rawValue, ordering: .releasing)
    }
  }

  // MARK: The guest's SGIs, a bit each

  /// Those of the pending SGIs that are enabled.
  @inline(__always)
  var readySGIs: UInt32 { pendingSGIs.mask & enabledSGIs }

  /// Enabled.
  var enabledSGIs: UInt32 { enabled.load(ordering: .acquiring) }

  /// Enables the SGIs in `mask`.
  func enable(sgis mask: UInt32) { enabled.bitwiseOr(mask & 0xffff, ordering: .releasing) }

  /// Disables the SGIs in `mask`, but for those that are enabled permanently.
  func disable(sgis mask: UInt32) {
    enabled.bitwiseAnd(
      ~mask | permanentlyEnabled.load(ordering: .relaxed), ordering: .releasing)
  }

  /// Those that the hardware does not disable, as a GICv2 need not (IHI 0048B.b, 4.3.5). Before the guest runs
  /// on the core.
  func notePermanentlyEnabled(sgis mask: UInt32) {
    permanentlyEnabled.store(mask & 0xffff, ordering: .relaxed)
  }

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

  /// The group that the guest has put `number`, an SGI or PPI, in.
  func group(of number: InterruptNumber) -> InterruptGroup {
    groupBits[number.wordIndex] & number.bit == 0 ? .group0 : .group1
  }

  // MARK: State of the processor

  /// GICR_WAKER.ProcessorSleep as the guest reads it.
  var isAsleep: Bool { sleep.load(ordering: .acquiring) != Sleep.awake.rawValue }

  /// Whether the vCPU gets no interrupts, because the guest has put its redistributor to sleep.
  var holdsBack: Bool { sleep.load(ordering: .acquiring) & Sleep.asleep.rawValue != 0 }

  /// The guest writes GICR_WAKER.ProcessorSleep.
  func setAsleep(_ value: Bool) {
    sleep.store((value ? Sleep.asleep : .awake).rawValue, ordering: .releasing)
  }

  /// Whether the vCPU's core runs, so that it can be called and will look.
  var isOnline: Bool { online.load(ordering: .acquiring) }

  /// Says whether the vCPU's core runs.
  func setOnline(_ value: Bool) { online.store(value, ordering: .releasing) }

  /// Whether something about the vCPU's interrupts changed that its core has not looked at yet.
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

  /// Looks at the SGIs of so many cores, and leaves them as they were. Firmware gives an SGI to
  /// Non-secure software on all cores or on none, but may do so when the core is first turned on.
  init(hardware: borrowing some DistributorHardware & ~Copyable, processorCount: Int) {
    for processor in 0..<processorCount {
      for n in 0..<16 as Range<UInt32> {
        // The priority of a Secure interrupt reads as 0 and ignores writes.
        let sgi = InterruptNumber(n)
        let priority = hardware.readPriority(of: sgi, on: processor)
        hardware.writePriority(of: sgi, on: processor, 0xff)
        let bits = hardware.readPriority(of: sgi, on: processor)
        hardware.writePriority(of: sgi, on: processor, priority)
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
