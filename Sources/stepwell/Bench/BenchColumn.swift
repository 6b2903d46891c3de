internal import ArgumentParser

/// What the benchmark's payload runs under.
enum BenchColumn: String, CaseIterable, ExpressibleByArgument {
  /// At EL1, with nothing at EL2 that takes part.
  case bare
  /// Stepwell, and no debugger.
  case native
  /// Stepwell, and a debugger that holds hardware breakpoints which the guest never reaches.
  case debugger
  /// Linux KVM, with no debugger.
  case kvm
  /// Linux KVM, with hardware breakpoints of the virtual machine monitor that the guest never
  /// reaches (`KVM_GUESTDBG_USE_HW`).
  case kvmDebugger = "kvm-debugger"

  var title: String {
    switch self {
    case .bare: "bare"
    case .native: "Stepwell"
    case .debugger: "Stepwell, debugger"
    case .kvm: "KVM"
    case .kvmDebugger: "KVM, debugger"
    }
  }
}
