internal import ArgumentParser
internal import Foundation

/// A guest from a file: a kernel, or any other program.
struct Kernel {
  private let name: String
  private let guest: GuestFile

  /// - Parameter address: where a raw binary lies and is entered; nil for a file that says it itself.
  /// - Throws: `Failure` if the file cannot be read or is nothing that can be started.
  init(file: String, at address: Address? = nil) throws {
    name = file
    // Before anything is built for this kernel.
    guest = try GuestFile(
      readFile(file, as: "kernel"), at: address?.number, named: file)
  }

  /// Builds the hypervisor and composes the image of both.
  func bootImage(holdsGuest: Bool) async throws -> Data {
    let hypervisor = try Data(contentsOf: try await Hypervisor.build().image)
    switch guest {
    case .image(let kernel):
      return try BootImage.compose(
        hypervisor: hypervisor, kernel: kernel, named: name, holdsGuest: holdsGuest)
    case .program(let program):
      return try BootImage.compose(
        hypervisor: hypervisor, program: program, named: name, holdsGuest: holdsGuest)
    }
  }
}

/// A physical address as a person writes it: hexadecimal with 0x, or decimal.
struct Address: ExpressibleByArgument {
  let number: UInt64

  init?(argument: String) {
    let number =
      argument.lowercased().hasPrefix("0x")
      ? UInt64(argument.dropFirst(2), radix: 16) : UInt64(argument)
    guard let number else { return nil }
    self.number = number
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
