internal import Foundation

/// The bare-metal guest that counts what operations of a machine cost.
struct BenchmarkGuest {
  /// With symbols. The program runs at the addresses it is linked at, wherever it was loaded.
  let program: GuestProgram
  /// As an arm64 Image.
  let image: URL

  /// Compiles and links the program with the clang and the lld of the Swift toolchain.
  static func build() async throws -> BenchmarkGuest {
    // x18 counts exceptions.
    let built = try await BareProgram.build(
      "benchmark", common: BareProgram.runtime, options: BareProgram.withoutMMU + ["-ffixed-x18"])
    return BenchmarkGuest(program: GuestProgram(executable: built.executable), image: built.image)
  }
}
