/// A function identifier of the SMC Calling Convention, as W0 has it (Arm DEN 0028, section 2.5).
struct FunctionIdentifier: Equatable {
  let rawValue: UInt32

  init(x0: UInt64) { rawValue = UInt32(truncatingIfNeeded: x0) }

  /// A fast call, which is one operation to its caller; the others are yielding calls.
  var isFast: Bool { rawValue & 1 &<< 31 != 0 }

  /// The Owning Entity Number: whose service it is.
  var owner: UInt32 { rawValue &>> 24 & 0x3f }

  /// Bits [23:17], which are zero in every fast call that there is.
  var reservedBits: UInt32 { rawValue &>> 17 & 0x7f }

  /// Which function of the service.
  var number: UInt32 { rawValue & 0xffff }

  /// Bit 16 of a fast call: the caller has no live SVE state. It is no part of the function's number.
  static let noSVEState: UInt32 = 1 << 16
}

/// Which of the guest's SMCs reach firmware at EL3.
///
/// Bare, the guest would be firmware's caller at EL1; here EL2 is. What only reports, or works on the
/// board's clocks, power and devices, passes on. What would enter the caller at an address that the guest
/// names, or that lends, gives or protects memory by address, is refused: it would take EL2's place or
/// EL2's memory. What passes is the board's own firmware, and EL2 cannot look into that:
/// `docs/threat-model.md` says what it may do.
enum FirmwareFilter {
  enum Decision: Equatable {
    /// Firmware answers, with x0 to x17 as the guest has them and gets them.
    case pass
    /// EL2 answers, as PSCI.
    case psci
    /// The answer is -1, "unknown function".
    case notSupported
  }

  /// SMCCC_ARCH_FEATURES, which asks of the function in W1 whether it is there.
  static let archFeatures: UInt32 = 0x8000_0001

  /// What becomes of an SMC #0.
  ///
  /// - Parameters:
  ///   - x0: the function identifier, in the low half.
  ///   - x1: the first argument. SMCCC_ARCH_FEATURES says that there is what passes, and nothing else.
  ///   - trustedOS: whether the device tree has one.
  static func decision(for x0: UInt64, x1: UInt64 = 0, trustedOS: Bool) -> Decision {
    let function = FunctionIdentifier(x0: x0)
    guard function.isFast else { return yielding(function, trustedOS) }
    guard function.reservedBits == 0 else { return .notSupported }
    switch function.owner {
    case 0:
      // Arm Architecture: version, features, SoC identification, workarounds. They change nothing but
      // the calling core's own branch predictors and the like.
      guard function.rawValue & ~FunctionIdentifier.noSVEState == archFeatures else { return .pass }
      let isThere =
        FunctionIdentifier(x0: x1).rawValue == archFeatures
        || decision(for: x1, trustedOS: trustedOS) == .pass
      return isThere ? .pass : .notSupported
    case 1:
      // CPU Service: workarounds of one CPU's errata.
      return .pass
    case 2, 3:
      // Silicon Partner and OEM: clocks, power domains, SCMI, fuses, which the board's kernel needs.
      return .pass
    case 4:
      return standardSecure(function.number)
    case 5, 6:
      // Hypervisor services, standard and vendor-specific. No hypervisor is below EL2.
      return .notSupported
    case 7:
      // Vendor-specific EL3 monitor: debug tools of firmware's, with a buffer anywhere in memory.
      return .notSupported
    case 48...63:
      // Trusted applications, and the trusted OS.
      return trustedOS ? .pass : .notSupported
    default:
      // 8 to 47 are reserved.
      return .notSupported
    }
  }

  /// The Standard Secure Services, by the number ranges that Arm has given to each.
  private static func standardSecure(_ number: UInt32) -> Decision {
    switch number {
    case 0x00...0x1f:
      // PSCI (DEN 0022). Firmware must not power a core down, or up, beneath EL2.
      return .psci
    case 0x20...0x3f:
      // SDEI (DEN 0054): its events enter EL2, the caller, at an address that the guest registers.
      return .notSupported
    case 0x40...0x4f:
      // Management Mode (DEN 0060): UEFI's variables, by a buffer whose place firmware has fixed.
      return .pass
    case 0x50...0x5f:
      // TRNG (DEN 0098): random numbers, in registers.
      return .pass
    case 0x60...0xef:
      // FF-A (DEN 0077): memory is shared, lent and given away by address, EL2's as well, and
      // messages and notifications come to EL2.
      return .notSupported
    case 0xf0...0x10f:
      // Errata management (DEN 0100): whether firmware mitigates an erratum.
      return .pass
    case 0x110...0x12f:
      // DRTM (DEN 0113): a dynamic launch enters EL2 anew, at the guest's image, with all else off.
      return .notSupported
    case 0x130...0x14f:
      // PCI configuration space (DEN 0115), by device and register number. The devices are the guest's.
      return .pass
    case 0xff00...0xff03:
      // Call count, UID and revision of the service.
      return .pass
    default:
      // Among them the Realm Management Interface (DEN 0137), which takes memory away by address, and
      // live firmware activation (DEN 0147). What is not known yet may do as much.
      return .notSupported
    }
  }

  /// Yielding calls are the trusted OS's: those to 0x1fff_ffff as the convention found them, those above,
  /// reserved for more of them, by owner (OP-TEE's 0x3200_0004). Those below 0x0200_0000 are of Armv7
  /// devices.
  private static func yielding(_ function: FunctionIdentifier, _ trustedOS: Bool) -> Decision {
    trustedOS && function.rawValue >= 0x0200_0000 ? .pass : .notSupported
  }
}
