import Foundation
import Testing

@testable import stepwell

/// What the compiler has made of the way that the guest's own debug registers take through EL2: read
/// from the disassembly of the image that the other tests boot.
@Suite("The code of the fast path")
struct FastPathCodeTests {
  /// One instruction as `llvm-objdump` prints it.
  private struct Instruction {
    var address: UInt64
    var mnemonic: Substring
    var operands: Substring

    /// Where a branch leads.
    var target: UInt64? {
      guard
        mnemonic == "b" || mnemonic.hasPrefix("b.")
          || ["cbz", "cbnz", "tbz", "tbnz", "bl"].contains(mnemonic)
      else { return nil }
      let word = operands.split(separator: " ").first { $0.hasPrefix("0x") }
      return word.flatMap { UInt64($0.dropFirst(2), radix: 16) }
    }

    /// Whether the next instruction never follows.
    var ends: Bool { ["b", "ret", "br", "brk", "eret"].contains(mnemonic) }
  }

  private struct Code {
    var instructions: [Instruction]
    /// The functions that are gone to at the end of this one.
    var successors: Set<String> = []
    /// The longest way from the first instruction to RET or out of the function.
    var longestPath = 0

    /// The first that touches a SIMD register.
    var vectorInstruction: Substring? {
      Audit.vectorInstruction(
        in: instructions.map { "    0:\t\($0.mnemonic)\t\($0.operands)\n" }.joined())
    }
  }

  private static func code(of function: String) async throws -> Code {
    let toolchain = try await Toolchain.find()
    let executable = MachineTests.hypervisor.executable.path
    var symbols: [(address: UInt64, name: String)] = []
    for line in try await toolchain.child("llvm-nm", [executable]).output().split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[1] == "t" || words[1] == "T",
        let address = UInt64(words[0], radix: 16), !words[2].hasPrefix("$x"),
        !words[2].hasPrefix("$d")
      else { continue }
      symbols.append((address, String(words[2])))
    }
    symbols.sort { $0.address < $1.address }
    let start = try #require(symbols.first { $0.name == function }).address
    let end = try #require(symbols.first { $0.address > start }).address
    let listing = try await toolchain.child(
      "llvm-objdump",
      [
        "-d", "--no-show-raw-insn", "--start-address=\(start)", "--stop-address=\(end)", executable,
      ]
    ).output()
    var code = Code(instructions: [])
    for line in listing.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      guard fields.count >= 2, let colon = fields[0].firstIndex(of: ":"),
        let address = UInt64(fields[0][..<colon].drop { $0 == " " }, radix: 16)
      else { continue }
      code.instructions.append(
        Instruction(
          address: address, mnemonic: fields[1], operands: fields.count > 2 ? fields[2] : ""))
    }
    let places = Dictionary(
      uniqueKeysWithValues: code.instructions.enumerated().map { ($1.address, $0) })
    // A block may lie before what branches to it: each way is followed to its end, and one that meets
    // itself is a loop.
    var lengths: [Int: Int] = [:]
    var onTheWay: Set<Int> = []
    func length(from place: Int) throws -> Int {
      if let known = lengths[place] { return known }
      try #require(onTheWay.insert(place).inserted, "a loop")
      let instruction = code.instructions[place]
      var following = 0
      if let target = instruction.target {
        if let there = places[target] {
          following = try length(from: there)
        } else {
          code.successors.insert(symbols.last { $0.address <= target }?.name ?? "?")
        }
      }
      if !instruction.ends, place + 1 < code.instructions.count {
        following = max(following, try length(from: place + 1))
      }
      onTheWay.remove(place)
      lengths[place] = following + 1
      return following + 1
    }
    code.longestPath = try length(from: 0)
    return code
  }

  @Test(
    "neither calls nor loops, touches no SIMD register, and is as short as it is promised to be")
  func exit() async throws {
    let code = try await Self.code(of: "stepwell_fast_path")
    #expect(code.instructions.count > 40)
    #expect(!code.instructions.contains { $0.mnemonic == "bl" || $0.mnemonic == "blr" })
    #expect(code.vectorInstruction == nil)
    // What is left for a change of the plan, the guest's own exceptions, silent steps and SGIs, by its last name.
    let names = [
      "FastPathO10changePlan", "FastPathO7deliver", "FastPathO4step", "FastPathO7sendSGI",
    ]
    for successor in code.successors {
      #expect(names.contains { successor.contains($0) }, "\(successor)")
    }
    #expect(code.longestPath <= 56, "\(code.longestPath)")
  }

  @Test(
    "an interrupt's neither loops nor touches a SIMD register, and calls what computes a field only"
  )
  func interrupt() async throws {
    let code = try await Self.code(of: "stepwell_fast_path_irq")
    #expect(code.instructions.count > 40)
    #expect(!code.instructions.contains { $0.mnemonic == "blr" })
    #expect(code.vectorInstruction == nil)
    let names = [
      "5group2of2on", "PrivateInterruptsV5group2of",
      "noteAcknowledged", "mayFall",
      "InterruptRegisterO6offset2of", "ListRegisterV7pending", "OwnInterruptsV8contains",
      // An SGI, and the whole of a GICv2's.
      "deliverSGI", "StandstillV5calls", "MachineInterruptsV7deliver",
    ]
    for successor in code.successors {
      #expect(names.contains { successor.contains($0) }, "\(successor)")
    }
    #expect(code.longestPath <= 140, "\(code.longestPath)")
  }

  @Test(
    "fits into the vector, with what is saved and restored around it",
    arguments: [(8, 28), (9, 23), (13, 23)])
  func vector(n: Int, count: Int) async throws {
    let code = try await Self.code(of: "el2_vectors")
    // A synchronous exception or an interrupt from an AArch64 guest, and one from AArch32 at EL0.
    // 32 instructions each, and behind ERET two that are never run.
    let vector = code.instructions.dropFirst(n * 32).prefix(32)
    let end = try #require(vector.firstIndex { $0.mnemonic == "eret" })
    #expect(end - vector.startIndex + 1 == count)
    #expect(vector.contains { $0.mnemonic == "bl" })
  }
}
