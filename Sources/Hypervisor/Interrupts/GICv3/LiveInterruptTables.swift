internal import DeviceTree
internal import EL2Support

/// The tables in RAM that the interrupt controller uses when EL2 begins, because whoever ran before, such as
/// a kernel that has started this one by kexec, has turned LPIs on. Once they are on, a redistributor need
/// not let them be turned off again (IHI 0069, GICR_CTLR.EnableLPIs), and it writes to its pending table
/// whenever a device sends a message.
struct LiveInterruptTables {
  private let controller: DeviceTree.GICv3?

  /// - Parameter tree: names the interrupt controller. Where it names none that can be used there are no
  ///   tables, and no guest either.
  init(_ tree: DeviceTree) { controller = (try? tree.gicV3()) ?? nil }

  private init() { controller = nil }

  /// No tables, as in a machine that has just been switched on.
  static var none: Self { Self() }

  /// One of the tables that overlap with a region; nil if none does.
  func first(overlapping region: Region) -> Region? {
    guard let controller else { return nil }
    // These registers are those of the device tree's interrupt controller. The MMU is off, or EL2 has mapped them.
    let interruptBits = LPITables.interruptBits(
      distributorType: unsafe el2_mmio_read32(
        UInt(controller.distributor.address) &+ UInt(GICD.typer)))
    for index in 0..<controller.redistributorRegionCount {
      guard let frames = try? controller.redistributorRegion(index) else { continue }
      var offset: UInt64 = 0
      while offset &+ UInt64(GICR.size) <= frames.size {
        let frame = UInt(frames.address &+ offset)
        let type = GICR_TYPER(rawValue: unsafe el2_mmio_read64(frame &+ UInt(GICR.typer)))
        if let tables = LPITables(
          control: unsafe el2_mmio_read32(frame &+ UInt(GICR.ctlr)),
          propertyBase: unsafe el2_mmio_read64(frame &+ UInt(GICR.propbaser)),
          pendingBase: unsafe el2_mmio_read64(frame &+ UInt(GICR.pendbaser)),
          interruptBits: interruptBits)
        {
          if tables.properties.overlaps(region) { return tables.properties }
          if tables.pending.overlaps(region) { return tables.pending }
        }
        guard !type.contains(.last) else { break }
        offset &+= type.stride
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
      guard ITSTables.areInUse(control: unsafe el2_mmio_read32(base &+ GITS.ctlr)) else { continue }
      if let queue = ITSTables.commandQueue(unsafe el2_mmio_read64(base &+ GITS.cbaser)),
        queue.overlaps(region)
      {
        return queue
      }
      for n in 0..<GITS.baserCount {
        let table = unsafe el2_mmio_read64(base &+ GITS.baser(n))
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
    // The table may be for more bits than the controller has, which it does not use. LPIs begin at 8192.
    let propertyTable = GICR_PROPBASER(rawValue: propertyBase)
    let bits = min(propertyTable.idBits &+ 1, interruptBits)
    guard GICR_CTLR(rawValue: control).contains(.enableLPIs), bits > 13 else { return nil }
    let numbers: UInt64 = 1 &<< bits
    let pendingStart = GICR_PENDBASER(rawValue: pendingBase).address
    properties = Region(
      from: propertyTable.address, to: propertyTable.address &+ numbers &- 8192)
    pending = Region(from: pendingStart, to: pendingStart &+ numbers / 8)
  }

  /// How many bits an INTID has, from GICD_TYPER.
  static func interruptBits(distributorType type: UInt32) -> UInt64 {
    UInt64(GICD_TYPER(rawValue: type).idBits) &+ 1
  }
}

/// The tables of an Interrupt Translation Service that its registers name. (The tables of each device
/// are named in them, in a form of the service's own; it writes there only when it is given commands.)
enum ITSTables {
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
