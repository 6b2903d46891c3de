/// The machine's interrupt controller, shared between EL2 and one guest: the policy, which knows no
/// register of a particular controller. The rest of the machine sees it as `MachineInterrupts`.
///
/// Physical interrupts come to EL2, which acknowledges them, drops their priority and offers them
/// to the guest in a list register. There are few list registers. An interrupt that finds none waits in
/// software, and the most urgent one always is in a list register. The guest's accesses of the
/// distributor are completed on the hardware, so that the hardware's state is the guest's wherever it can
/// be; where it cannot be, the guest's is in `SharedInterrupts` and `PrivateInterrupts`.
///
/// One value serves all cores: everything that is written after `start` is atomic. A method that
/// takes a `VirtualCPUInterface` runs on that vCPU's own core, with interrupts masked at EL2.
struct InterruptController<Hardware: InterruptHardware & ~Copyable>: ~Copyable {
  let hardware: Hardware
  let own: OwnInterrupts

  /// How many vCPUs there are.
  var processorCount: Int { privateInterrupts.count }

  let sharedInterrupts: SharedInterrupts
  let privateInterrupts: PerVCPU<PrivateInterrupts>

  let priorities: PriorityView
  let sgis: SGIView

  /// Takes note of the controller as the firmware left it, which is how the guest must find it.
  /// Changes nothing of that, but for what the guest cannot see. Runs on the boot core.
  ///
  /// - Parameter privateInterrupts: one for each vCPU, as `PrivateInterrupts()` makes them.
  init(
    hardware: consuming Hardware, own: consuming OwnInterrupts,
    privateInterrupts: PerVCPU<PrivateInterrupts>
  ) {
    self.own = own
    let sharedInterrupts = SharedInterrupts(hardware: hardware)
    let hasSingleSecurityState = sharedInterrupts.hasSingleSecurityState
    self.sharedInterrupts = sharedInterrupts
    self.privateInterrupts = privateInterrupts
    // Where only a core itself reaches its private registers, it does this when it starts.
    if !Hardware.privateRegistersAreBanked {
      for processor in 0..<privateInterrupts.count {
        privateInterrupts[processor].copyFirstView(
          of: processor, hasSingleSecurityState: hasSingleSecurityState, from: hardware)
      }
    }
    sgis = SGIView(
      hardware: hardware,
      processorCount: Hardware.privateRegistersAreBanked ? 1 : privateInterrupts.count)
    hardware.enableCPUInterface()
    priorities = PriorityView(
      hasSingleSecurityState: hasSingleSecurityState,
      implemented: hardware.readType().priorityMask, hardware: hardware)
    self.hardware = hardware
  }

  /// What the virtual interface of the executing core can do. Cores of one machine may differ in it, and
  /// it is read where it is used: for the hardware this is as good as a constant.
  var virtualInterface: VirtualInterfaceType {
    @inline(__always) get { hardware.readType() }
  }

  /// The list registers of the executing core.
  var listRegisters: ListRegisterFile {
    @inline(__always) get {
      ListRegisterFile(reading: hardware, count: virtualInterface.listRegisterCount)
    }
  }

  /// The two interrupt groups as far as vCPU `processor` may be given their interrupts now by what
  /// it and the others wrote to distributor and redistributor.
  func forwardedGroups(to processor: Int) -> InterruptGroups {
    privateInterrupts[processor].holdsBack ? .none : sharedInterrupts.enabledGroups
  }

  /// The bit of `number`, a PPI or SPI, in `register`, one of those with a bit for each interrupt.
  func isSet(_ register: InterruptRegister, _ number: InterruptNumber, on processor: Int) -> Bool {
    hardware.read(register, of: number, on: processor) & number.bit != 0
  }

  /// Writes 1 to the bit of `number` in `register`, a set- or clear-register, and 0 to the others.
  func set(_ register: InterruptRegister, _ number: InterruptNumber, on processor: Int) {
    hardware.write(register, of: number, on: processor, number.bit)
  }

  /// ICFGR: how `number`, a PPI or SPI, is triggered.
  func trigger(of number: InterruptNumber, on processor: Int) -> InterruptTrigger {
    let word = hardware.read(.icfgr, of: number, on: processor)
    return word & number.edgeBit != 0 ? .edge : .level
  }

  /// Calls the core of vCPU `processor` into EL2, whether or not the vCPU is turned on.
  func kick(_ processor: Int) { hardware.sendSGI(own.kick, to: processor) }

  /// Makes the SGI `number` pending for vCPU `processor`, sent by the vCPU of `interface`, if it is one that
  /// the guest has.
  func sendSGI(
    _ number: InterruptNumber, to processor: Int, from interface: borrowing VirtualCPUInterface
  ) {
    guard sgis.contains(number) else { return }
    if Hardware.sgisHaveSources {
      privateInterrupts[processor].pendingSGIs.insert(
        number, from: hardware.sgiSource(of: interface.processor))
    } else {
      privateInterrupts[processor].pendingSGIs.insert(number.bit)
    }
    // The own core looks before it goes back to the guest.
    if processor != interface.processor && privateInterrupts[processor].isOnline {
      kick(processor)
    }
  }

  /// The guest enables exactly `groups` in the distributor, through vCPU `author`.
  func enableGroups(_ groups: InterruptGroups, by author: Int) {
    if sharedInterrupts.enable(groups) { changedForAll(by: author) }
  }
}
