internal import Foundation

/// A C program of the project that runs in the guest.
struct GuestProgram {
  /// Statically linked and not relocated: symbols have their addresses at run time.
  let executable: URL

  /// Compiles and links the program with the clang and the lld of the Swift toolchain, and Debian's C
  /// library.
  static func build(
    _ source: URL, with packages: GuestPackages, into executable: URL
  ) async throws -> GuestProgram {
    try await Toolchain.find().child(
      "clang",
      [
        "--target=aarch64-linux-gnu", "--sysroot=\(packages.root.path)", "-static", "-fuse-ld=lld",
        "-O1", "-Wall", "-Wextra", "-Werror", "-o", executable.path, source.path,
      ]
    ).runQuietly()
    return GuestProgram(executable: executable)
  }

  /// The address of a symbol.
  ///
  /// - Throws: `Failure` if the program has no symbol of that name.
  func address(of symbol: String) async throws -> UInt64 {
    let listing = try await Toolchain.find().child("llvm-nm", [executable.path]).output()
    for line in listing.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 3, fields[2] == symbol, let address = UInt64(fields[0], radix: 16) {
        return address
      }
    }
    throw Failure("\(executable.lastPathComponent) has no symbol \(symbol).")
  }
}
