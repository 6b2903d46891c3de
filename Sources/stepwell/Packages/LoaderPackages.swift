internal import Foundation

/// Debian's packages that boot a guest in other ways than QEMU does, unpacked in the cache folder: U-Boot for QEMU's
/// `virt`, and kexec with its libraries for arm64. The tests use them.
struct LoaderPackages {
  /// The folder that the packages are unpacked in.
  let root: URL

  /// U-Boot as firmware of `virt`, and as a program that runs wherever it lies.
  var uBoot: URL { root.appending(path: "usr/lib/u-boot/qemu_arm64/u-boot.bin") }
  /// kexec and the libraries that it needs, by their path in a file system.
  var kexec: [(path: String, file: URL)] {
    let folders = ["lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu"]
    let libraries = folders.flatMap { folder in
      let names =
        (try? FileManager.default.contentsOfDirectory(
          atPath: root.appending(path: folder).path)) ?? []
      return names.filter { $0.contains(".so.") }.map { name in
        ("lib/aarch64-linux-gnu/\(name)", root.appending(path: "\(folder)/\(name)"))
      }
    }
    return [("sbin/kexec", root.appending(path: "sbin/kexec"))]
      + [("lib/ld-linux-aarch64.so.1", root.appending(path: "lib/ld-linux-aarch64.so.1"))]
      + libraries
  }

  // kexec is linked with Xen's libraries, which it uses under Xen alone.
  private static let packages = [
    "u-boot-qemu", "kexec-tools", "libc6", "zlib1g", "libxenmisc4.17", "libxencall1",
    "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1", "libxengnttab1",
    "libxentoollog1", "libxentoolcore1",
  ]

  /// Fetches the packages, unless an earlier command has done so.
  ///
  /// - Throws: `Failure` if Debian's archive cannot be reached.
  static func prepare() async throws -> LoaderPackages {
    try await Lock.holding("loader-packages") {
      let packages = LoaderPackages(root: Project.cache.appending(path: "loaders"))
      let files = FileManager.default
      if files.fileExists(atPath: packages.root.path) { return packages }
      try await Progress.during("Fetching Debian's U-Boot and kexec") {
        let partial = Project.cache.appending(path: "loaders.partial")
        try? files.removeItem(at: partial)
        try files.createDirectory(at: partial, withIntermediateDirectories: true)
        let apt = try await PrivateApt(in: Project.cache.appending(path: "apt"))
        do {
          try await apt.unpack(Self.packages, into: partial)
        } catch is Failure {
          throw Failure(
            "U-Boot and kexec could not be fetched, for the reason above; check that this machine's apt "
              + "sources name Debian's archive and that it can be reached.")
        }
        // Only a complete folder ever has this name, whatever interrupts the command.
        try files.moveItem(at: partial, to: packages.root)
      }
      return packages
    }
  }
}
