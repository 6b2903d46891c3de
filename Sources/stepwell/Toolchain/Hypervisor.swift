internal import Foundation

/// The EL2 program, built from the clone.
struct Hypervisor {
  /// With symbols.
  let executable: URL
  /// The memory image, from its Image header on, without a guest.
  let image: URL

  /// Builds the hypervisor, which takes almost no time if nothing has changed.
  static func build() async throws -> Hypervisor {
    let toolchain = try await Toolchain.find()
    let sdks = Project.root.appending(path: "SDK").path
    return try await Lock.holding("hypervisor") {
      try await Progress.during("Building the hypervisor") {
        try await toolchain.child(
          "swift",
          [
            "build", "--package-path", Project.root.path, "-c", "release",
            "--swift-sdks-path", sdks, "--swift-sdk", "el2", "--product", "Hypervisor",
            // `swift test` holds SwiftPM's lock while a test of this command runs, and would wait
            // for itself; our own lock keeps two of these builds apart.
            "--ignore-lock",
          ]
        ).runQuietly()
      }
      let hypervisor = Hypervisor(
        executable: Project.root.appending(path: ".build/aarch64-none-none-elf/release/Hypervisor"),
        image: Project.products.appending(path: "hypervisor.image"))
      try await toolchain.child(
        "llvm-objcopy", ["-O", "binary", hypervisor.executable.path, hypervisor.image.path]
      ).runQuietly()
      return hypervisor
    }
  }

  /// Looks through the linked program for what must not be at EL2.
  ///
  /// - Throws: `Failure` that names the first such thing.
  func audit() async throws {
    let toolchain = try await Toolchain.find()
    let symbols = try await toolchain.child("llvm-nm", [executable.path]).output()
    if let symbol = Audit.forbiddenSymbol(in: symbols) {
      throw Failure(
        "The hypervisor contains \(symbol): something at EL2 allocates, or is initialised lazily.")
    }
    let instructions = try await toolchain.child(
      "llvm-objdump", ["-d", "--no-show-raw-insn", executable.path]
    ).output()
    if let instruction = Audit.vectorInstruction(in: instructions) {
      throw Failure(
        "The hypervisor uses a SIMD register, which is the guest's: \(instruction)")
    }
    if let instruction = Audit.unorderedEvent(in: instructions) {
      throw Failure("The hypervisor sends an event without a barrier before it: \(instruction)")
    }
    if let instruction = Audit.unmaskingInstruction(in: instructions) {
      throw Failure("The hypervisor lifts a mask of PSTATE at EL2: \(instruction)")
    }
  }
}
