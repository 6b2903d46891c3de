internal import DeviceTree
internal import EL2Support

/// The tables in RAM that the interrupt controller uses when EL2 begins, because somebody who ran here
/// before, a kernel that has started this one by kexec, has turned LPIs on. Once they are on, a
/// redistributor need not let them be turned off again (IHI 0069, GICR_CTLR.EnableLPIs), and writes to
/// its pending table whenever a device sends a message.
struct LiveInterruptTables {
  private let controller: DeviceTree.GICv3?

  /// - Parameter tree: names the interrupt controller. Where it names none that can be used there are no
  ///   tables, and no guest either.
  init(_ tree: DeviceTree) { controller = (try? tree.gicV3()) ?? nil }

  /// One of the tables that overlap with a region; nil if none does.
  func first(overlapping region: Region) -> Region? {
    guard let controller else { return nil }
    let interruptBits = LPITables.interruptBits(
      distributorType: el2_mmio_read32(UInt(controller.distributor.address) &+ 4))
    for index in 0..<controller.redistributorRegionCount {
      guard let frames = try? controller.redistributorRegion(index) else { continue }
      var offset: UInt64 = 0
      while offset &+ 0x2_0000 <= frames.size {
        let frame = UInt(frames.address &+ offset)
        let type = el2_mmio_read64(frame &+ UInt(RedistributorOffset.type))
        if let tables = LPITables(
          control: el2_mmio_read32(frame &+ UInt(RedistributorOffset.control)),
          propertyBase: el2_mmio_read64(frame &+ UInt(RedistributorOffset.propertyBase)),
          pendingBase: el2_mmio_read64(frame &+ UInt(RedistributorOffset.pendingBase)),
          interruptBits: interruptBits)
        {
          if tables.properties.overlaps(region) { return tables.properties }
          if tables.pending.overlaps(region) { return tables.pending }
        }
        // Last, [4]; VLPIS, [1]: two frames more.
        guard type & 1 << 4 == 0 else { break }
        offset &+= type & 1 << 1 == 0 ? 0x2_0000 : 0x4_0000
      }
    }
    return first(ofServicesOf: controller, overlapping: region)
  }

  private func first(
    ofServicesOf controller: DeviceTree.GICv3, overlapping region: Region
  ) -> Region? {
    var services = controller.translationServices
    while let service = services.next() {
      guard let frame = try? service.region(0) else { continue }
      let base = UInt(frame.address)
      guard ITSTables.areInUse(control: el2_mmio_read32(base)) else { continue }
      if let queue = ITSTables.commandQueue(el2_mmio_read64(base &+ ITSTables.queueOffset)),
        queue.overlaps(region)
      {
        return queue
      }
      for n in 0..<ITSTables.count {
        let table = el2_mmio_read64(base &+ ITSTables.tableOffset &+ 8 &* n)
        if let table = ITSTables.table(table), table.overlaps(region) { return table }
      }
    }
    return nil
  }
}

/// The two tables of one redistributor.
struct LPITables {
  /// One byte for each LPI.
  let properties: Region
  /// One bit for each interrupt.
  let pending: Region

  /// - Parameters: the registers GICR_CTLR, GICR_PROPBASER and GICR_PENDBASER, and how many bits an INTID
  ///   of this controller has.
  /// - Returns: nil if LPIs are off, or the table has none.
  init?(control: UInt32, propertyBase: UInt64, pendingBase: UInt64, interruptBits: UInt64) {
    // IDbits, [4:0], is one less than the bits that the table is for; what the controller does not have is
    // not used. LPIs begin at 8192.
    let bits = min(propertyBase & 0x1f &+ 1, interruptBits)
    guard control & 1 != 0, bits > 13 else { return nil }
    let numbers: UInt64 = 1 &<< bits
    let propertyStart = propertyBase & 0x000f_ffff_ffff_f000
    let pendingStart = pendingBase & 0x000f_ffff_ffff_0000
    properties = Region(from: propertyStart, to: propertyStart &+ numbers &- 8192)
    pending = Region(from: pendingStart, to: pendingStart &+ numbers / 8)
  }

  /// GICD_TYPER.IDbits, [23:19], is one less.
  static func interruptBits(distributorType type: UInt32) -> UInt64 {
    UInt64(type &>> 19 & 0x1f) &+ 1
  }
}

/// The tables of an Interrupt Translation Service that its registers name. (The tables of each device
/// are named in them, in a form of the service's own; it writes there only when it is given commands.)
enum ITSTables {
  static let queueOffset: UInt = 0x80
  static let tableOffset: UInt = 0x100
  static let count: UInt = 8

  /// GITS_CTLR: Enabled, [0], or not yet Quiescent, [31].
  static func areInUse(control: UInt32) -> Bool { control & 1 != 0 || control &>> 31 == 0 }

  /// GITS_CBASER: Valid, [63]; Physical_Address, [51:12]; Size, [7:0], in pages of 4 KiB less one.
  static func commandQueue(_ register: UInt64) -> Region? {
    guard register &>> 63 != 0 else { return nil }
    let start = register & 0x000f_ffff_ffff_f000
    return Region(from: start, to: start &+ (register & 0xff &+ 1) &<< 12)
  }

  /// GITS_BASER: Valid, [63]; Type, [58:56], 0 where there is no table; Physical_Address, [47:12];
  /// Page_Size, [9:8]; Size, [7:0], in such pages less one. With pages of 64 KiB, bits [15:12] are the
  /// address's [51:48].
  static func table(_ register: UInt64) -> Region? {
    guard register &>> 63 != 0, register &>> 56 & 7 != 0 else { return nil }
    let pageBits: UInt64
    var start = register & 0x0000_ffff_ffff_f000
    switch register &>> 8 & 3 {
    case 0: pageBits = 12
    case 1: pageBits = 14
    default:
      pageBits = 16
      start = register & 0x0000_ffff_ffff_0000 | (register &>> 12 & 0xf) &<< 48
    }
    return Region(from: start, to: start &+ (register & 0xff &+ 1) &<< pageBits)
  }
}
