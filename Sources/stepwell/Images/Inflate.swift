internal import CZlib
internal import Foundation

/// Unpacks gzip (RFC 1952) with the system's zlib.
enum Inflate {
  /// The most that is unpacked, in bytes: what a guest's file may have.
  static let limit = 1 << 31

  /// The contents of a gzip file. What follows its end, as in a kernel that its loader pads, is left alone.
  ///
  /// - Parameter name: the file's name, for errors.
  /// - Throws: `Failure` if the data is damaged, ends too early, or is too long.
  static func gzip(_ packed: Data, named name: String) throws -> Data {
    var stream = unsafe z_stream()
    // 15 bits of window, and 16 for gzip's header and checksum (zlib.h, inflateInit2).
    guard
      unsafe inflateInit2_(
        &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw Failure("zlib does not work on this machine; install zlib1g again.") }
    defer { _ = unsafe inflateEnd(&stream) }
    var input = [UInt8](packed)
    var output = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    // The stream's pointers are used only within these two closures.
    try unsafe input.withUnsafeMutableBufferPointer { input in
      unsafe stream.next_in = input.baseAddress
      unsafe stream.avail_in = UInt32(input.count)
      while true {
        let status = unsafe chunk.withUnsafeMutableBufferPointer { chunk in
          unsafe stream.next_out = chunk.baseAddress
          unsafe stream.avail_out = UInt32(chunk.count)
          return unsafe inflate(&stream, Z_NO_FLUSH)
        }
        output += chunk.prefix(chunk.count - Int(unsafe stream.avail_out))
        if status == Z_STREAM_END { return }
        guard status == Z_OK, output.count <= limit else {
          throw Failure(
            "\(name) cannot be unpacked: its gzip data is \(status == Z_OK ? "too long" : "damaged or ends too early"); make it again."
          )
        }
      }
    }
    return output
  }
}
