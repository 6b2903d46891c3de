import RemoteProtocol
import Testing

@Suite("Text")
struct TextOutputTests {
  struct Collected: TextOutput {
    var bytes: [UInt8] = []
    mutating func write(_ byte: UInt8) { bytes.append(byte) }
  }

  func collect(_ body: (inout Collected) -> Void) -> String {
    var output = Collected()
    body(&output)
    return text(output.bytes)
  }

  @Test("Literals of any length are written as they are")
  func literals() {
    #expect(collect { $0.write("") } == "")
    #expect(collect { $0.write("a") } == "a")
    #expect(collect { $0.write("vCPU 1: EL1\n") } == "vCPU 1: EL1\n")
  }

  @Test("Bytes are written as they are")
  func bytes() {
    let bytes: [UInt8] = [0x00, 0x41, 0xff]
    #expect(collect { $0.write(bytes.span) } == "\0A\u{ff}")
  }

  static let numbers: [UInt64] =
    [0, 1, 9, 10, 11, 99, 100, 101, .max, .max - 1, .max / 10, .max / 10 * 10]
    + (0..<64).map { 1 << $0 }

  @Test("Numbers are written as Swift writes them", arguments: numbers)
  func number(value: UInt64) {
    #expect(collect { $0.write(decimal: value) } == String(value))
    #expect(collect { $0.write(hex: value) } == String(value, radix: 16))
  }

  @Test(
    "Hexadecimal digits may be filled up with zeros, but none is ever cut off",
    arguments: [
      (0x0, 2, "00"), (0xff, 2, "ff"), (0xff, 4, "00ff"), (0xfff, 2, "fff"),
      (0x1, 16, "0000000000000001"), (0x1, 99, "0000000000000001"), (0x0, 0, "0"), (0x1, -1, "1"),
    ] as [(UInt64, Int, String)])
  func digits(value: UInt64, digits: Int, expected: String) {
    #expect(collect { $0.write(hex: value, digits: digits) } == expected)
  }
}
