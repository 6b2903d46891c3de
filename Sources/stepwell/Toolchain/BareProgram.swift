internal import Foundation

/// A program of the project's that runs on no operating system, from a folder of its name below
/// `Guests` with its sources and its linker script.
struct BareProgram {
  /// With symbols.
  let executable: URL
  /// As an arm64 Image.
  let image: URL

  /// Compiles and links it with the Swift toolchain's own clang and lld.
  ///
  /// - Parameter options: clang's, beyond those that every such program has.
  static func build(_ name: String, options: [String] = []) async throws -> BareProgram {
    let toolchain = try await Toolchain.find()
    let folder = Project.guests.appending(path: name)
    let sources = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".c") || $0.hasSuffix(".S") }
      .sorted()
      .map { folder.appending(path: $0).path }
    try FileManager.default.createDirectory(
      at: Project.products, withIntermediateDirectories: true)
    let executable = Project.products.appending(path: name)
    let image = Project.products.appending(path: "\(name).image")
    return try await Lock.holding(name) {
      try await toolchain.child(
        "clang",
        ["--target=aarch64-none-elf", "-march=armv8-a"] + options + [
          "-g", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-static", "-fuse-ld=lld",
          "-Wl,-T,\(folder.appending(path: "\(name).ld").path)", "-o", executable.path,
        ] + sources
      ).runQuietly()
      try await toolchain.child(
        "llvm-objcopy", ["-O", "binary", executable.path, image.path]
      ).runQuietly()
      return BareProgram(executable: executable, image: image)
    }
  }

  /// Options for C where the MMU is off: no unaligned access, and no SIMD registers.
  static let withoutMMU = [
    "-ffreestanding", "-fno-pic", "-mgeneral-regs-only", "-mstrict-align", "-O1",
  ]
}
