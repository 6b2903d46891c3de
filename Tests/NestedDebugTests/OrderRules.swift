import ArmDebug
import NestedDebug

/// What has to hold of the debug hardware at every point between an exit of the guest's and its next
/// instruction. No emulator shows any of it: there every write takes effect at once, and EL2 takes no
/// debug exception by accident.
///
/// A write that no context synchronisation event has followed may or may not have taken effect; a rule
/// has to hold either way. Entering the guest is such an event (ERET).
enum OrderRule: CaseIterable {
  /// MDE, KDE and SS are 0, and an ISB has seen to it, before TDE makes EL2 the target of debug
  /// exceptions.
  case disarmedBeforeTraps
  /// From the first KDE = 1 while TDE = 1 on, only locks and barriers come before TDE = 0.
  case kernelDebugOnlyOnTheWayOut
  /// The guest is never entered with KDE = 1 and TDE = 1.
  case noKernelDebugShared
  /// The OS Lock and the OS Double Lock come off with MDE, KDE and SS 0, and an ISB has seen to it.
  case unlockedUnderCover
  /// While the hardware is shared the guest is entered with both locks off: they would silence the
  /// debugger.
  case unlockedWhileShared
  /// The guest's own locks are back, and an ISB has followed, before its accesses stop trapping.
  case lockedBeforeTrapsGo
  /// The guest's comparators are back before its accesses stop trapping.
  case comparatorsBeforeTrapsGo
  /// What is written before TDE changes has taken effect when it does.
  case synchronizedBeforeTrapsChange
  /// A comparator's value changes only while the comparator is off.
  case valueOnlyWhileOff
  /// In native mode the guest is entered with every register its own, and interrupts and waits free.
  case ownedWhenNative
  /// From native to native the hardware is not touched.
  case untouchedWhenNative
  /// Only registers that the processor has are written, OSDLR_EL1 only with FEAT_DoubleLock, and no
  /// bit that is RES0.
  case onlyWhatExists
  /// Nothing is armed for EL2 or another Security state: HMC = 0, SSC = 00, and PMC or PAC names one
  /// of the guest's levels.
  case nothingArmedAtEL2
  /// No armed breakpoint has a reserved BT or BAS, a mismatch, or a link to what is no partner of the
  /// guest's own.
  case noReservedBreakpoint
  /// No armed watchpoint has LSC = 00, MASK of 1 or 2, a BAS that is not one run of bytes, BAS other
  /// than ones beside MASK, bits below the mask, or a link to what is no partner.
  case noReservedWatchpoint
  /// Nothing of the guest's is armed that its MDE, its locks or its KDE keep from being an exception.
  case armedAsTheGuestAllows
  /// PSTATE.SS = 1 goes with MDSCR_EL1.SS = 1.
  case stepBitWithStepEnable
}

/// Follows what is done to the hardware, and notes where a rule is broken.
struct OrderChecker {
  let capabilities: DebugCapabilities
  /// Each rule that was broken, and how.
  private(set) var broken: [(rule: OrderRule, how: String)] = []
  /// How often each rule had something to say.
  private(set) var occasions: [OrderRule: Int] = [:]

  /// What MDSCR_EL1 and TDE may be at the moment: the last is what was written last.
  private var mdscr: [UInt64]
  private var tde: [Bool]
  private var osLock: [Bool]
  private var doubleLock: [Bool]
  private var isSynchronized = true
  /// The control registers as they were written last.
  private var controls: [DebugRegister: UInt64]
  private var withheld = false
  private var waits = false
  /// KDE was written 1 under TDE = 1.
  private var isOnTheWayOut = false
  private var touches = 0

  init(_ capabilities: DebugCapabilities, before hardware: RecordingHardware) {
    self.capabilities = capabilities
    mdscr = [hardware.values[.mdscr] ?? 0]
    tde = [hardware.traps]
    osLock = [hardware.values[.oslsr] == 0b1010]
    doubleLock = [hardware.values[.osdlr] == 1]
    controls = hardware.values
  }

  private mutating func expect(
    _ rule: OrderRule, _ holds: Bool, _ how: @autoclosure () -> String
  ) {
    occasions[rule, default: 0] += 1
    if !holds { broken.append((rule, how())) }
  }

  /// Whether nothing can fire, whichever write has taken effect.
  private var isDisarmed: Bool {
    mdscr.allSatisfy { value in
      let mdscr = MDSCR(rawValue: value)
      return !mdscr.mde && !mdscr.kde && !mdscr.ss
    }
  }

  /// - Parameter guest: the registers as the guest has them.
  mutating func follow(_ event: RecordingHardware.Event, guest: GuestRegisters) {
    switch event {
    case .write(let register, let value): write(register, value)
    case .traps(let on): setTraps(on, guest)
    case .withheld(let on): withheld = on
    case .waits(let on): waits = on
    case .synchronize: synchronize()
    case .exchange: break
    }
    touches += 1
  }

