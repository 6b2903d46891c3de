internal import DeviceTree
internal import EL2Support
internal import Synchronization

/// The GICv2 of the machine.
struct GICv2Hardware: GICv2Access, ~Copyable {
  private let distributor: UInt
  /// The two pages of GICC.
  private let cpuInterface: UInt
  private let secondPage: UInt
  private let virtualControl: UInt
  let guestHasGroup1Only: Bool
  private let interfaceBits = InlineArray<8, Atomic<UInt8>> { _ in Atomic(0) }
  private let inPlace = InPlace()

  /// - Parameter frames: all addresses are physical ones, which EL2 has mapped one to one.
  init(_ frames: GICv2Frames) {
    distributor = UInt(frames.distributor.address)
    cpuInterface = UInt(frames.cpuInterface.first)
    secondPage = UInt(frames.cpuInterface.second)
    virtualControl = UInt(frames.virtualControlPage)
    // The distributor's frame, which EL2 has mapped.
    let type = unsafe el2_mmio_read32(UInt(frames.distributor.address) &+ UInt(GICv2.GICD.typer))
    guestHasGroup1Only = GICv2.GICD_TYPER(rawValue: type).hasSecurityExtensions
  }

  // The frames are those of the device tree, which EL2 has mapped, and every offset is that of a register in one.

  private func address(_ frame: GICv2Frame, _ offset: Int) -> UInt {
    let offset = UInt(bitPattern: offset)
    return switch frame {
    case .distributor: distributor &+ offset
    case .cpuInterface:
      offset < 0x1000 ? cpuInterface &+ offset : secondPage &+ (offset &- 0x1000)
    case .virtualControl: virtualControl &+ offset
    }
  }

  func read8(_ frame: GICv2Frame, _ offset: Int) -> UInt8 {
    unsafe el2_mmio_read8(address(frame, offset))
  }
  func read32(_ frame: GICv2Frame, _ offset: Int) -> UInt32 {
    unsafe el2_mmio_read32(address(frame, offset))
  }
  func write8(_ frame: GICv2Frame, _ offset: Int, _ value: UInt8) {
    unsafe el2_mmio_write8(address(frame, offset), value)
  }
  func write32(_ frame: GICv2Frame, _ offset: Int, _ value: UInt32) {
    unsafe el2_mmio_write32(address(frame, offset), value)
  }

  func complete() { el2_dsb_sy() }

  // A vCPU of a machine with a GICv2 has a number below 8.

  func interfaceBit(of processor: Int) -> UInt8 {
    interfaceBits[processor & 7].load(ordering: .acquiring)
  }

  func setInterfaceBit(of processor: Int, _ value: UInt8) {
    interfaceBits[processor & 7].store(value, ordering: .releasing)
  }
}
