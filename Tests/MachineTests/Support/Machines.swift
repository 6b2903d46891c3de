internal import Foundation
internal import Testing

@testable internal import stepwell

/// The tests that boot the hypervisor in QEMU. One machine at a time: a second one would only make
/// both slow, and slow machines miss their time limits.
@Suite("Machine", .serialized)
enum MachineTests {
  /// Where the tests' boot images and initial file systems are written.
  static func file(_ name: String, _ contents: Data) throws -> String {
    let folder = Project.products.appending(path: "machine-tests")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appending(path: name)
    try contents.write(to: file)
    return file.path
  }

  /// The bare hypervisor, as `stepwell test` and `stepwell build` leave it.
  static var hypervisor: Hypervisor {
    Hypervisor(
      executable: Project.root.appending(path: ".build/aarch64-none-none-elf/release/Hypervisor"),
      image: Project.products.appending(path: "hypervisor.image"))
  }

  /// Writes a boot image of the hypervisor and a kernel.
  ///
  /// - Throws: if the hypervisor was not built before: `stepwell build` does.
  static func image(
    _ name: String, kernel: Data, holdsGuest: Bool = false
  ) throws -> String {
    try file(
      name,
      try BootImage.compose(
        hypervisor: Data(contentsOf: hypervisor.image), kernel: kernel, named: name,
        holdsGuest: holdsGuest))
  }
}

extension Machine {
  /// Boots the machine and runs `body` with its console; afterwards QEMU is killed.
  ///
  /// The console is QEMU's standard input and output. A machine that resets ends.
  func boot<Result>(_ body: (RunningProgram) async throws -> Result) async throws -> Result {
    try await RunningProgram.run(Self.emulator, arguments + ["-no-reboot"], body)
  }
}
