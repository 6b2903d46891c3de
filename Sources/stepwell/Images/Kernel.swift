internal import Foundation

/// A guest kernel from a file.
struct Kernel {
  private let name: String
  private let contents: Data

  /// - Throws: `Failure` if the file cannot be read or is no arm64 Image.
  init(file: String) throws {
    name = file
    contents = try readFile(file, as: "kernel")
    // Before anything is built for this kernel.
    _ = try ImageHeader(contents, of: file)
  }

  /// Builds the hypervisor and composes the image of both.
  func bootImage(holdsGuest: Bool) async throws -> Data {
    try BootImage.compose(
      hypervisor: Data(contentsOf: try await Hypervisor.build().image), kernel: contents,
      named: name, holdsGuest: holdsGuest)
  }
}

/// The contents of a file that the person at the terminal named.
///
/// - Parameter role: what the file is used as, for errors.
/// - Throws: `Failure` that says what is wrong with the file.
func readFile(_ path: String, as role: String) throws -> Data {
  let url = URL(filePath: path).resolvingSymlinksInPath()
  guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.path) else {
    throw Failure("There is no file \(path); check the path of the \(role).")
  }
  guard attributes[.type] as? FileAttributeType != .typeDirectory else {
    throw Failure("\(path) is a folder; the \(role) must be a file.")
  }
  do {
    return try Data(contentsOf: url, options: .mappedIfSafe)
  } catch {
    throw Failure("\(path) cannot be read: \(error.localizedDescription)")
  }
}
