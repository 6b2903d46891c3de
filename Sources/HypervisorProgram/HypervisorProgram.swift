internal import Hypervisor

/// SwiftPM wants an entry point for an executable. The hypervisor's is `boot` in `Boot.S`, which the
/// linker script names.
@main
enum HypervisorProgram {
  static func main() {}
}
