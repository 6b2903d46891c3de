/// The guest's debug registers of one vCPU as bytes, to be restored later. Little-endian:
///
/// | offset | bytes | content                                                                      |
/// |-------:|------:|------------------------------------------------------------------------------|
/// |      0 |     4 | "SWDS"                                                                       |
/// |      4 |     2 | version of this layout, 1                                                    |
/// |      6 |     2 | length of the record in bytes, 600                                           |
/// |      8 |     4 | CRC-32 (IEEE 802.3) of everything that follows                               |
/// |     12 |     4 | 0                                                                            |
/// |     16 |     8 | what of ID_AA64DFR0_EL1 describes the debug hardware                         |
/// |     24 |    64 | MDSCR, MDCCINT, OSLSR, OSDLR, OSECCR, DTRRX and DTRTX, DBGPRCR, DBGCLAIMCLR  |
/// |     88 |   512 | DBGBVRn, DBGBCRn, DBGWVRn, DBGWCRn for n = 0 to 15; 0 where there is no such  |
///
/// DTRRX and DTRTX are the lower and the upper half of one doubleword.
public struct SnapshotRecord: Sendable {
  /// The length of a record in bytes.
  public static let byteCount = 600

  /// The record.
  public private(set) var bytes = [600 of UInt8](repeating: 0)

  static let magic: UInt32 = 0x5344_5753
  static let version: UInt16 = 1
  /// Where the checked part begins, and the registers in it.
  private static let checkedFrom = 12
  private static let capabilitiesAt = 16
  private static let registersAt = 24

  /// A record with a header, and 0 in every register.
  init(capabilities: UInt64) {
    store(UInt64(Self.magic), at: 0, bytes: 4)
    store(UInt64(Self.version), at: 4, bytes: 2)
    store(UInt64(Self.byteCount), at: 6, bytes: 2)
    store(capabilities, at: Self.capabilitiesAt, bytes: 8)
  }

  /// Reads a record that was saved.
  ///
  /// - Throws: what is wrong with the record: its length, its beginning, its version or its checksum.
  public init(_ kept: Span<UInt8>) throws(SnapshotError) {
    guard kept.count == Self.byteCount else { throw .wrongLength }
    for index in kept.indices { bytes[index] = kept[index] }
    guard load(at: 0, bytes: 4) == UInt64(Self.magic) else { throw .notASnapshot }
    guard load(at: 4, bytes: 2) == UInt64(Self.version) else { throw .unknownVersion }
    guard load(at: 6, bytes: 2) == UInt64(Self.byteCount) else { throw .wrongLength }
    guard load(at: 8, bytes: 4) == UInt64(checksum) else { throw .damaged }
  }

  /// The debug hardware of the processor, as `DebugCapabilities.snapshotWord` encodes it.
  var capabilities: UInt64 { load(at: Self.capabilitiesAt, bytes: 8) }

  /// The doubleword of register number `index`, 0 to 71.
  func register(_ index: Int) -> UInt64 { load(at: Self.registersAt &+ 8 &* index, bytes: 8) }

  /// Sets the doubleword of register number `index`, 0 to 71. The caller must `seal` the record afterwards.
  mutating func setRegister(_ index: Int, _ value: UInt64) {
    store(value, at: Self.registersAt &+ 8 &* index, bytes: 8)
  }

  /// Updates the checksum.
  mutating func seal() { store(UInt64(checksum), at: 8, bytes: 4) }

  private var checksum: UInt32 {
    var crc = UInt32.max
    for index in Self.checkedFrom..<Self.byteCount {
      crc ^= UInt32(bytes[index])
      for _ in 0..<8 { crc = crc &>> 1 ^ (crc & 1 == 0 ? 0 : 0xEDB8_8320) }
    }
    return ~crc
  }

  private func load(at offset: Int, bytes count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count {
      value |= UInt64(bytes[offset &+ index]) &<< UInt64(truncatingIfNeeded: 8 &* index)
    }
    return value
  }

  private mutating func store(_ value: UInt64, at offset: Int, bytes count: Int) {
    for index in 0..<count {
      bytes[offset &+ index] = UInt8(
        truncatingIfNeeded: value &>> UInt64(truncatingIfNeeded: 8 &* index))
    }
  }
}

/// Why a snapshot is refused.
public enum SnapshotError: Error, Equatable, Sendable {
  /// It has another length than a record, or its header states another.
  case wrongLength
  /// It does not begin like a record.
  case notASnapshot
  /// Its layout is unknown to this program.
  case unknownVersion
  /// The checksum is wrong.
  case damaged
  /// It is from a processor with other debug hardware. The guest would lose comparators, or find the
  /// context-aware ones at other numbers.
  case otherProcessor
  /// A register has a bit set that it does not have on this processor.
  case reservedBits
}
