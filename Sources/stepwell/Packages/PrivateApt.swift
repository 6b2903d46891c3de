internal import Foundation

/// Debian's archive as an arm64 machine sees it: apt with its own folders, lists and package state. It reads the
/// sources, keys and proxies of the host, and writes nothing outside its folder.
struct PrivateApt {
  private let folder: URL

  /// Sets up the folder and fetches the package lists.
  init(in folder: URL) async throws {
    self.folder = folder
    let files = FileManager.default
    for name in ["state/lists/partial", "cache/archives/partial", "configuration"] {
      try files.createDirectory(
        at: folder.appending(path: name), withIntermediateDirectories: true)
    }
    try Data().write(to: folder.appending(path: "status"))
    let machine = try await Child("apt-config", ["dump"]).output()
    try Data(Self.configuration(folder: folder.path, machine: machine).utf8)
      .write(to: folder.appending(path: "apt.conf"))

    // A source of the host that has nothing for arm64, or does not answer, does not matter here: the packages are looked
    // for afterwards.
    try await run("apt-get", ["update"]).attempt()
  }

  /// The text of a private configuration.
  ///
  /// - Parameter machine: the output of `apt-config dump`. Only the settings for reaching the sources are used, and not
  ///   the host's hooks or its actions after an update.
  static func configuration(folder: String, machine: String) -> String {
    let reach = machine.split(separator: "\n").filter {
      $0.hasPrefix("Acquire::") && !$0.hasPrefix("Acquire::IndexTargets")
    }
    return """
      APT::Architecture "arm64";
      APT::Architectures { "arm64"; };
      APT::Sandbox::User "root";
      Dir::State "\(folder)/state";
      Dir::State::status "\(folder)/status";
      Dir::Cache "\(folder)/cache";
      Dir::Etc::main "/dev/null";
      Dir::Etc::parts "\(folder)/configuration";
      \(reach.joined(separator: "\n"))

      """
  }

  /// The names of the packages that the newest version of a package depends on.
  func dependencies(of package: String) async throws -> [String] {
    let description = try await run(
      "apt-cache", ["show", "--no-all-versions", package]
    ).output()
    return Self.dependencies(inDescription: description)
  }

  /// The names in the `Depends:` field of a package's description.
  static func dependencies(inDescription description: String) -> [String] {
    description.split(separator: "\n")
      .first { $0.hasPrefix("Depends: ") }
      .map { $0.dropFirst("Depends: ".count).split(separator: ",") }?
      .compactMap { $0.split(separator: " ").first.map(String.init) } ?? []
  }

  /// Fetches packages and unpacks their files, without installing anything.
  func unpack(_ packages: [String], into root: URL) async throws {
    let archives = folder.appending(path: "cache/archives")
    try await run("apt-get", ["download"] + packages, in: archives).runQuietly()
    let files = try FileManager.default.contentsOfDirectory(
      at: archives, includingPropertiesForKeys: nil)
    for file in files where file.pathExtension == "deb" {
      try await Child("dpkg-deb", ["-x", file.path, root.path]).runQuietly()
      try FileManager.default.removeItem(at: file)
    }
  }

  private func run(_ program: String, _ arguments: [String], in directory: URL? = nil) -> Child {
    Child(
      program, arguments,
      environment: ["APT_CONFIG": folder.appending(path: "apt.conf").path, "LC_ALL": "C"],
      directory: directory?.path)
  }
}
