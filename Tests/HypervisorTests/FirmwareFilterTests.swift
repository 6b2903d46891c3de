import Testing

@testable import Hypervisor

@Suite("Which SMCs reach firmware, by the fields of the SMC Calling Convention (Arm DEN 0028)")
struct FirmwareFilterTests {
  typealias Decision = FirmwareFilter.Decision

  struct Row: CustomTestStringConvertible {
    var testDescription: String
    var range: ClosedRange<UInt64>
    var decision: Decision
    /// Where the tree has a trusted OS.
    var withTrustedOS: Decision?
  }

  private static func row(
    _ name: String, _ range: ClosedRange<UInt64>, _ decision: Decision,
    withTrustedOS: Decision? = nil
  ) -> Row {
    Row(testDescription: name, range: range, decision: decision, withTrustedOS: withTrustedOS)
  }

  /// Fast calls with 32 bits; those with 64 have bit 30 besides. Together with the yielding calls this is
  /// every identifier with bits 23 to 16 clear.
  static let fastCalls = [
    row("SMCCC_VERSION", 0x8000_0000...0x8000_0000, .pass),
    row("Arm Architecture: SoC identification, workarounds", 0x8000_0002...0x8000_ffff, .pass),
    row("CPU service", 0x8100_0000...0x8100_ffff, .pass),
    row("silicon partner", 0x8200_0000...0x8200_ffff, .pass),
    row("OEM", 0x8300_0000...0x8300_ffff, .pass),
    row("PSCI", 0x8400_0000...0x8400_001f, .psci),
    row("SDEI", 0x8400_0020...0x8400_003f, .notSupported),
    row("Management Mode", 0x8400_0040...0x8400_004f, .pass),
    row("TRNG", 0x8400_0050...0x8400_005f, .pass),
    row("FF-A", 0x8400_0060...0x8400_00ef, .notSupported),
    row("errata management", 0x8400_00f0...0x8400_010f, .pass),
    row("DRTM", 0x8400_0110...0x8400_012f, .notSupported),
    row("PCI configuration", 0x8400_0130...0x8400_014f, .pass),
    row("realm management and what is not known", 0x8400_0150...0x8400_feff, .notSupported),
    row("Standard Secure: count, UID, revision", 0x8400_ff00...0x8400_ff03, .pass),
    row("the rest of Standard Secure", 0x8400_ff04...0x8400_ffff, .notSupported),
    row("standard hypervisor", 0x8500_0000...0x8500_ffff, .notSupported),
    row("vendor's hypervisor", 0x8600_0000...0x8600_ffff, .notSupported),
    row("vendor's EL3 monitor", 0x8700_0000...0x8700_ffff, .notSupported),
    row("trusted applications", 0xb000_0000...0xb000_ffff, .notSupported, withTrustedOS: .pass),
    row(
      "trusted applications, the last", 0xb100_ffff...0xb100_ffff, .notSupported,
      withTrustedOS: .pass),
    row("trusted OS", 0xb200_0000...0xb200_ffff, .notSupported, withTrustedOS: .pass),
    row("trusted OS, the last", 0xbf00_0000...0xbf00_ffff, .notSupported, withTrustedOS: .pass),
  ]

  @Test("Fast calls, with 32 and 64 bits", arguments: fastCalls)
  func fast(row: Row) {
    for id in row.range {
      for width: UInt64 in [0, 1 << 30] {
        // The caller has no live SVE state (bit 16); the other half of x0 is nobody's.
        for other: UInt64 in [0, 1 << 16, 0xdead_beef << 32] {
          let x0 = id | width | other
          let decision = FirmwareFilter.decision(for: x0, trustedOS: false)
          let trusted = FirmwareFilter.decision(for: x0, trustedOS: true)
          guard decision == row.decision, trusted == row.withTrustedOS ?? row.decision else {
            Issue.record("\(String(x0, radix: 16)): \(decision), \(trusted)")
            return
          }
        }
      }
    }
  }

  @Test("Owners that are reserved have no service", arguments: 8...47 as ClosedRange<UInt64>)
  func reservedOwner(owner: UInt64) {
    for number: UInt64 in [0, 1, 0x20, 0xff01] {
      let id = 1 << 31 | owner << 24 | number
      #expect(FirmwareFilter.decision(for: id, trustedOS: true) == .notSupported)
    }
  }

  @Test("Bits 23 to 17 of a fast call are zero", arguments: 17...23 as ClosedRange<UInt64>)
  func reservedBits(bit: UInt64) {
    for id: UInt64 in [0x8000_0000, 0x8200_0000, 0x8400_0000, 0xc400_0003, 0xb200_0000] {
      #expect(FirmwareFilter.decision(for: id | 1 << bit, trustedOS: true) == .notSupported)
    }
  }

  @Test(
    "Yielding calls belong to the trusted OS, except for those of Armv7 devices",
    arguments: [
      (0 as UInt64, false), (2, false), (0x0100_ffff, false), (0x01ff_ffff, false),
      // Qualcomm's firmware: a call is resumed by 1; the calls have the silicon partner as their owner.
      (1, true), (0xdead_beef_0000_0001, true), (0x0200_0601, true), (0x4200_0c16, true),
      (0x0200_0000, true), (0x1fff_ffff, true),
      // OP-TEE and Trusty.
      (0x3200_0004, true), (0x3c00_0000, true), (0x7fff_ffff, true),
    ])
  func yielding(id: UInt64, isTrustedOS: Bool) {
    #expect(FirmwareFilter.decision(for: id, trustedOS: false) == .notSupported)
    #expect(
      FirmwareFilter.decision(for: id, trustedOS: true) == (isTrustedOS ? .pass : .notSupported))
  }

  @Test(
    "SMCCC_ARCH_FEATURES says of nothing that it is there unless a call of it passes",
    arguments: [
      (0x8000_0000 as UInt64, Decision.pass), (0x8000_0001, .pass),
      (0x8000_0002, .pass), (0x8000_3fff, .pass), (0x8000_7fff, .pass), (0x8000_8000, .pass),
      (0xdead_beef_8000_8000, .pass), (0x8400_0053, .pass), (0x8400_0000, .notSupported),
      (0xc400_0020, .notSupported), (0x8400_0063, .notSupported), (0x8600_ff01, .notSupported),
      (0xbf00_ff01, .notSupported), (0, .notSupported),
    ])
  func archFeatures(asked: UInt64, decision: Decision) {
    #expect(FirmwareFilter.decision(for: 0x8000_0001, x1: asked, trustedOS: false) == decision)
    #expect(FirmwareFilter.decision(for: 0x8001_0001, x1: asked, trustedOS: false) == decision)
  }
}
