internal import Foundation

/// The optimised build of this command, which runs the model about ten times as fast.
enum OptimisedCommand {
  /// Whether this process is the optimised build.
  static var isRunning: Bool {
    #if DEBUG
      false
    #else
      true
    #endif
  }

  /// Builds it, which takes almost no time if nothing has changed.
  ///
  /// - Returns: the path of the program.
  static func build() async throws -> String {
    let toolchain = try await Toolchain.find()
    let arguments = [
      "build", "--package-path", Project.root.path, "-c", "release", "--product", "stepwell",
    ]
    return try await Lock.holding("optimised") {
      try await Progress.during("Building the optimised command") {
        try await toolchain.child("swift", arguments).runQuietly()
      }
      // .build/release cannot be used: it is the release build made last, which may be the hypervisor's.
      let folder = try await toolchain.child("swift", arguments + ["--show-bin-path"]).output()
      return folder.trimmingCharacters(in: .newlines) + "/stepwell"
    }
  }
}
