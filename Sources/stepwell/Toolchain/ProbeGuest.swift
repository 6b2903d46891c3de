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
    let toolchain = try await Toolchain.find()
    let folder = Project.guests.appending(path: "probe")
    let sources = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".c") || $0.hasSuffix(".S") }
      .sorted()
      .map { folder.appending(path: $0).path }
    try FileManager.default.createDirectory(
      at: Project.products, withIntermediateDirectories: true)
    let executable = Project.products.appending(path: "probe")
    let image = Project.products.appending(path: "probe.image")
    return try await Lock.holding("probe") {
      try await toolchain.child(
        "clang",
        [
          "--target=aarch64-none-elf", "-march=armv8-a", "-ffreestanding", "-fno-pic",
          // The probe's MMU is off: no unaligned access, and SIMD registers are not its subject.
          "-mgeneral-regs-only", "-mstrict-align", "-O1", "-g", "-Wall", "-Wextra", "-Werror",
          "-nostdlib", "-static", "-fuse-ld=lld",
          "-Wl,-T,\(folder.appending(path: "probe.ld").path)", "-o", executable.path,
        ] + sources
      ).runQuietly()
      try await toolchain.child(
        "llvm-objcopy", ["-O", "binary", executable.path, image.path]
      ).runQuietly()
      return ProbeGuest(program: GuestProgram(executable: executable), image: image)
    }
  }
}
