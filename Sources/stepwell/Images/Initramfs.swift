internal import Foundation

/// Initial file systems of guests.
enum Initramfs {
  /// Debian's busybox with a shell on the console; the machine is switched off when it ends.
  static func busybox(_ packages: GuestPackages) throws -> Data {
    var archive = skeleton()
    archive.addDirectory("bin")
    for folder in ["proc", "sys", "tmp"] { archive.addDirectory(folder) }
    archive.addSymbolicLink("sbin", to: "bin")
    archive.addFile(
      "bin/busybox", permissions: 0o755, contents: try Data(contentsOf: packages.busybox))
    archive.addSymbolicLink("bin/sh", to: "busybox")
    archive.addFile("init", permissions: 0o755, contents: Data(initScript.utf8))
    return archive.finished()
  }

  /// One program, as the first process and the only one.
  static func program(_ program: GuestProgram) throws -> Data {
    var archive = skeleton()
    archive.addFile(
      "init", permissions: 0o755, contents: try Data(contentsOf: program.executable))
    return archive.finished()
  }

  /// A virtual machine monitor, as the first process and the only one, and the guest that it runs.
  static func monitor(_ monitor: GuestProgram, guest: Data) throws -> Data {
    var archive = skeleton()
    archive.addCharacterDevice("dev/kvm", major: 10, minor: 232)
    archive.addFile(
      "init", permissions: 0o755, contents: try Data(contentsOf: monitor.executable))
    archive.addFile("benchmark.image", contents: guest)
    return archive.finished()
  }

  /// The console that Linux opens before the first process has mounted anything.
  private static func skeleton() -> CPIOArchive {
    var archive = CPIOArchive()
    archive.addDirectory("dev")
    archive.addCharacterDevice("dev/console", major: 5, minor: 1)
    return archive
  }

  private static let initScript = """
    #!/bin/sh
    /bin/busybox --install -s /bin
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t devtmpfs devtmpfs /dev
    hostname guest
    # Process 1, which these would ask to end the machine, is this script and does not listen.
    echo "alias poweroff='poweroff -f' reboot='reboot -f' halt='halt -f'" > /tmp/aliases
    echo
    echo "This is $(uname -sr) on $(nproc) CPUs. 'exit' switches the machine off."
    ENV=/tmp/aliases setsid cttyhack sh
    poweroff -f

    """
}
