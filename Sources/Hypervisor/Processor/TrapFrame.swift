internal import ArmDebug
internal import NestedDebug

/// The guest's general registers as the exception vectors store them, at the top of the core's EL2
/// stack (`Layout.h` has the offsets, and a test compares). While its vCPU stands still this is what a
/// debugger reads and writes.
struct TrapFrame {
  /// x0 to x30.
  var x: InlineArray<31, UInt64>
  /// ELR_EL2 and SPSR_EL2: where and in which state the guest goes on.
  var context: GuestContext
  private var padding: UInt64 = 0

  /// All registers 0 but the two that say where the guest goes on.
  init(pc: UInt64, pstate: PState) {
    x = InlineArray(repeating: 0)
    context = GuestContext(pc: pc, pstate: pstate)
  }

  /// Register `n` of an instruction's Rt field: 31 is XZR.
  subscript(rt n: UInt8) -> UInt64 {
    // Mutating, to be read where it is: the compiler copies the whole array otherwise.
    mutating get { n < 31 ? x[Int(n)] : 0 }
    set { if n < 31 { x[Int(n)] = newValue } }
  }
}
