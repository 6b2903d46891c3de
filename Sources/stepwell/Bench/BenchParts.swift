internal import Foundation

/// What the machines of the benchmark boot, built before the first of them.
struct BenchParts {
  let hypervisor: Data
  let shim: Shim
  let guest: BareProgram
  let packages: GuestPackages
  /// The virtual machine monitor over KVM.
  let monitor: GuestProgram
  /// The first process of a Linux whose boot is counted.
  let process: GuestProgram
  /// The folder that images are written to.
  let folder: URL

  /// - Throws: `Failure` if one does not build, or Debian's archive cannot be reached.
  static func build(in folder: URL) async throws -> BenchParts {
    let packages = try await GuestPackages.prepare()
    func program(_ name: String) async throws -> GuestProgram {
      try await GuestProgram.build(
        Project.root.appending(path: "Benchmarks/\(name).c"), with: packages,
        into: folder.appending(path: name))
    }
    return BenchParts(
      hypervisor: try Data(contentsOf: try await Hypervisor.build().image),
      shim: try await Shim.build(), guest: try await BareProgram.benchmark(), packages: packages,
      monitor: try await program("kvm"), process: try await program("init"), folder: folder)
  }

  /// Writes a boot image of a guest behind the hypervisor, or behind the shim in its place.
  ///
  /// - Returns: the path of the file.
  func image(of guest: Data, bare: Bool, holdsGuest: Bool = false) throws -> String {
    let file = folder.appending(path: "image")
    let image =
      bare
      ? try shim.bootImage(of: guest, named: "the benchmark's guest")
      : try BootImage.compose(
        hypervisor: hypervisor, kernel: guest, named: "the benchmark's guest",
        holdsGuest: holdsGuest)
    try image.write(to: file)
    return file.path
  }
}
