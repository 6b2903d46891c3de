internal import Foundation

/// A program of the project that runs on no operating system. Its sources and its linker script are in a
/// folder of its name below `Guests`; what several programs share is in `Guests/common`.
struct BareProgram {
  /// With symbols.
  let executable: URL
  /// As an arm64 Image.
  let image: URL

  /// Compiles and links the program with the clang and the lld of the Swift toolchain.
  ///
  /// - Parameters:
  ///   - common: the sources of `Guests/common` that the program takes.
  ///   - options: clang's options, beyond those that every such program has.
  static func build(
    _ name: String, common: [String] = [], options: [String] = []
  ) async throws -> BareProgram {
    let toolchain = try await Toolchain.find()
    let folder = Project.guests.appending(path: name)
    let shared = Project.guests.appending(path: "common")
    let own = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".c") || $0.hasSuffix(".S") }
      .sorted()
    let sources =
      own.map { folder.appending(path: $0).path } + common.map { shared.appending(path: $0).path }
    try FileManager.default.createDirectory(
      at: Project.products, withIntermediateDirectories: true)
    let executable = Project.products.appending(path: name)
    let image = Project.products.appending(path: "\(name).image")
    return try await Lock.holding(name) {
      try await toolchain.child(
        "clang",
        ["--target=aarch64-none-elf", "-march=armv8-a"] + options + [
          "-g", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-static", "-fuse-ld=lld",
          // For the program's numbers in common sources, and for common linker scripts.
          "-I", folder.path, "-L", shared.path,
          "-Wl,-T,\(folder.appending(path: "\(name).ld").path)", "-o", executable.path,
        ] + sources
      ).runQuietly()
      try await toolchain.child(
        "llvm-objcopy", ["-O", "binary", executable.path, image.path]
      ).runQuietly()
      return BareProgram(executable: executable, image: image)
    }
  }

  /// The common sources of a program in C at EL1: start-up, console, PSCI, and what the compiler calls.
  static let runtime = ["console.c", "memory.c", "psci.c", "start.S"]

  /// Options for C where the MMU is off: no unaligned access, and no SIMD registers.
  static let withoutMMU = [
    "-ffreestanding", "-fno-pic", "-mgeneral-regs-only", "-mstrict-align", "-O1",
  ]
}
