internal import ArgumentParser

/// The machine or hypervisor that the payload of the benchmark runs on.
enum BenchColumn: String, CaseIterable, ExpressibleByArgument {
  /// At EL1, with only the shim at EL2.
  case bare
  /// Stepwell without a debugger.
  case native
  /// Stepwell with a debugger that holds hardware breakpoints which the guest never reaches.
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
