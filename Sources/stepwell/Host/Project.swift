internal import Foundation

/// The folders of the clone that this command was built in.
enum Project {
  /// The clone: the command runs from `.build` in it.
  static let root: URL = {
    var folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    while folder.path != "/" {
      folder.deleteLastPathComponent()
      if FileManager.default.fileExists(
        atPath: folder.appending(path: "SDK/el2.artifactbundle").path)
      {
        return folder
      }
    }
    return URL(filePath: FileManager.default.currentDirectoryPath)
  }()

  /// Downloads: Debian's packages for the guest. They survive a clean build.
  static let cache = root.appending(path: ".cache")
  /// Files that are built from the clone and from `cache`.
  static let products = root.appending(path: ".build/stepwell")
  static let guests = root.appending(path: "Guests")

  /// Runs `body` with a temporary folder, which is removed afterwards.
  static func withTemporaryFolder<Result>(
    _ body: (URL) async throws -> Result
  ) async throws -> Result {
    let folder = products.appending(path: "tmp-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
  }
}
