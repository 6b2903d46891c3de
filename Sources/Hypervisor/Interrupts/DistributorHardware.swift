/// The physical side of the interrupt controller: the distributor, the private interrupts of each core, and
/// the CPU interface of the executing core.
///
/// `processor` is a vCPU's index, which is its core's. Where private registers are banked by the core that
/// accesses them (GICv2), `processor` must be the executing core's: only its registers can be reached.
protocol DistributorHardware: ~Copyable {
  /// Whether a core reaches only its own private registers. What EL2 needs of another core's, that core looks up.
  static var privateRegistersAreBanked: Bool { get }

  // MARK: The CPU interface of the executing core

  /// The executing core is that of vCPU `processor`: what only the core itself can find out of its place in the
  /// interrupt controller is noted. Done before anything is sent to it, or says that it comes from it.
  func identifyCore(_ processor: Int)

  /// Makes the registers of the CPU interface accessible. Done before any of them is used.
  func enableCPUInterface()

  /// Lets interrupts of ``physicalGroup`` and of every priority come, and splits the end of an interrupt from
  /// its deactivation (EOImode 1).
  func startCPUInterface()

  /// Acknowledges the most urgent interrupt. The acknowledge has taken effect on return.
  func acknowledge() -> AcknowledgedInterrupt

  /// The INTID that an acknowledge returned.
  static func number(of acknowledged: AcknowledgedInterrupt) -> InterruptNumber

  /// Ends the priority of an acknowledged interrupt: ICC_EOIR1_EL1, GICC_EOIR.
  func dropPriority(_ acknowledged: AcknowledgedInterrupt)

  /// Ends the active state of an acknowledged interrupt of EL2's own: ICC_DIR_EL1, GICC_DIR.
  func deactivate(_ acknowledged: AcknowledgedInterrupt)

  /// Ends the active state of `number`, a PPI or SPI.
  func deactivate(_ number: InterruptNumber)

  /// The priority mask: ICC_PMR_EL1, GICC_PMR.
  func readPriorityMask() -> UInt8
  func writePriorityMask(_ value: UInt8)

  /// How many bits of priority the CPU interface has, 4 to 8.
  var priorityBits: Int { get }

  /// Sends the physical SGI `number` to one core. What was written before is visible to that core first.
  func sendSGI(_ number: InterruptNumber, to processor: Int)

  /// The number by which an SGI says which core has sent it, 0 to 7, where SGIs have a source.
  func sgiSource(of processor: Int) -> UInt8

  // MARK: Fields of one interrupt

  /// The 32-bit register of `register`, one with a bit for each interrupt or ICFGR, that has the field of
  /// `number`, in the distributor for an SPI and in `processor`'s private registers for an SGI or PPI.
  func read(_ register: InterruptRegister, of number: InterruptNumber, on processor: Int) -> UInt32
  func write(
    _ register: InterruptRegister, of number: InterruptNumber, on processor: Int, _ value: UInt32)

  /// The IPRIORITYR byte of `number`, as software sees it.
  func readPriority(of number: InterruptNumber, on processor: Int) -> UInt8
  func writePriority(of number: InterruptNumber, on processor: Int, _ value: UInt8)

  /// Routes `number`, an SPI, to one core: GICD_IROUTER, GICD_ITARGETSR.
  func route(_ number: InterruptNumber, to processor: Int)

  /// Waits until the last write of an ICENABLER of `number`'s has taken effect (RWP).
  ///
  /// - Returns: false if that takes longer than it may.
  func waitForWrite(of number: InterruptNumber, on processor: Int) -> Bool

  /// The byte that the guest's LPI configuration table has for `number` (IHI 0069, 5.1.1): priority
  /// at [7:2], enable at [0]. 0 where the table does not reach, or there are no LPIs.
  func lpiConfiguration(of number: InterruptNumber) -> UInt8

  // MARK: Starting

  /// One Security state, or two of which software has the Non-secure: then groups are not its own to
  /// choose, and its priorities are shifted.
  var hasSingleSecurityState: Bool { get }

  /// The group that all interrupts are in while EL2 has the controller.
  var physicalGroup: InterruptGroup { get }

  /// The groups that the distributor has enabled.
  var enabledGroups: InterruptGroups { get }

  /// Enables these groups in the distributor, and no others; with affinity routing where there is such.
  ///
  /// - Returns: false if that takes longer than it may.
  func enableGroups(_ groups: InterruptGroups) -> Bool

  /// How many 32-bit words of a bit for each interrupt the SPIs have: from INTID 32 on, and of the extended
  /// range from INTID 4096 on.
  var sharedWordCount: Int { get }
  var extendedSharedWordCount: Int { get }

  /// The same for the private interrupts of a core, from INTID 0 on and then from 1056 on: 1 to 3.
  func privateWordCount(on processor: Int) -> Int

  /// Whether the core's private interrupts sleep: GICR_WAKER.ProcessorSleep. A GICv2 has no sleep.
  func isAsleep(_ processor: Int) -> Bool

  /// Wakes the core's private interrupts.
  ///
  /// - Returns: false if that takes longer than it may.
  func wake(_ processor: Int) -> Bool

  /// Tells the developer what the hardware does not do, once. The guest runs on.
  func report(_ fault: InterruptControllerFault)
}

/// What the policy needs of an interrupt controller.
typealias InterruptHardware = VirtualInterface & DistributorHardware

/// What an acknowledge returned: ICC_IAR1_EL1 or GICC_IAR as it was read. A GICv2 wants the same value back,
/// with the CPU that sent an SGI in it.
struct AcknowledgedInterrupt: Equatable, Sendable {
  let rawValue: UInt32

  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Nothing was acknowledged.
  static var none: AcknowledgedInterrupt {
    AcknowledgedInterrupt(rawValue: InterruptNumber.none.rawValue)
  }
}

/// What the interrupt controller does not do within the time that it has.
enum InterruptControllerFault: Error, Equatable, Sendable {
  /// GICD_CTLR.RWP or GICR_CTLR.RWP stays 1.
  case writeIncomplete
  /// GICR_WAKER.ChildrenAsleep stays 1.
  case asleep
}
