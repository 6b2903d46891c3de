/// The kinds of UART that EL2 drives.
enum UARTFamily: UInt8, Equatable, Sendable {
  case pl011
  case sbsa
  case ns16550
  case freescale
  case designWare
  case mediaTek
  case omap
  case tegra
  case miniUART
  case cadence
  case cadenceR1P12
  case imx
  case meson
  case scif
  case hscif
  case compactSCIF
  case bigEndianLPUART
  case littleEndianLPUART
  case shiftedLPUART

  /// What people call it.
  var name: StaticString {
    switch self {
    case .pl011: "PL011"
    case .sbsa: "SBSA UART"
    case .ns16550: "16550"
    case .freescale: "Freescale 16550"
    case .designWare: "DesignWare UART"
    case .mediaTek: "MediaTek UART"
    case .omap: "OMAP UART"
    case .tegra: "Tegra UART"
    case .miniUART: "BCM2835 mini-UART"
    case .cadence, .cadenceR1P12: "Cadence UART"
    case .imx: "i.MX UART"
    case .meson: "Meson UART"
    case .scif, .compactSCIF: "SCIF"
    case .hscif: "HSCIF"
    case .bigEndianLPUART, .littleEndianLPUART, .shiftedLPUART: "LPUART"
    }
  }
}

/// A UART of the machine: what of it is in the device tree, and EL2 needs to drive it.
struct UARTDescription: Equatable, Sendable {
  var family: UARTFamily
  /// Physical address of its registers.
  var base: UInt64
  /// By how much the registers of a 16550 are shifted.
  var registerShift: UInt8 = 0
  /// Its registers are accessed by 32 bits, where the family does not say how.
  var isWide = false
}
