import Foundation
import Testing

@testable import stepwell

/// The newc format: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
@Suite struct `A cpio archive` {
  /// One entry as a reader of the format finds it.
  struct Entry: Equatable {
    var name: String
    var mode: UInt32
    var device: [UInt32] = [0, 0]
    var contents = ""
  }

  /// Reads an archive independently of the writer, padding included.
  func entries(of archive: Data) throws -> [Entry] {
    var entries: [Entry] = []
    var position = 0
    func field(_ n: Int) throws -> UInt32 {
      let start = position + 6 + n * 8
      let digits = String(decoding: archive[start..<start + 8], as: UTF8.self)
      return try #require(UInt32(digits, radix: 16))
    }
    while true {
      #expect(position % 4 == 0, "each header is aligned")
      #expect(archive[position..<position + 6].elementsEqual("070701".utf8))
      let nameStart = position + 110
      let nameEnd = nameStart + Int(try field(11))
      #expect(archive[nameEnd - 1] == 0, "the name ends with a zero, which its length counts")
      let name = String(decoding: archive[nameStart..<nameEnd - 1], as: UTF8.self)
      let start = (nameEnd + 3) & ~3
      let end = start + Int(try field(6))
      if name == "TRAILER!!!" {
        #expect(end == archive.count, "nothing follows the trailer")
        return entries
      }
      entries.append(
        Entry(
          name: name, mode: try field(1), device: [try field(9), try field(10)],
          contents: String(decoding: archive[start..<end], as: UTF8.self)))
      position = (end + 3) & ~3
    }
  }

  @Test func `holds every kind of file that an initial file system needs`() throws {
    var archive = CPIOArchive()
    archive.addDirectory("dev")
    archive.addCharacterDevice("dev/console", major: 5, minor: 1)
    archive.addFile("init", permissions: 0o755, contents: Data("#!/bin/sh\n".utf8))
    archive.addSymbolicLink("bin/sh", to: "busybox")
    #expect(
      try entries(of: archive.finished()) == [
        Entry(name: "dev", mode: 0o040755),
        Entry(name: "dev/console", mode: 0o020600, device: [5, 1]),
        Entry(name: "init", mode: 0o100755, contents: "#!/bin/sh\n"),
        Entry(name: "bin/sh", mode: 0o120777, contents: "busybox"),
      ])
  }

  @Test(arguments: 0...9) func `pads contents of any length`(length: Int) throws {
    var archive = CPIOArchive()
    archive.addFile("a", contents: Data(repeating: UInt8(ascii: "x"), count: length))
    archive.addFile("b", contents: Data())
    let read = try entries(of: archive.finished())
    #expect(read.map(\.contents.count) == [length, 0])
  }

  @Test(arguments: 1...9) func `pads names of any length`(length: Int) throws {
    var archive = CPIOArchive()
    let name = String(repeating: "n", count: length)
    archive.addFile(name, contents: Data("contents".utf8))
    #expect(try entries(of: archive.finished()).map(\.name) == [name])
  }

  @Test func `without entries is a trailer alone`() throws {
    #expect(try entries(of: CPIOArchive().finished()).isEmpty)
  }
}
