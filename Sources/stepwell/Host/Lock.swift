internal import Foundation
internal import Glibc

/// A lock that lets one command at a time prepare files that all commands use.
enum Lock {
  /// Runs `body` while no other command of this clone runs one under the same lock.
  static func holding<Result>(
    _ name: String, _ body: () async throws -> Result
  ) async throws -> Result {
    try FileManager.default.createDirectory(at: Project.products, withIntermediateDirectories: true)
    let path = Project.products.appending(path: "\(name).lock").path
    // The path is a C string only for the call.
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw Failure("\(path) cannot be written; check who owns the clone's .build folder.")
    }
    defer { close(descriptor) }

    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      Progress.note("Waiting for another stepwell command that prepares the same files …\n")
      while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        try await Task.sleep(for: .milliseconds(200))
      }
    }
    return try await body()
  }
}