  private mutating func synchronize() {
    mdscr = mdscr.suffix(1)
    tde = tde.suffix(1)
    osLock = osLock.suffix(1)
    doubleLock = doubleLock.suffix(1)
    isSynchronized = true
  }

  private mutating func write(_ register: DebugRegister, _ value: UInt64) {
    let description = register.description(on: capabilities)
    expect(
      .onlyWhatExists,
      description.map { value & ~$0.mask == 0 } == true
        && (register != .osdlr || capabilities.hasDoubleLock),
      "\(register) := \(String(value, radix: 16))")
    isSynchronized = false
    switch register {
    case .mdscr:
      mdscr.append(value)
      if MDSCR(rawValue: value).kde, tde.contains(true) { isOnTheWayOut = true }
    case .oslar:
      if osLock.contains(true), value & 1 == 0 { unlock() }
      osLock.append(value & 1 == 1)
    case .osdlr:
      if doubleLock.contains(true), value & 1 == 0 { unlock() }
      doubleLock.append(value & 1 == 1)
    case .dbgbvr(let n):
      changeComparator(isOff: controls[.dbgbcr(n), default: 0] & 1 == 0, register)
    case .dbgwvr(let n):
      changeComparator(isOff: controls[.dbgwcr(n), default: 0] & 1 == 0, register)
    case .dbgbcr, .dbgwcr:
      controls[register] = value
      changeComparator(isOff: true, register)
    default: break
    }
  }

  private mutating func unlock() {
    let mdscr = mdscr
    expect(.unlockedUnderCover, isDisarmed, "unlocked while MDSCR_EL1 may be \(mdscr)")
  }

  private mutating func changeComparator(isOff: Bool, _ register: DebugRegister) {
    expect(.valueOnlyWhileOff, isOff, "\(register) changes while it compares")
    expect(
      .kernelDebugOnlyOnTheWayOut, !isOnTheWayOut,
      "\(register) is written after KDE = 1 under TDE = 1")
  }

  private mutating func setTraps(_ on: Bool, _ guest: GuestRegisters) {
    let (mdscr, osLock, doubleLock) = (mdscr, osLock, doubleLock)
    if on, tde.contains(false) {
      expect(.disarmedBeforeTraps, isDisarmed, "MDSCR_EL1 may be \(mdscr)")
      expect(.synchronizedBeforeTrapsChange, isSynchronized, "TDE := 1")
    }
    if !on, tde.contains(true) {
      expect(.synchronizedBeforeTrapsChange, isSynchronized, "TDE := 0")
      expect(
        .lockedBeforeTrapsGo,
        osLock.allSatisfy { $0 == guest.osLock }
          && (!capabilities.hasDoubleLock || doubleLock.allSatisfy { $0 == guest.osDoubleLock }),
        "TDE := 0 with OSLK \(osLock) DLK \(doubleLock)")
      for n in 0..<capabilities.breakpointCount {
        expect(
          .comparatorsBeforeTrapsGo, controls[.dbgbcr(n), default: 0] == guest[.dbgbcr(n)],
          "TDE := 0 with a foreign DBGBCR\(n)")
      }
      for n in 0..<capabilities.watchpointCount {
        expect(
          .comparatorsBeforeTrapsGo, controls[.dbgwcr(n), default: 0] == guest[.dbgwcr(n)],
          "TDE := 0 with a foreign DBGWCR\(n)")
      }
      isOnTheWayOut = false
    }
    tde.append(on)
    isSynchronized = false
  }

  /// The guest writes a register of its own, in native mode.
  mutating func guestWrites(_ hardware: RecordingHardware) {
    mdscr = [hardware.values[.mdscr] ?? 0]
    osLock = [hardware.values[.oslsr] == 0b1010]
    doubleLock = [hardware.values[.osdlr] == 1]
    controls = hardware.values
  }

  /// The guest is entered: what has to hold then.
  mutating func enter(
    _ hardware: RecordingHardware, guest: GuestRegisters, owners: Plan, state: PState,
    wasNative: Bool
  ) {
    synchronize()
    if tde == [true] {
      enterShared(hardware, guest, owners, state)
    } else {
      enterNative(hardware, guest, wasNative: wasNative)
    }
    touches = 0
  }

