// The control registers of the virtual CPU interface, as values (IHI 0069, 12.4). GICH_VTR, GICH_VMCR and
// GICH_HCR of a GICv2 have these fields in the same places, less those for system registers (IHI 0048, 5.3).

/// ICH_VTR_EL2: what the virtual interface of this core can do.
struct VirtualInterfaceType: Equatable, Sendable {
  let rawValue: UInt64

  /// ListRegs: how many list registers there are, 1 to 16.
  var listRegisterCount: Int { Int(rawValue & 0x1f) < 16 ? Int(rawValue & 0x1f) &+ 1 : 16 }

  /// PREbits: how many active-priority registers each group has, 1, 2 or 4.
  var activePriorityRegisterCount: Int {
    switch rawValue >> 26 & 7 {
    case 6: 4
    case 5: 2
    default: 1
    }
  }

  /// PREbits: how many bits of priority tell active interrupts apart.
  var preemptionBits: Int { Int(rawValue >> 26 & 7) &+ 1 }

  /// PRIbits, as the mask of the priority bits that are implemented.
  @inline(__always)
  var priorityMask: UInt8 { UInt8(truncatingIfNeeded: 0xff << (7 &- (rawValue >> 29 & 7))) }

  /// TDS: writes of ICC_DIR_EL1 can be trapped on their own.
  var canTrapDeactivation: Bool { rawValue & 1 << 19 != 0 }
}

/// ICH_VMCR_EL2: what the guest wrote to its own CPU interface.
struct VirtualMachineControl: Equatable, Sendable {
  let rawValue: UInt64

  /// What a core out of reset has: everything masked and disabled. VFIQEn is RES1 where system
  /// registers are the only interface; the binary points take their minimum when written as 0.
  static var reset: VirtualMachineControl { VirtualMachineControl(rawValue: 1 << 3) }

  /// VPMR: only interrupts of a higher priority (a lower number) are signalled.
  var priorityMask: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 24) }

  /// VEOIM: an end of interrupt drops the priority only; ICC_DIR_EL1 deactivates.
  var splitsDeactivation: Bool { rawValue & 1 << 9 != 0 }

  /// VFIQEn: interrupts of group 0 are FIQs. Always, where system registers are the only interface.
  var group0IsFIQ: Bool { rawValue & 1 << 3 != 0 }

  /// VENG0, VENG1: ICC_IGRPEN0_EL1 and ICC_IGRPEN1_EL1.
  var enabledGroups: InterruptGroups {
    InterruptGroups(rawValue: UInt32(truncatingIfNeeded: rawValue & 3))
  }

  /// VCBPR: VBPR0 serves both groups.
  private var hasCommonBinaryPoint: Bool { rawValue & 1 << 4 != 0 }
  /// VBPR0 and VBPR1, the binary points.
  private var binaryPoint0: UInt64 { rawValue >> 21 & 7 }
  private var binaryPoint1: UInt64 { rawValue >> 18 & 7 }

  /// The bits of a priority that decide about preemption.
  func groupPriorityMask(of group: InterruptGroup) -> UInt8 {
    // Binary point n splits the priority above bit n; group 1's own counts from 1.
    let point =
      group == .group0 || hasCommonBinaryPoint ? binaryPoint0 : max(binaryPoint1, 1) &- 1
    return UInt8(truncatingIfNeeded: 0xff << (point &+ 1))
  }
}

/// ICH_HCR_EL2: EL2's control of the virtual interface.
struct VirtualInterfaceControl: FlagSet {
  var rawValue: UInt64

  /// En: virtual interrupts and maintenance interrupts are signalled.
  static var enable: Self { Self(rawValue: 1 << 0) }
  /// UIE: maintenance when at most one list register is in use.
  static var underflow: Self { Self(rawValue: 1 << 1) }
  /// LRENPIE: maintenance when the guest ended an interrupt that is in no list register.
  static var entryNotPresent: Self { Self(rawValue: 1 << 2) }
  /// NPIE: maintenance when no list register is pending.
  static var noPending: Self { Self(rawValue: 1 << 3) }
  /// VGrp0EIE, VGrp1EIE: maintenance while the guest has the group enabled.
  static var group0Enabled: Self { Self(rawValue: 1 << 4) }
  static var group1Enabled: Self { Self(rawValue: 1 << 6) }
  /// VGrp0DIE, VGrp1DIE: maintenance while the guest has the group disabled.
  static var group0Disabled: Self { Self(rawValue: 1 << 5) }
  static var group1Disabled: Self { Self(rawValue: 1 << 7) }
  /// TALL0, TALL1: the guest's acknowledges trap, and its other accesses to registers of one group.
  static var trapAcknowledge: Self { Self(rawValue: 1 << 11 | 1 << 12) }
  /// TDIR: the guest's writes of ICC_DIR_EL1 trap.
  static var trapDeactivation: Self { Self(rawValue: 1 << 14) }

  /// EOIcount: how many ends of interrupt found no list register.
  var unmatchedEnds: Int { Int(rawValue >> 27 & 0x1f) }
}

/// A set of the two interrupt groups, at the positions that ICH_VMCR_EL2 and GICD_CTLR share.
struct InterruptGroups: FlagSet {
  var rawValue: UInt32

  static var group0: Self { Self(rawValue: 1 << 0) }
  static var group1: Self { Self(rawValue: 1 << 1) }
  static var both: Self { Self(rawValue: 0b11) }

  /// Whether `group` is a member.
  func contains(_ group: InterruptGroup) -> Bool {
    contains(group == .group0 ? Self.group0 : Self.group1)
  }
}
