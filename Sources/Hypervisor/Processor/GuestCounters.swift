internal import EL2Support

/// What the guest's performance counters are held by.
protocol CounterHardware: ~Copyable {
  /// Whether there is a performance monitor: FEAT_PMUv3.
  var hasCounters: Bool { get }
  /// PMCR_EL0.
  mutating func readControl() -> UInt64
  mutating func writeControl(_ value: UInt64)
  /// ISB.
  mutating func synchronize()
}

/// The guest's performance counters on one core, which stand still while the guest does.
///
/// Some would count at EL2: those with PMEVTYPERn_EL0.NSH, which Linux sets unless told otherwise. Not every
/// processor can prohibit that (MDCR_EL2.HPMD, HCCD). PMCR_EL0.E holds all counters everywhere, because
/// MDCR_EL2.HPMN leaves EL2 none of its own.
struct GuestCounters {
  /// PMCR_EL0 as the guest has it, if it is other than while the counters are held.
  private let control: UInt64?

  /// E. P and C (bits 1 and 2), which would reset counters, read as 0, and so are written as 0.
  private static let enable: UInt64 = 1 &<< 0
  private static let resets: UInt64 = 0b110

  /// Holds the counters of the core that executes this.
  ///
  /// - Parameter isOn: the vCPU is powered on; one that is off loses E, as a core does that loses its power.
  static func stop<Hardware: CounterHardware & ~Copyable>(
    isOn: Bool, on hardware: inout Hardware
  ) -> GuestCounters {
    guard hardware.hasCounters else { return GuestCounters(control: nil) }
    let control = hardware.readControl() & ~resets
    guard control & enable != 0 else { return GuestCounters(control: nil) }
    hardware.writeControl(control & ~enable)
    hardware.synchronize()
    return GuestCounters(control: isOn ? control : nil)
  }

  /// Lets them go on, with PMCR_EL0 exactly as it was. (The return to the guest synchronizes.)
  func start<Hardware: CounterHardware & ~Copyable>(on hardware: inout Hardware) {
    if let control { hardware.writeControl(control) }
  }
}

/// PMCR_EL0 of the core that executes this.
struct CoreCounters: CounterHardware {
  /// FEAT_PMUv3.
  let isThere: Bool
  var hasCounters: Bool { isThere }
  mutating func readControl() -> UInt64 { el2_read_pmcr_el0() }
  mutating func writeControl(_ value: UInt64) { el2_write_pmcr_el0(value) }
  mutating func synchronize() { el2_isb() }
}
