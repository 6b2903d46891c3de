internal import Foundation

/// Debian's arm64 packages for the guest, unpacked in the cache folder: a kernel, busybox, and the libraries of C
/// programs.
struct GuestPackages {
  /// The folder that the packages are unpacked in, as if it were the guest's `/`: the sysroot of a C compiler.
  let root: URL
  /// Debian's cloud kernel: an arm64 Image, uncompressed as Debian ships it.
  let kernel: URL
  /// Statically linked.
  var busybox: URL { root.appending(path: "bin/busybox") }

  private static let kernelMetapackage = "linux-image-cloud-arm64"
  private static let others = ["busybox-static", "libc6-dev", "linux-libc-dev", "libgcc-12-dev"]

  /// Fetches the packages, unless an earlier command has done so.
  ///
  /// - Throws: `Failure` if Debian's archive cannot be reached.
  static func prepare() async throws -> GuestPackages {
    try await Lock.holding("guest-packages") {
      let root = Project.cache.appending(path: "arm64")
      if let packages = GuestPackages(root: root) { return packages }
      try await Progress.during("Fetching Debian's kernel, busybox and C library for arm64") {
        try await fetch(into: root)
      }
      guard let packages = GuestPackages(root: root) else {
        throw Failure("Debian's kernel package has no kernel in its /boot; see \(root.path).")
      }
      return packages
    }
  }

  private init?(root: URL) {
    let boot = root.appending(path: "boot")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: boot.path)) ?? []
    guard let kernel = names.sorted().last(where: { $0.hasPrefix("vmlinuz-") }) else { return nil }
    self.root = root
    self.kernel = boot.appending(path: kernel)
  }

  private static func fetch(into root: URL) async throws {
    for tool in ["apt-get", "dpkg-deb"] where HostPackage.find(tool) == nil {
      throw Failure(
        "The guest's packages are fetched with \(tool), which this machine lacks; it must be a Debian."
      )
    }
    let files = FileManager.default
    let partial = Project.cache.appending(path: "arm64.partial")
    try? files.removeItem(at: partial)
    try files.createDirectory(at: partial, withIntermediateDirectories: true)

    let apt = try await PrivateApt(in: Project.cache.appending(path: "apt"))
    do {
      // The metapackage depends on the newest kernel, whose name contains its version.
      let kernels = try await apt.dependencies(of: kernelMetapackage)
      try await apt.unpack(kernels.filter { $0.hasPrefix("linux-image-") } + others, into: partial)
    } catch is Failure {
      throw Failure(
        "The guest's arm64 packages could not be fetched, for the reason above; check that this "
          + "machine's apt sources name Debian's archive and that it can be reached.")
    }
    try? files.removeItem(at: root)
    // Only a complete folder ever has this name, whatever interrupts the command.
    try files.moveItem(at: partial, to: root)
  }
}
