/// A UART of any family. EL2 has no heap for a value of some protocol's.
enum SerialUART<Registers: DeviceRegisters> {
  case pl011(PL011UART<Registers>)
  case ns16550(NS16550<Registers>)
  case cadence(CadenceUART<Registers>)
  case imx(IMXUART<Registers>)
  case meson(MesonUART<Registers>)
  case scif(SCIF<Registers>)
  case lpuart(LPUART<Registers>)

  init(_ description: UARTDescription, _ registers: Registers) {
    func ns16550(_ variant: NS16550<Registers>.Variant) -> Self {
      .ns16550(
        NS16550(
          registers, variant: variant, shift: UInt(description.registerShift),
          isWide: description.isWide))
    }
    self =
      switch description.family {
      case .pl011:
        .pl011(PL011UART(registers: registers, isSBSA: false, isWide: description.isWide))
      case .sbsa: .pl011(PL011UART(registers: registers, isSBSA: true, isWide: true))
      case .ns16550: ns16550(.plain)
      case .freescale: ns16550(.freescale)
      case .designWare: ns16550(.designWare)
      case .mediaTek: ns16550(.mediaTek)
      case .omap: ns16550(.omap)
      case .tegra: ns16550(.tegra)
      case .miniUART: ns16550(.miniUART)
      case .cadence: .cadence(CadenceUART(registers, tellsOfEachCharacter: false))
      case .cadenceR1P12: .cadence(CadenceUART(registers, tellsOfEachCharacter: true))
      case .imx: .imx(IMXUART(registers))
      case .meson: .meson(MesonUART(registers: registers))
      case .scif: .scif(SCIF(registers: registers, variant: .scif))
      case .hscif: .scif(SCIF(registers: registers, variant: .hscif))
      case .compactSCIF: .scif(SCIF(registers: registers, variant: .compact))
      case .bigEndianLPUART: .lpuart(LPUART(registers, variant: .bigEndian))
      case .littleEndianLPUART: .lpuart(LPUART(registers, variant: .littleEndian))
      case .shiftedLPUART: .lpuart(LPUART(registers, variant: .shifted))
      }
  }
}

extension SerialUART: UART {
  mutating func start() {
    switch self {
    case .pl011(var uart):
      uart.start()
      self = .pl011(uart)
    case .ns16550(var uart):
      uart.start()
      self = .ns16550(uart)
    case .cadence(var uart):
      uart.start()
      self = .cadence(uart)
    case .imx(var uart):
      uart.start()
      self = .imx(uart)
    case .meson(var uart):
      uart.start()
      self = .meson(uart)
    case .scif(var uart):
      uart.start()
      self = .scif(uart)
    case .lpuart(var uart):
      uart.start()
      self = .lpuart(uart)
    }
  }

  mutating func acknowledge() {
    switch self {
    case .pl011(var uart):
      uart.acknowledge()
      self = .pl011(uart)
    case .ns16550(var uart):
      uart.acknowledge()
      self = .ns16550(uart)
    case .cadence(var uart):
      uart.acknowledge()
      self = .cadence(uart)
    case .imx(var uart):
      uart.acknowledge()
      self = .imx(uart)
    case .meson(var uart):
      uart.acknowledge()
      self = .meson(uart)
    case .scif(var uart):
      uart.acknowledge()
      self = .scif(uart)
    case .lpuart(var uart):
      uart.acknowledge()
      self = .lpuart(uart)
    }
  }

  mutating func receive() -> Reception? {
    switch self {
    case .pl011(var uart):
      defer { self = .pl011(uart) }
      return uart.receive()
    case .ns16550(var uart):
      defer { self = .ns16550(uart) }
      return uart.receive()
    case .cadence(var uart):
      defer { self = .cadence(uart) }
      return uart.receive()
    case .imx(var uart):
      defer { self = .imx(uart) }
      return uart.receive()
    case .meson(var uart):
      defer { self = .meson(uart) }
      return uart.receive()
    case .scif(var uart):
      defer { self = .scif(uart) }
      return uart.receive()
    case .lpuart(var uart):
      defer { self = .lpuart(uart) }
      return uart.receive()
    }
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    switch self {
    case .pl011(var uart):
      defer { self = .pl011(uart) }
      return uart.transmit(character)
    case .ns16550(var uart):
      defer { self = .ns16550(uart) }
      return uart.transmit(character)
    case .cadence(var uart):
      defer { self = .cadence(uart) }
      return uart.transmit(character)
    case .imx(var uart):
      defer { self = .imx(uart) }
      return uart.transmit(character)
    case .meson(var uart):
      defer { self = .meson(uart) }
      return uart.transmit(character)
    case .scif(var uart):
      defer { self = .scif(uart) }
      return uart.transmit(character)
    case .lpuart(var uart):
      defer { self = .lpuart(uart) }
      return uart.transmit(character)
    }
  }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    switch self {
    case .pl011(var uart):
      uart.setTransmitInterrupt(isOn)
      self = .pl011(uart)
    case .ns16550(var uart):
      uart.setTransmitInterrupt(isOn)
      self = .ns16550(uart)
    case .cadence(var uart):
      uart.setTransmitInterrupt(isOn)
      self = .cadence(uart)
    case .imx(var uart):
      uart.setTransmitInterrupt(isOn)
      self = .imx(uart)
    case .meson(var uart):
      uart.setTransmitInterrupt(isOn)
      self = .meson(uart)
    case .scif(var uart):
      uart.setTransmitInterrupt(isOn)
      self = .scif(uart)
    case .lpuart(var uart):
      uart.setTransmitInterrupt(isOn)
      self = .lpuart(uart)
    }
  }

  func enableTransmitter() {
    switch self {
    case .cadence(let uart): uart.enableTransmitter()
    case .imx(let uart): uart.enableTransmitter()
    case .pl011, .ns16550, .meson, .scif, .lpuart: break
    }
  }

  mutating func stop() {
    switch self {
    case .pl011(var uart):
      uart.stop()
      self = .pl011(uart)
    case .ns16550(var uart):
      uart.stop()
      self = .ns16550(uart)
    case .cadence(var uart):
      uart.stop()
      self = .cadence(uart)
    case .imx(var uart):
      uart.stop()
      self = .imx(uart)
    case .meson(var uart):
      uart.stop()
      self = .meson(uart)
    case .scif(var uart):
      uart.stop()
      self = .scif(uart)
    case .lpuart(var uart):
      uart.stop()
      self = .lpuart(uart)
    }
  }
}
