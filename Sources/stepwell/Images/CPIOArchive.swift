internal import Foundation

/// A cpio archive in the "newc" format, which Linux unpacks as its initial file system (Linux,
/// Documentation/driver-api/early-userspace/buffer-format.rst). Everything in it belongs to root.
struct CPIOArchive {
  private var bytes = Data()
  private var entries = 0

  mutating func addDirectory(_ path: String) {
    add(path, type: .directory, permissions: 0o755)
  }

  mutating func addFile(_ path: String, permissions: UInt32 = 0o644, contents: Data) {
    add(path, type: .file, permissions: permissions, contents: contents)
  }

  mutating func addSymbolicLink(_ path: String, to target: String) {
    add(path, type: .symbolicLink, permissions: 0o777, contents: Data(target.utf8))
  }

  mutating func addCharacterDevice(_ path: String, major: UInt32, minor: UInt32) {
    add(path, type: .characterDevice, permissions: 0o600, device: (major, minor))
  }

  /// The archive, with its end marked.
  func finished() -> Data {
    var archive = self
    archive.add("TRAILER!!!", type: .none, permissions: 0)
    return archive.bytes
  }

  /// The file type bits of a mode, as in sys/stat.h.
  private enum FileType: UInt32 {
    case none = 0
    case characterDevice = 0o020000
    case directory = 0o040000
    case file = 0o100000
    case symbolicLink = 0o120000
  }

  private mutating func add(
    _ path: String, type: FileType, permissions: UInt32, device: (UInt32, UInt32) = (0, 0),
    contents: Data = Data()
  ) {
    entries += 1
    let name = Data(path.utf8) + [0]
    // inode, mode, owner, group, links, time, size, device, the device that it is, name's length,
    // checksum.
    let fields: [UInt32] = [
      UInt32(entries), type.rawValue | permissions, 0, 0, 1, 0, UInt32(contents.count), 0, 0,
      device.0, device.1, UInt32(name.count), 0,
    ]
    bytes += Data("070701".utf8)
    for field in fields {
      let digits = String(field, radix: 16, uppercase: true)
      bytes += Data((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
    }
    for part in [name, contents] {
      bytes += part
      bytes += Data(count: -bytes.count & 3)
    }
  }
}
