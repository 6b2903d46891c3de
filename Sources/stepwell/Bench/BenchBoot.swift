/// The machine that Debian's kernel boots on while its boot is counted.
enum BenchBoot: String, CaseIterable {
  case bare
  case native
  /// A debugger is attached, and asks for nothing.
  case idle
  /// A debugger holds two hardware breakpoints that the guest never reaches.
  case breakpoints

  var title: String {
    switch self {
    case .bare: "bare"
    case .native: "Stepwell"
    case .idle: "debugger attached, idle"
    case .breakpoints: "two breakpoints held"
    }
  }
}
