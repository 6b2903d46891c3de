internal import Foundation

/// Debian's kernel for arm64 boards, and the device trees of all boards that it knows, in the cache folder.
enum KernelTrees {
  private static let metapackage = "linux-image-arm64"

  /// The folder, the kernel (an arm64 Image), and the tree files by their path below the folder. Fetches Debian's kernel package, unless an earlier command
  /// has done so.
  ///
  /// - Throws: `Failure` if Debian's archive cannot be reached.
  static func prepare() async throws -> (folder: URL, kernel: URL, files: [String]) {
    try await Lock.holding("kernel-trees") {
      let folder = Project.cache.appending(path: "trees")
      let kernel = folder.appending(path: "vmlinuz")
      if let files = files(in: folder) { return (folder, kernel, files) }
      try await Progress.during("Fetching the device trees of Debian's kernel for arm64") {
        try await fetch(into: folder)
      }
      guard let files = files(in: folder) else {
        throw Failure("Debian's kernel package has no device trees; see \(folder.path).")
      }
      return (folder, kernel, files)
    }
  }

  private static func files(in folder: URL) -> [String]? {
    guard FileManager.default.fileExists(atPath: folder.appending(path: "vmlinuz").path) else {
      return nil
    }
    let names = FileManager.default.enumerator(atPath: folder.path)?
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".dtb") }.sorted()
    return names?.isEmpty == false ? names : nil
  }

  private static func fetch(into folder: URL) async throws {
    let files = FileManager.default
    let partial = Project.cache.appending(path: "trees.partial")
    try? files.removeItem(at: partial)
    try files.createDirectory(at: partial, withIntermediateDirectories: true)
    let apt = try await PrivateApt(in: Project.cache.appending(path: "apt"))
    do {
      let kernels = try await apt.dependencies(of: metapackage)
      try await apt.unpack(kernels.filter { $0.hasPrefix("linux-image-") }, into: partial)
    } catch is Failure {
      throw Failure(
        "Debian's kernel package could not be fetched, for the reason above; check that this "
          + "machine's apt sources name Debian's archive and that it can be reached.")
    }
    let library = partial.appending(path: "usr/lib")
    let kernels = (try? files.contentsOfDirectory(atPath: library.path)) ?? []
    guard let kernel = kernels.first(where: { $0.hasPrefix("linux-image-") }) else {
      throw Failure("Debian's kernel package has no device trees; see \(partial.path).")
    }
    let trees = library.appending(path: kernel)
    try files.moveItem(
      at: partial.appending(path: "boot/vmlinuz-\(kernel.dropFirst("linux-image-".count))"),
      to: trees.appending(path: "vmlinuz"))
    // Only a complete folder ever has this name, whatever interrupts the command.
    try? files.removeItem(at: folder)
    try files.moveItem(at: trees, to: folder)
    try Data(kernel.dropFirst("linux-image-".count).utf8)
      .write(to: folder.appending(path: "release"))
    try files.removeItem(at: partial)
  }
}
