internal import Foundation

/// The bare-metal payload that counts what a machine's operations cost.
struct BenchmarkGuest {
  /// With symbols. It runs at the addresses that it is linked at, wherever it was loaded.
  let program: GuestProgram
  /// As an arm64 Image.
  let image: URL

  /// Compiles and links it with the Swift toolchain's own clang and lld.
  static func build() async throws -> BenchmarkGuest {
    // x18 counts exceptions.
    let built = try await BareProgram.build(
      "benchmark", options: BareProgram.withoutMMU + ["-ffixed-x18"])
    return BenchmarkGuest(program: GuestProgram(executable: built.executable), image: built.image)
  }
}