  private mutating func enterNative(
    _ hardware: RecordingHardware, _ guest: GuestRegisters, wasNative: Bool
  ) {
    if wasNative {
      let touches = touches
      expect(.untouchedWhenNative, touches == 0, "\(touches) writes in native mode")
    }
    for (register, value) in guest.stored(on: capabilities) {
      let held = hardware.values[register, default: 0]
      // The fields of MDSCR_EL1 that software writes under the OS Lock are another test's.
      let mask = register == .mdscr ? MDSCR.mask : .max
      expect(
        .ownedWhenNative, held & mask == value & mask,
        "\(register) is \(String(held, radix: 16)), the guest's \(String(value, radix: 16))")
    }
    expect(.ownedWhenNative, !withheld && !waits, "interrupts or waits are not the guest's")
  }

  private mutating func enterShared(
    _ hardware: RecordingHardware, _ guest: GuestRegisters, _ owners: Plan, _ state: PState
  ) {
    let inForce = MDSCR(rawValue: mdscr[0])
    expect(.noKernelDebugShared, !inForce.kde, "KDE = 1 under TDE = 1")
    expect(
      .unlockedWhileShared, !osLock[0] && (!capabilities.hasDoubleLock || !doubleLock[0]),
      "locked under TDE = 1")
    expect(
      .stepBitWithStepEnable, !state.ss || inForce.ss, "PSTATE.SS = 1 and MDSCR_EL1.SS = 0")
    let bank = hardware.bank(of: capabilities)
    for n in 0..<capabilities.breakpointCount where bank.breakpoints[n].control.e {
      check(bank, breakpoint: n, guest, isGuests: owners.breakpointOwners[n] == .guest)
    }
    for n in 0..<capabilities.watchpointCount where bank.watchpoints[n].control.e {
      check(bank, watchpoint: n, guest, isGuests: owners.watchpointOwners[n] == .guest)
    }
  }

  private mutating func check(
    _ bank: ComparatorBank, breakpoint n: Int, _ guest: GuestRegisters, isGuests: Bool
  ) {
    let control = bank.breakpoints[n].control
    let how = "DBGBCR\(n) = \(String(control.rawValue, radix: 16))"
    expect(
      .nothingArmedAtEL2, !control.hmc && control.ssc == 0 && control.pmc != 0, how)
    let isPartner = control.comparesContext && control.isLinked
    let isAllocated =
      switch control.bt {
      case .address: true
      case .linkedAddress: isGuests && bank.isLinkPartner(control.lbn, of: capabilities)
      case .mismatch, .linkedMismatch: false
      default: isGuests && capabilities.isContextAware(n)
      }
    expect(
      .noReservedBreakpoint,
      isAllocated
        && (!control.comparesAddress || [0b0011, 0b1100, 0b1111].contains(control.bas)), how)
    if isGuests {
      expect(
        .armedAsTheGuestAllows,
        guest.allowsEvents && (guest.mdscr.kde || isPartner || !control.privilege.el1), how)
    }
  }

  private mutating func check(
    _ bank: ComparatorBank, watchpoint n: Int, _ guest: GuestRegisters, isGuests: Bool
  ) {
    let watchpoint = bank.watchpoints[n]
    let control = watchpoint.control
    let how = """
      DBGWCR\(n) = \(String(control.rawValue, radix: 16)) \
      DBGWVR\(n) = \(String(watchpoint.value, radix: 16))
      """
    expect(
      .nothingArmedAtEL2, !control.hmc && control.ssc == 0 && control.pac != 0, how)
    // One run: adding the lowest bit to it leaves at most one bit above.
    let run = control.bas + (control.bas & (~control.bas &+ 1))
    let isRun = control.bas != 0 && run & (run &- 1) == 0
    let isBlock =
      control.mask >= 3 && control.bas == 0xFF
      && watchpoint.value & ((1 << control.mask) - 1) == 0
    expect(
      .noReservedWatchpoint,
      control.lsc != nil && (control.mask == 0 ? isRun : isBlock)
        && (control.mask != 0 || watchpoint.value & 0b100 == 0 || control.bas <= 0xF)
        && (!control.wt || isGuests && bank.isLinkPartner(control.lbn, of: capabilities)), how)
    if isGuests {
      expect(
        .armedAsTheGuestAllows, guest.allowsEvents && (guest.mdscr.kde || !control.privilege.el1),
        how)
    }
  }
}

extension RecordingHardware {
  /// The comparators as they stand in the hardware.
  func bank(of capabilities: DebugCapabilities) -> ComparatorBank {
    var bank = ComparatorBank()
    for n in 0..<capabilities.breakpointCount {
      bank.breakpoints[n].value = values[.dbgbvr(n)] ?? 0
      bank.breakpoints[n].control.rawValue = values[.dbgbcr(n)] ?? 0
    }
    for n in 0..<capabilities.watchpointCount {
      bank.watchpoints[n].value = values[.dbgwvr(n)] ?? 0
      bank.watchpoints[n].control.rawValue = values[.dbgwcr(n)] ?? 0
    }
    return bank
  }
}
