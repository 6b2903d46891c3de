internal import ArmDebug
internal import DeviceTree
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

// What the boot says on the console.

extension Boot {
  /// Says why there will be no guest, and halts.
  static func refuse(_ error: MachineError) {
    var console = FaultConsole.current
    if !console.isPresent { console = consoleOfLastResort() }
    console.write("Stepwell: ")
    write(error, to: &console)
    while true { el2_wfi() }
  }

  /// Says why a further core runs no vCPU.
  static func refuse(_ error: MachineError, ofCore core: Int) {
    var console = FaultConsole.current
    console.write("Stepwell: CPU ")
    console.write(decimal: UInt64(core))
    console.write(" stays off: ")
    write(error, to: &console)
  }

  static func write(_ error: MachineError, to console: inout Console) {
    console.write(error.sentence)
    if case .badDeviceTree(let reason) = error {
      console.write(" ")
      console.write(reason.sentence)
    } else if case .noDebugLink(let uarts) = error {
      write(uarts, to: &console)
    }
    console.write("\n")
  }

  private static func write(_ uarts: borrowing UARTSurvey, to console: inout Console) {
    if uarts.count == 0 { console.write(" none that the hypervisor can drive") }
    var index = 0
    while let entry = uarts[index] {
      console.write(index == 0 ? " " : ", ")
      console.write(entry.uart.family.name)
      console.write(" at ")
      console.write(hex: entry.uart.base)
      console.write(" (")
      console.write(entry.obstacle.sentence)
      console.write(")")
      index &+= 1
    }
    if uarts.count > index { console.write(", and more") }
    console.write(".")
  }

  static func announce(_ machine: borrowing MachineDescription, held: Bool) {
    var console = FaultConsole.current
    console.write("Stepwell: EL2 at ")
    console.write(hex: machine.hypervisor.address)
    console.write(", ")
    console.write(decimal: UInt64(machine.vcpuCount))
    console.write(machine.vcpuCount == 1 ? " vCPU" : " vCPUs")
    console.write(held ? ", guest held until a debugger continues it\n" : "\n")
    if case .uart(let uart) = machine.link.device {
      console.write("Stepwell: the debug link is the ")
      console.write(uart.family.name)
      console.write(" at ")
      console.write(hex: uart.base)
      console.write(", at the rate that firmware has set\n")
    }
    guard machine.processorCount > machine.vcpuCount else { return }
    console.write("Stepwell: ")
    console.write(decimal: UInt64(machine.processorCount))
    console.write(" CPUs in the device tree; ")
    console.write(decimal: UInt64(machine.vcpuCount))
    console.write(" are used, for which there is room, and the guest does not find the others\n")
  }
}
