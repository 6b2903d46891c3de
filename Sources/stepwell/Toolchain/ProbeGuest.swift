internal import Foundation

/// The project's bare-metal guest, which tries out one topic of what a guest can do and see, writes
/// what came of it on the console, and switches the machine off.
struct ProbeGuest {
  /// With symbols. It runs at the addresses that it is linked at, wherever it was loaded.
  let program: GuestProgram
  /// As an arm64 Image.
  let image: URL

  /// Compiles and links it with the Swift toolchain's own clang and lld.
  static func build() async throws -> ProbeGuest {
    let built = try await BareProgram.build("probe", options: BareProgram.withoutMMU)
    return ProbeGuest(program: GuestProgram(executable: built.executable), image: built.image)
  }
}
