/// A function identifier of the SMC Calling Convention, as W0 has it (Arm DEN 0028, section 2.5).
struct FunctionIdentifier: Equatable {
  let rawValue: UInt32

  init(x0: UInt64) { rawValue = UInt32(truncatingIfNeeded: x0) }

  /// A fast call, which is one operation to its caller; the others are yielding calls.
  var isFast: Bool { rawValue & 1 &<< 31 != 0 }

  /// The Owning Entity Number: the owner of the service.
  var owner: UInt32 { rawValue &>> 24 & 0x3f }

  /// Bits [23:17], which are zero in every fast call that there is.
  var reservedBits: UInt32 { rawValue &>> 17 & 0x7f }

  /// The function's number within its service.
  var number: UInt32 { rawValue & 0xffff }

  /// Bit 16 of a fast call: the caller has no live SVE state. It is no part of the function's number.
  static let noSVEState: UInt32 = 1 << 16
}

/// The filter that decides which SMCs of the guest reach firmware at EL3.
///
/// To firmware the caller of a passed SMC is EL2, not the guest. A call passes if it only reports, or works
/// on clocks, power and devices of the board. A call is refused if it enters the caller at an address that
/// the guest chooses, or if it lends, gives away or protects memory by address: such a call would take the
/// place of EL2 or its memory. EL2 cannot check what the firmware of a board does with a passed call;
/// `docs/threat-model.md` says what that may be.
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

  /// The decision about an SMC #0.
  ///
  /// - Parameters:
  ///   - x0: the function identifier, in the low half.
  ///   - x1: the first argument. SMCCC_ARCH_FEATURES reports the functions that pass, and no others.
  ///   - trustedOS: whether the device tree has a trusted OS.
  static func decision(for x0: UInt64, x1: UInt64 = 0, trustedOS: Bool) -> Decision {
    let function = FunctionIdentifier(x0: x0)
    guard function.isFast else { return yielding(function, trustedOS) }
    guard function.reservedBits == 0 else { return .notSupported }
    switch function.owner {
    case 0:
      // Arm Architecture: version, features, SoC identification, workarounds. These calls change nothing
      // but branch predictors, and the like, of the calling core.
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
      // Vendor-specific EL3 monitor: debugging tools of the firmware, with a buffer anywhere in memory.
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
      // Management Mode (DEN 0060): UEFI variables, through a buffer whose place firmware has fixed.
      return .pass
    case 0x50...0x5f:
      // TRNG (DEN 0098): random numbers, in registers.
      return .pass
    case 0x60...0xef:
      // FF-A (DEN 0077): it shares, lends and gives away memory by address, the memory of EL2 included,
      // and it sends messages and notifications to EL2.
      return .notSupported
    case 0xf0...0x10f:
      // Errata management (DEN 0100): whether firmware mitigates an erratum.
      return .pass
    case 0x110...0x12f:
      // DRTM (DEN 0113): a dynamic launch enters EL2 anew, at the guest's image, with all else off.
      return .notSupported
    case 0x130...0x14f:
      // PCI configuration space (DEN 0115), by device and register number. The guest owns the devices.
      return .pass
    case 0xff00...0xff03:
      // Call count, UID and revision of the service.
      return .pass
    default:
      // The Realm Management Interface (DEN 0137), which takes memory away by address, live firmware
      // activation (DEN 0147), and services that are not known yet and may do as much.
      return .notSupported
    }
  }

  /// Yielding calls from 0x0200_0000 up belong to the trusted OS. The convention gives it those up to
  /// 0x1fff_ffff, among them Qualcomm's, which name the silicon partner as the owner (0x0200_0000 and
  /// 0x4200_0000), and reserves the rest for it, where OP-TEE (0x3200_0004) and Trusty have their calls.
  ///
  /// Those below are APIs of Armv7 devices, of which one is in use on Armv8: Qualcomm's firmware returns 1
  /// from a yielding call that an interrupt has ended early, and the caller resumes that call with 1 as the
  /// function (Linux, drivers/firmware/qcom_scm-smc.c). Refusing it would lose the call.
  private static func yielding(_ function: FunctionIdentifier, _ trustedOS: Bool) -> Decision {
    guard trustedOS else { return .notSupported }
    return function.rawValue >= 0x0200_0000 || function.rawValue == resume ? .pass : .notSupported
  }

  /// Resumes a yielding call of Qualcomm's firmware (QCOM_SCM_INTERRUPTED).
  private static let resume: UInt32 = 1
}
