internal import Synchronization

/// The machine's GICv3, shared between EL2 and one guest (IHI 0069).
///
/// Physical interrupts come to EL2, which acknowledges them, drops their priority and offers them
/// to the guest in a list register. There are few of those; what does not fit waits in software,
/// the most urgent always being in a list register. The guest's accesses of distributor and
/// redistributors are completed on the hardware, so that the hardware's state is the guest's
/// wherever it can be; what it cannot be is in `GuestDistributor` and `GuestRedistributor`.
///
/// One value serves all cores: everything that is written after `start` is atomic. A method that
/// takes a `VirtualCPUInterface` runs on that vCPU's own core, with interrupts masked at EL2.
struct InterruptController<Hardware: InterruptHardware & ~Copyable>: ~Copyable {
  let hardware: Hardware
  let own: OwnInterrupts

  /// How many vCPUs there are, at most `maximumProcessorCount`.
  let processorCount: Int
  let affinities: InlineArray<8, Affinity>

  let distributor: GuestDistributor
  let redistributors: InlineArray<8, GuestRedistributor>
  /// A bit for each vCPU whose redistributor says Last (GICR_TYPER).
  let lastProcessors: UInt32

  let priorities: PriorityView
  let sgis: SGIView

  /// Held while a register is written that says where the guest's LPI tables are, or that they are in use.
  let lpiTables = Atomic(false)

  /// How many vCPUs this build has room for.
  static var maximumProcessorCount: Int { 8 }

  /// Takes note of the controller as the firmware left it, which is what the guest is to find.
  /// Changes nothing of that, but for what the guest cannot see. Runs on the boot core.
  ///
  /// `affinities` has the affinity of each of the `processorCount` cores, by index; `lastProcessors` a
  /// bit for each whose redistributor is the last that the guest finds in its region.
  init(
    hardware: consuming Hardware, own: consuming OwnInterrupts,
    affinities: InlineArray<8, Affinity>,
    processorCount: Int, lastProcessors: UInt32
  ) {
    self.own = own
    self.lastProcessors = lastProcessors
    self.affinities = affinities
    let processorCount = min(max(processorCount, 1), Self.maximumProcessorCount)
    self.processorCount = processorCount
    let distributor = GuestDistributor(
      control: hardware.read32(.distributor, DistributorOffset.control))
    let hasSingleSecurityState = distributor.hasSingleSecurityState
    self.distributor = distributor
    redistributors = InlineArray { n in
      // Those beyond the last processor are never used; they need a value nevertheless.
      GuestRedistributor(
        processor: n < processorCount ? n : 0, hasSingleSecurityState: hasSingleSecurityState,
        hardware: hardware)
    }
    sgis = SGIView(hardware: hardware, processorCount: processorCount)
    Self.enableSystemRegisters(hardware)
    priorities = PriorityView(
      hasSingleSecurityState: hasSingleSecurityState,
      implemented: VirtualInterfaceType(rawValue: hardware.read(.ichVTR)).priorityMask,
      hardware: hardware)
    self.hardware = hardware
  }

  /// What the virtual interface of the executing core can do. Cores of one machine may differ in it, and
  /// it is read where it is used: for the hardware this is as good as a constant.
  var virtualInterface: VirtualInterfaceType {
    @inline(__always) get { VirtualInterfaceType(rawValue: hardware.read(.ichVTR)) }
  }

  /// Makes the other system registers of the executing core accessible: before, they are UNDEFINED
  /// (ICC_SRE_EL2.SRE; IHI 0069, 12.2.25).
  static func enableSystemRegisters(_ hardware: borrowing Hardware) {
    hardware.write(.iccSRE, ControlRegisters.iccSRE)
  }

  /// The two interrupt groups as far as vCPU `processor` may be given their interrupts now by what
  /// it and the others wrote to distributor and redistributor.
  func forwardedGroups(to processor: Int) -> InterruptGroups {
    redistributors[processor].holdsBack ? .none : distributor.enabledGroups
  }

  /// The frame that has the registers of `number`, a PPI or SPI, for the core `processor`.
  func frame(of number: InterruptNumber, on processor: Int) -> InterruptFrame {
    number.kind == .spi ? .distributor : .redistributor(processor)
  }

  /// The bit of `number` in `register`, one of those with a bit for each interrupt.
  func isSet(_ register: InterruptRegister, _ number: InterruptNumber, on processor: Int) -> Bool {
    let word = hardware.read32(
      frame(of: number, on: processor), register.offset(of: number))
    return word & number.bit != 0
  }

  /// Writes 1 to the bit of `number` in `register`, a set- or clear-register, and 0 to the others.
  func set(_ register: InterruptRegister, _ number: InterruptNumber, on processor: Int) {
    hardware.write32(frame(of: number, on: processor), register.offset(of: number), number.bit)
  }

  /// Waits until the last write of an enable in `frame` has taken effect: GICD_CTLR.RWP or
  /// GICR_CTLR.RWP is clear.
  func waitForWrite(_ frame: InterruptFrame) {
    let (offset, bit) =
      frame == .distributor
      ? (DistributorOffset.control, DistributorControl.writePending)
      : (RedistributorOffset.control, RedistributorOffset.writePending)
    while hardware.read32(frame, offset) & bit != 0 {}
  }

  /// GICD_ICFGR or GICR_ICFGR: how `number`, a PPI or SPI, is triggered.
  func trigger(of number: InterruptNumber, on processor: Int) -> InterruptTrigger {
    let word = hardware.read32(
      frame(of: number, on: processor), InterruptRegister.configuration.offset(of: number))
    return word & 0b10 << (number.rawValue & 15 &* 2) != 0 ? .edge : .level
  }

  /// Calls the core of vCPU `processor` into EL2, whether or not the vCPU is turned on.
  func kick(_ processor: Int) {
    hardware.write(
      .iccSGI1R,
      SGIRequest(sgi: own.kick, target: affinities[processor]).rawValue)
  }
}
