internal import Foundation

/// The bare-metal payload that counts what a machine's operations cost.
struct BenchmarkGuest {
  /// With symbols. It runs at the addresses that it is linked at, wherever it was loaded.
  let program: GuestProgram
  /// As an arm64 Image.
  let image: URL

  /// Compiles and links it with the Swift toolchain's own clang and lld.
  static func build() async throws -> BenchmarkGuest {
    let toolchain = try await Toolchain.find()
    let folder = Project.guests.appending(path: "benchmark")
    let sources = ["start.S", "rows.S", "main.c"].map { folder.appending(path: $0).path }
    try FileManager.default.createDirectory(
      at: Project.products, withIntermediateDirectories: true)
    let executable = Project.products.appending(path: "benchmark")
    let image = Project.products.appending(path: "benchmark.image")
    return try await Lock.holding("benchmark") {
      try await toolchain.child(
        "clang",
        [
          "--target=aarch64-none-elf", "-march=armv8-a", "-ffreestanding", "-fno-pic",
          // Its MMU is off: no unaligned access. x18 counts exceptions.
          "-mgeneral-regs-only", "-mstrict-align", "-ffixed-x18", "-O1", "-g", "-Wall", "-Wextra",
          "-Werror", "-nostdlib", "-static", "-fuse-ld=lld",
          "-Wl,-T,\(folder.appending(path: "benchmark.ld").path)", "-o", executable.path,
        ] + sources
      ).runQuietly()
      try await toolchain.child(
        "llvm-objcopy", ["-O", "binary", executable.path, image.path]
      ).runQuietly()
      return BenchmarkGuest(program: GuestProgram(executable: executable), image: image)
    }
  }
}
