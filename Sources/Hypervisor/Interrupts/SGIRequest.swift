/// What is written to ICC_SGI0R_EL1, ICC_SGI1R_EL1 or ICC_ASGI1R_EL1: one SGI to a number of cores
/// (IHI 0069, 12.2.18).
struct SGIRequest: Equatable, Sendable {
  let rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// `sgi` to the one core `target`.
  init(sgi: InterruptNumber, target: Affinity) {
    // Range and list are the two halves of Aff0.
    rawValue =
      target.aff3 << 48 | target.aff2 << 32 | target.aff1 << 16
      | (target.aff0 >> 4) << 44 | 1 << (target.aff0 & 15)
      | UInt64(sgi.rawValue & 15) << 24
  }

  /// INTID, 0 to 15.
  var sgi: InterruptNumber { InterruptNumber(UInt32(rawValue >> 24 & 15)) }

  /// Whether the request, made by the core `source`, is for the core `target`. With IRM set it is
  /// for all but the source; otherwise for those of sixteen neighbours that the list has.
  func isFor(_ target: Affinity, from source: Affinity) -> Bool {
    if rawValue & 1 << 40 != 0 { return target != source }
    return target.aff3 == rawValue >> 48 & 0xff && target.aff2 == rawValue >> 32 & 0xff
      && target.aff1 == rawValue >> 16 & 0xff && target.aff0 >> 4 == rawValue >> 44 & 15
      && rawValue >> (target.aff0 & 15) & 1 != 0
  }
}

/// The register that an SGI was requested through.
enum SGIRegister: Equatable, Sendable {
  case sgi0, sgi1, asgi1
}

extension InterruptController where Hardware: ~Copyable {
  /// A guest's write of one of the SGI registers, which trap to EL2 with HCR_EL2.IMO and FMO set
  /// (ESR_EL2.EC 0x18).
  ///
  /// ICC_SGI1R_EL1 makes SGIs of both groups pending, the other two, for which there is no other
  /// Security state, those of group 0 only (IHI 0069, 8.1.10 and 8.1.16).
  func requestSGI(
    _ register: SGIRegister, _ value: UInt64, from interface: borrowing VirtualCPUInterface
  ) {
    let request = SGIRequest(rawValue: value)
    let source = affinities[interface.processor]
    for processor in 0..<processorCount where request.isFor(affinities[processor], from: source) {
      guard sgis.contains(request.sgi),
        register == .sgi1 || redistributors[processor].group(of: request.sgi) == .group0
      else { continue }
      redistributors[processor].setPending(sgis: 1 << request.sgi.rawValue)
      // The own core looks before it goes back to the guest.
      if processor != interface.processor && redistributors[processor].isOnline { kick(processor) }
    }
  }
}
