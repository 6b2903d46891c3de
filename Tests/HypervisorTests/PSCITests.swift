import Testing

@testable import Hypervisor

@Suite("PSCI function identifiers, Arm DEN 0022 section 5.1")
struct PSCITests {
  @Test(
    "A function is known by its SMC32 number, and by its SMC64 one where it takes an address",
    arguments: [
      (0x8400_0000 as UInt64, PSCI.Function.version as PSCI.Function?), (0x8400_0001, .cpuSuspend),
      (0xc400_0001, .cpuSuspend), (0x8400_0002, .cpuOff), (0x8400_0003, .cpuOn),
      (0xc400_0003, .cpuOn), (0x8400_0004, .affinityInfo), (0xc400_0004, .affinityInfo),
      (0x8400_0006, .migrateInfoType), (0x8400_0008, .systemOff), (0x8400_0009, .systemReset),
      (0x8400_000a, .features), (0xc400_0012, .systemReset2), (0x8400_0012, .systemReset2),
      (0x8400_0013, .memProtect), (0x8400_0014, .memProtectCheckRange),
      (0xc400_0014, .memProtectCheckRange),
      // These take none.
      (0xc400_0000, nil), (0xc400_0002, nil), (0xc400_0008, nil), (0xc400_000a, nil),
      (0xc400_0006, nil), (0xc400_0009, nil), (0xc400_0013, nil),
      // These EL2 does not offer, or nobody knows.
      (0x8400_0005, nil), (0x8400_000c, nil), (0x8400_001f, nil), (0x8000_0000, nil), (0, nil),
    ])
  func functions(x0: UInt64, function: PSCI.Function?) {
    #expect(PSCI.Function(x0: x0) == function)
  }

  @Test("Only the low half of x0 names the function")
  func upperHalf() {
    #expect(PSCI.Function(x0: 0xdead_beef_8400_0000) == .version)
  }

  @Test("A status is -1 to -9 in x0, and one that firmware invents is an internal failure")
  func status() {
    #expect(PSCI.Status.notSupported.value == UInt64.max)
    #expect(PSCI.Status.invalidAddress.value == 0xffff_ffff_ffff_fff7)
    #expect(PSCI.Status(result: 0xffff_fffc) == .alreadyOn)
    #expect(PSCI.Status(result: 0) == .success)
    #expect(PSCI.Status(result: 42) == .internalFailure)
  }

  @Test("An affinity is Aff3 to Aff0 of an MPIDR, without its flags")
  func affinity() {
    #expect(PSCI.affinity(0x0000_0012_8034_5678) == 0x12_0034_5678)
  }
}
