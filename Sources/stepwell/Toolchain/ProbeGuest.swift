internal import Foundation

/// The bare-metal guest of the machine tests. It runs the topics that its command line names, each about
/// one thing that a guest can do and see, writes the results on the console, and switches the machine off.
struct ProbeGuest {
  /// With symbols. The program runs at the addresses it is linked at, wherever it was loaded.
  let program: GuestProgram
  /// As an arm64 Image.
  let image: URL

  /// Compiles and links the program with the clang and the lld of the Swift toolchain.
  static func build() async throws -> ProbeGuest {
    let built = try await BareProgram.build(
      "probe", common: BareProgram.runtime, options: BareProgram.withoutMMU)
    return ProbeGuest(program: GuestProgram(executable: built.executable), image: built.image)
  }
}
