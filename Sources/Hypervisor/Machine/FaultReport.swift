internal import ArmDebug
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// A fault of the hypervisor's own: says on the console what happened, where, and how it got there, and
/// stops every core. It runs on a stack kept for it, and trusts as little as it can.
@c(stepwell_fault)
public func stepwellFault(_ frame: UnsafeMutableRawPointer, _ vector: UInt64, _ sp: UInt64) {
  // `frame` is what the vector has just stored, with the layout of TrapFrame.
  let frame = unsafe Fixed<TrapFrame>(frame.assumingMemoryBound(to: TrapFrame.self))
  var console = FaultConsole.current
  let syndrome = Syndrome(rawValue: el2_read_esr_el2())
  let base = UInt64(el2_address_of___image_start())

  console.write("\n\nStepwell: EL2 itself has failed, and every core is stopped.\n  ")
  console.write(Vector.name(vector))
  console.write(" on core ")
  console.write(hex: el2_read_mpidr_el1() & 0xff_ffff)
  console.write(", at image offset ")
  console.write(hex: frame.value.context.pc &- base, digits: 1)
  console.write("\n  ESR_EL2  ")
  console.write(hex: syndrome.rawValue, digits: 16)
  console.write("  ")
  console.write(ExceptionClass.explanation(of: syndrome.ec))
  if syndrome.exceptionClass == .brk64 { console.write(" (a Swift precondition)") }
  console.write(", EC ")
  console.write(hex: UInt64(syndrome.ec), digits: 2)
  console.write(", ISS ")
  console.write(hex: syndrome.iss, digits: 7)
  console.writeRegister("\n  FAR_EL2  ", el2_read_far_el2())
  console.writeRegister("  HPFAR_EL2 ", el2_read_hpfar_el2())
  console.writeRegister("\n  ELR_EL2  ", frame.value.context.pc)
  console.writeRegister("  SPSR_EL2  ", frame.value.context.pstate.rawValue)
  console.writeRegister("\n  SP       ", sp)
  console.writeRegister("  HCR_EL2   ", el2_read_hcr_el2())
  for n in 0..<31 {
    console.write(n % 3 == 0 ? "\n  " : "  ")
    console.write("x")
    console.write(decimal: UInt64(n))
    if n < 10 { console.write(" ") }
    console.write(" ")
    console.write(hex: frame.value.x[n], digits: 16)
  }
  writeBacktrace(frame, sp: sp, base: base, to: &console)
  console.write(
    "\n  Offsets are those of the Hypervisor ELF file: llvm-symbolizer -e Hypervisor OFFSET\n")
  stopOtherCores()
}

/// Walks the frame records (x29 points at the caller's x29 and x30), as far as they stay within EL2's
/// own memory and go up.
private func writeBacktrace(
  _ frame: Fixed<TrapFrame>, sp: UInt64, base: UInt64, to console: inout Console
) {
  console.write("\n  called from (image offsets):")
  let end = max(UInt64(el2_address_of___image_end()), FaultConsole.memoryEnd)
  func write(_ address: UInt64) {
    guard address >= base, address < UInt64(el2_address_of___image_end()) else { return }
    console.write("\n    ")
    console.write(hex: address &- base)
  }
  write(frame.value.x[30])
  var record = frame.value.x[29]
  for _ in 0..<32 {
    guard record & 7 == 0, record >= base, record &+ 16 <= end else { return }
    // Within EL2's memory, as just checked.
    let next = unsafe el2_mmio_read64(UInt(record))
    write(unsafe el2_mmio_read64(UInt(record) &+ 8))
    guard next > record else { return }
    record = next
  }
}

/// Takes every core's leave to run, so that it ends in EL2's waiting loop. The link core may be the
/// one that failed; then nobody answers the debugger any more, and the console has said why.
private func stopOtherCores() {
  guard FaultConsole.coresAreUp else { return }
  Standstill(EL2Cores()).begin()
}

/// Where a fault is reported.
enum FaultConsole {
  // They are written by the boot core while it is alone, and only read afterwards.
  private nonisolated(unsafe) static var console = Console(nil)
  private nonisolated(unsafe) static var stateIsThere = false
  private nonisolated(unsafe) static var endOfMemory: UInt64 = 0

  /// The console that the device tree names, once it has been read.
  static var current: Console {
    get { unsafe console }
    set { unsafe console = newValue }
  }

  /// Where EL2's memory ends; 0 until that is known.
  static var memoryEnd: UInt64 {
    get { unsafe endOfMemory }
    set { unsafe endOfMemory = newValue }
  }

  /// The shared state is there, so other cores can be told to stop.
  static var coresAreUp: Bool {
    get { unsafe stateIsThere }
    set { unsafe stateIsThere = newValue }
  }
}

/// The vectors that the hypervisor itself can get to.
private enum Vector {
  static func name(_ vector: UInt64) -> StaticString {
    switch vector & 3 {
    case 0: "synchronous exception"
    case 1: "IRQ that should be masked"
    case 2: "FIQ that should be masked"
    default: "SError"
    }
  }
}

extension Console {
  @inline(never)
  fileprivate mutating func writeRegister(_ label: StaticString, _ value: UInt64) {
    write(label)
    write(hex: value, digits: 16)
  }
}
