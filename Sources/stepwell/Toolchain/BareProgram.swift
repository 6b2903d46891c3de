internal import Foundation

/// A program of the project that runs on no operating system. Its sources and its linker script are in a
/// folder of its name below `Guests`; what several programs share is in `Guests/common`.
struct BareProgram {
  /// With symbols. The program runs at the addresses it is linked at, wherever it was loaded.
  let program: GuestProgram
  /// As an arm64 Image.
  let image: URL

  /// The guest that counts what operations of a machine cost.
  static func benchmark() async throws -> BareProgram {
    // x18 counts exceptions.
    try await build("benchmark", common: runtime, options: withoutMMU + ["-ffixed-x18"])
  }

  /// The guest of the machine tests. It runs the topics that its command line names, each about one thing that a
  /// guest can do and see, writes the results on the console, and switches the machine off.
  static func probe() async throws -> BareProgram {
    try await build("probe", common: runtime, options: withoutMMU)
  }

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
      return BareProgram(program: GuestProgram(executable: executable), image: image)
    }
  }

  /// The common sources of a program in C at EL1: start-up, console, PSCI, and what the compiler calls.
  private static let runtime = ["console.c", "memory.c", "psci.c", "start.S"]

  /// Options for C where the MMU is off: no unaligned access, and no SIMD registers.
  private static let withoutMMU = [
    "-ffreestanding", "-fno-pic", "-mgeneral-regs-only", "-mstrict-align", "-O1",
  ]
}
