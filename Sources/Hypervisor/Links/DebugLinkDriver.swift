internal import EL2Support

/// The driver of the debug link, on its way to the server that keeps it.
enum DebugLinkDriver: ~Copyable {
  typealias Virtio = VirtioConsole<VirtioTransport>
  typealias Serial = SerialPort<SerialUART<MappedRegisters>>

  case virtio(Virtio)
  case serial(Serial)

  /// Takes the device over and makes it ready.
  init(starting device: LinkDescription.Device) throws(MachineError) {
    let memory = el2_address_of___link_storage_start()
    switch device {
    case .virtio(let transport):
      var link = Virtio(VirtioTransport(base: UInt(transport)), memory: memory)
      guard link.start() else { throw .badDebugLink }
      self = .virtio(link)
    case .uart(let uart):
      // The linker script sets the storage aside for the link, and it is never null.
      let storage = unsafe UnsafeMutablePointer<UInt8>(bitPattern: memory).unsafelyUnwrapped
      var link = unsafe Serial(
        SerialUART(uart, MappedRegisters(base: UInt(uart.base))), memory: storage)
      link.start()
      self = .serial(link)
    }
  }
}
