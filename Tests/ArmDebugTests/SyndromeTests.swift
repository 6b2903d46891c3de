import ArmDebug
import Testing

@Suite("Syndromes")
struct SyndromeTests {
  @Test("EC, IL and ISS have their places")
  func fields() {
    let syndrome = Syndrome(rawValue: 0x32 << 26 | 1 << 25 | 0x100_0062)
    #expect(syndrome.exceptionClass == .stepLower)
    #expect(syndrome.il)
    #expect(syndrome.iss == 0x100_0062)
    #expect(Syndrome(.brk64, iss: 0x42).rawValue == 0xF200_0042)
    #expect(Syndrome(rawValue: 0x3F << 26).exceptionClass == nil)
  }

  @Test(
    "taken to EL1, the class says whether the exception came from EL0 or EL1",
    arguments: [
      (.breakpointLower, .breakpointSame), (.stepLower, .stepSame),
      (.watchpointLower, .watchpointSame), (.dataAbortLower, .dataAbortSame),
      (.instructionAbortLower, .instructionAbortSame),
      // One class for both.
      (.brk64, .brk64), (.unknown, .unknown), (.svc64, .svc64), (.pcAlignment, .pcAlignment),
    ] as [(ExceptionClass, ExceptionClass)])
  func origin(lower: ExceptionClass, same: ExceptionClass) {
    for syndrome in [Syndrome(lower, iss: 0x22), Syndrome(same, iss: 0x22)] {
      #expect(syndrome.takenToEL1(from: .el0) == Syndrome(lower, iss: 0x22))
      #expect(syndrome.takenToEL1(from: .el1) == Syndrome(same, iss: 0x22))
    }
  }

  @Test("only EC changes, whatever else the syndrome holds")
  func originKeepsTheRest() {
    let syndrome = Syndrome(rawValue: 0x0012_3456_0000_0000 | 0x34 << 26 | 0x3F_FFFF)
    #expect(syndrome.takenToEL1(from: .el1).rawValue == syndrome.rawValue | 1 << 26)
    let unallocated = Syndrome(rawValue: 0x3F << 26 | 5)
    #expect(unallocated.takenToEL1(from: .el1) == unallocated)
  }

  @Test(
    "software step: EX says load-exclusive, and only together with ISV",
    arguments: [
      (true, false, 0x100_0022), (true, true, 0x100_0062), (false, true, 0x22),
      (false, false, 0x22),
    ] as [(Bool, Bool, UInt64)])
  func step(isv: Bool, ex: Bool, iss: UInt64) {
    let syndrome = DebugSyndrome.step(isv: isv, ex: ex)
    #expect(syndrome.rawValue == iss)
    #expect(syndrome.isv == isv)
    #expect(syndrome.ex == (isv && ex))
  }

  @Test("watchpoint: WPT counts only with WPTV")
  func watchpointNumber() {
    #expect(DebugSyndrome(rawValue: 3 << 18 | 1 << 17 | 0x22).watchpointNumber == 3)
    #expect(DebugSyndrome(rawValue: 3 << 18 | 0x22).watchpointNumber == nil)
    #expect(DebugSyndrome(rawValue: 0x62).wnr)
  }

  @Test(
    "a trapped MSR or MRS names its register",
    arguments: [
      // Measured: MRS of MDSCR_EL1.
      (0x24_0005, SystemRegister(2, 0, 0, 2, 2), 0, true),
      (0x3F_FFFE, SystemRegister(3, 7, 15, 15, 7), 31, false),
      (0x28_0069, SystemRegister(2, 0, 0, 4, 4), 3, true),
    ] as [(UInt64, SystemRegister, UInt8, Bool)])
  func systemRegister(iss: UInt64, register: SystemRegister, rt: UInt8, isRead: Bool) {
    #expect(
      SystemRegisterAccess(iss: iss)
        == SystemRegisterAccess(register: register, rt: rt, isRead: isRead))
  }

  @Test(
    "a load is cut and extended as its instruction asks",
    arguments: [
      // LDRB W, LDRSB W, LDRSB X, LDRH W, LDRSH X, LDR W, LDRSW X, LDR X
      (0, false, false, 0x80), (0, true, false, 0xFFFF_FF80),
      (0, true, true, 0xFFFF_FFFF_FFFF_FF80),
      (1, false, false, 0x8180), (1, true, true, 0xFFFF_FFFF_FFFF_8180),
      (2, false, false, 0x8382_8180), (2, true, true, 0xFFFF_FFFF_8382_8180),
      (3, false, true, 0x8786_8584_8382_8180),
    ] as [(UInt64, Bool, Bool, UInt64)])
  func `extension`(sas: UInt64, signExtends: Bool, is64Bit: Bool, value: UInt64) {
    let abort = DataAbort(
      iss: 1 << 24 | sas << 22 | (signExtends ? 1 << 21 : 0) | (is64Bit ? 1 << 15 : 0))
    #expect(abort.isValid)
    #expect(abort.size == 1 << sas)
    #expect(abort.extend(0x8786_8584_8382_8180) == value)
  }

  @Test("a data abort's fields have their places")
  func dataAbort() {
    let abort = DataAbort(iss: 0x1F << 16 | 1 << 14 | 1 << 10 | 1 << 8 | 1 << 7 | 1 << 6 | 0x07)
    #expect(!abort.isValid)
    #expect(abort.register == 31)
    #expect(abort.isAcquireRelease)
    #expect(abort.faultAddressIsInvalid)
    #expect(abort.isCacheMaintenance)
    #expect(abort.isTableWalk)
    #expect(abort.isWrite)
    #expect(abort.isTranslationFault)
    #expect(!abort.isPermissionFault)
    #expect(DataAbort(iss: 0x0D).isPermissionFault)
  }

  @Test("every class has words for it")
  func explanations() {
    let lines = (0..<0x40).map { "\(ExceptionClass.explanation(of: UInt8($0)))" }
    for (raw, line) in lines.enumerated() {
      let isAllocated = ExceptionClass(rawValue: UInt8(raw)) != nil
      #expect(isAllocated == (line != "unallocated exception class"))
      #expect(line.count > 2)
    }
    #expect(lines[Int(ExceptionClass.brk64.rawValue)] == "BRK")
  }
}
