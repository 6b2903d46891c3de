internal import Foundation

/// The Swift toolchain, which builds everything, the C programs of the guest included.
struct Toolchain {
  /// Its programs: swift, clang, llvm-objcopy …
  private let programs: URL

  /// Asks the `swift` on the path, which may be a proxy that chooses among several, where it lives.
  static func find() async throws -> Toolchain {
    struct TargetInfo: Decodable {
      struct Paths: Decodable { let runtimeResourcePath: String }
      let paths: Paths
    }
    let text = try await Child("swift", ["-print-target-info"]).output()
    let info = try JSONDecoder().decode(TargetInfo.self, from: Data(text.utf8))
    // …/usr/lib/swift
    return Toolchain(
      programs: URL(filePath: info.paths.runtimeResourcePath).appending(path: "../../bin")
        .standardizedFileURL)
  }

  /// A run of one of the toolchain's programs.
  func child(_ program: String, _ arguments: [String], in directory: String? = nil) -> Child {
    Child(programs.appending(path: program).path, arguments, directory: directory)
  }
}
