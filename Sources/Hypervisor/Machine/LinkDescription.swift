internal import DeviceTree

/// The debug link: its device, its interrupts, and the page that it sits in.
struct LinkDescription {
  /// What carries it.
  enum Device: Equatable, Sendable {
    /// A virtio console, on the transport at this physical address.
    case virtio(transport: UInt64)
    case uart(UARTDescription)

    /// Physical address of its registers.
    var base: UInt64 {
      switch self {
      case .virtio(let transport): transport
      case .uart(let uart): uart.base
      }
    }
  }

  let device: Device
  let interrupts: InlineArray<4, OwnInterrupts.Link?>

  /// The page of the device's registers. Stage 2 cannot hide less, and what shares it with the link goes with it.
  var page: Region { Page.region(of: device.base) }

  /// Whether it is a serial line, of which the guest must not turn the clock off.
  var isSerial: Bool {
    if case .uart = device { true } else { false }
  }
}

/// Why a UART of the tree is not the debug link.
enum LinkObstacle: Equatable, Sendable {
  /// It is the guest's console.
  case console
  /// A device, such as a Bluetooth module, is on its line.
  case hasChildren
  /// Another device's registers are in the same page.
  case sharesPage
  /// Another device raises the same interrupt.
  case sharesInterrupt
  /// It has no interrupt that goes to the interrupt controller directly.
  case noInterrupt

  var sentence: StaticString {
    switch self {
    case .console: "the console"
    case .hasChildren: "a device is on its line"
    case .sharesPage: "another device is in its page"
    case .sharesInterrupt: "another device has its interrupt"
    case .noInterrupt: "no interrupt at the GIC"
    }
  }
}

/// The UARTs that a tree has, as far as there is room, and why none of them is the debug link.
struct UARTSurvey: Sendable {
  struct Entry: Sendable {
    let uart: UARTDescription
    let obstacle: LinkObstacle
  }

  private var entries = InlineArray<8, Entry?>(repeating: nil)
  /// How many there are, those included for which there is no room.
  private(set) var count = 0

  init() {}

  mutating func append(_ uart: UARTDescription, _ obstacle: LinkObstacle) {
    if count < entries.count { entries[count] = Entry(uart: uart, obstacle: obstacle) }
    count &+= 1
  }

  subscript(_ index: Int) -> Entry? { index < entries.count ? entries[index] : nil }
}
