internal import DeviceTree
internal import EL2Support

/// EL2's own translation: one to one, what EL2 needs and no more.
enum Stage1 {
  private static let accessFlag: UInt64 = 1 &<< 10
  private static let innerShareable: UInt64 = 3 &<< 8
  /// AP[1] is RES1 in a regime without EL0.
  private static let ap1: UInt64 = 1 &<< 6
  private static let readOnly: UInt64 = 1 &<< 7
  private static let executeNever: UInt64 = 1 &<< 54
  private static let device: UInt64 = 1 &<< 2  // MAIR index 1

  /// The program's instructions. Index 0 of MAIR_EL2 is Normal write-back.
  static let text = accessFlag | innerShareable | ap1 | readOnly
  /// Constants.
  static let constants = text | executeNever
  /// EL2's data, and the guest's memory as the debugger reads and writes it.
  static let data = accessFlag | innerShareable | ap1 | executeNever
  /// Registers of devices that EL2 drives.
  static let registers = accessFlag | ap1 | executeNever | device

  /// Where the program's own parts lie.
  ///
  /// - Parameter end: where EL2's memory ends.
  static func mapProgram(
    upTo end: UInt64, in tables: TranslationTables, memory: inout PhysicalMemory
  ) throws(TranslationError) {
    let start = UInt64(el2_address_of___image_start())
    let textEnd = UInt64(el2_address_of___text_end())
    let constantsEnd = UInt64(el2_address_of___rodata_end())
    try tables.set(
      Region(from: start, to: textEnd), attributes: text, in: &memory)
    try tables.set(
      Region(from: textEnd, to: constantsEnd), attributes: constants,
      in: &memory)
    try tables.set(
      Region(from: constantsEnd, to: end), attributes: data,
      in: &memory)
  }
}

/// The guest's stage 2: one to one, and open but for what is EL2's.
enum Stage2 {
  /// Normal write-back in both stages leaves the memory type to the guest's own stage 1: of the two
  /// types the stricter wins (Arm ARM D8.6.4). Device here would make unaligned accesses fault that
  /// the guest's write-combining mappings allow.
  private static let normalWriteBack: UInt64 = 0b1111 &<< 2
  private static let readWrite: UInt64 = 0b11 &<< 6
  private static let innerShareable: UInt64 = 3 &<< 8
  private static let accessFlag: UInt64 = 1 &<< 10

  /// Everything that the guest may reach, RAM and registers alike: readable, writable, executable.
  static let open = normalWriteBack | readWrite | innerShareable | accessFlag

  /// The VMID of the one guest there is, which its own VMID breakpoints compare with (DBGBCR.BT): 0,
  /// as a kernel that is entered at EL2 leaves it beneath itself when it goes on at EL1.
  static let vmid: UInt64 = 0 &<< 48
}
