/// The Power State Coordination Interface as the guest sees it (Arm DEN 0022, version 1.1), and which
/// of it EL2 answers itself.
enum PSCI {
  /// Function identifiers, without the bit that tells SMC64 from SMC32.
  enum Function: UInt32 {
    case version = 0x8400_0000
    case cpuSuspend = 0x8400_0001
    case cpuOff = 0x8400_0002
    case cpuOn = 0x8400_0003
    case affinityInfo = 0x8400_0004
    case migrateInfoType = 0x8400_0006
    case systemOff = 0x8400_0008
    case systemReset = 0x8400_0009
    case features = 0x8400_000a
    case systemReset2 = 0x8400_0012
    case memProtect = 0x8400_0013
    case memProtectCheckRange = 0x8400_0014

    /// The function that `x0` asks for, or nil if it is none of these.
    init?(x0: UInt64) {
      let id = UInt32(truncatingIfNeeded: x0)
      let sixtyFourBit: UInt32 = 1 &<< 30
      guard let function = Function(rawValue: id & ~sixtyFourBit) else { return nil }
      // Only functions that take an address or an affinity exist as SMC64.
      if id & sixtyFourBit != 0 {
        switch function {
        case .cpuSuspend, .cpuOn, .affinityInfo, .systemReset2, .memProtectCheckRange: break
        default: return nil
        }
      }
      self = function
    }

    /// The identifier for firmware, SMC64 where that exists.
    var smc64: UInt64 { UInt64(rawValue | 1 &<< 30) }
  }

  /// A call's function and arguments. SMC32 has them in W registers, whose other halves are nobody's
  /// (Arm DEN 0028, section 3.1). Whether the caller has live SVE state does not matter here.
  struct Call: Equatable {
    let id: UInt32
    let x1: UInt64
    let x2: UInt64
    let x3: UInt64

    init(x0: UInt64, _ x1: UInt64 = 0, _ x2: UInt64 = 0, _ x3: UInt64 = 0) {
      id = UInt32(truncatingIfNeeded: x0) & ~FunctionIdentifier.noSVEState
      let mask: UInt64 = id & 1 &<< 30 != 0 ? ~0 : 0xffff_ffff
      self.x1 = x1 & mask
      self.x2 = x2 & mask
      self.x3 = x3 & mask
    }
  }

  /// The `power_state` argument of CPU_SUSPEND (section 5.4.2), in one of its two formats.
  struct PowerState {
    /// Which format firmware takes, and so the guest's device tree has: PSCI_FEATURES of CPU_SUSPEND
    /// says so in bit 1.
    enum Format {
      case original
      case extended
    }

    /// State ID, StateType and, in the original format, the power level.
    let rawValue: UInt32
    let format: Format

    /// Bits that must be zero are.
    var isValid: Bool {
      rawValue & (format == .original ? 0xfcfe_0000 : 0xb000_0000) == 0
    }

    /// StateType: the state is lost, and the core comes back at the entry point.
    var isPowerDown: Bool { rawValue & 1 &<< (format == .original ? 16 : 30) != 0 }
  }

  /// Return codes (section 5.2.2).
  enum Status: Int64 {
    case success = 0
    case notSupported = -1
    case invalidParameters = -2
    case denied = -3
    case alreadyOn = -4
    case onPending = -5
    case internalFailure = -6
    case invalidAddress = -9

    /// What firmware returned; a code that is not known is an internal failure.
    init(result: UInt64) {
      self = Status(rawValue: Int64(Int32(truncatingIfNeeded: result))) ?? .internalFailure
    }

    /// As it stands in x0.
    var value: UInt64 { UInt64(bitPattern: rawValue) }
  }

  /// What firmware answered, as it stands in x0. Return values are 32 bits wide; all of x0 has them,
  /// sign-extended, as firmware gives them to SMC64 callers.
  static func value(result: UInt64) -> UInt64 {
    UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: result)))
  }

  static let version: UInt64 = 0x0001_0001  // 1.1

  /// MIGRATE_INFO_TYPE: there is no trusted OS that would have to migrate.
  static let migrationNotRequired: UInt64 = 2

  /// SMCCC_VERSION may be asked for through PSCI_FEATURES (Arm DEN 0028, appendix B).
  static let smcccVersion: UInt64 = 0x8000_0000

  /// The affinity fields of an MPIDR or of a CPU_ON argument.
  static func affinity(_ mpidr: UInt64) -> UInt64 { mpidr & 0xff_00ff_ffff }

  /// Whether a vCPU is on: AFFINITY_INFO's answers, and one state more.
  enum Power: UInt32 {
    case on = 0
    case off = 1
    case onPending = 2
    /// CPU_OFF is not complete. To the others the vCPU is still on: it cannot be turned on yet.
    case turningOff = 3

    /// As AFFINITY_INFO answers.
    var affinityInfo: UInt64 { UInt64((self == .turningOff ? .on : self).rawValue) }
  }
}
