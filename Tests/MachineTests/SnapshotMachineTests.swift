internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Snapshots of a guest that runs", .timeLimit(.minutes(2)))
  struct SnapshotMachineTests {
    @Test(
      "Taken out, overwritten and put back at every stop, they are nothing that the guest can tell",
      arguments: ["nested-breakpoints", "nested-watchpoints"])
    func everyStop(topic: String) async throws {
      let machine = ProbeMachine(topic: topic)
      let place = try await ProbeMachine.address(of: "debugger_place")
      var stops = 0
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        // Every register as a reset leaves it.
        let blank = try await client.snapshot()
        try #expect(await client.request("Z1,\(String(place, radix: 16)),4") == "OK")
        while try await client.request("vCont;c").contains("hwbreak:;") {
          stops += 1
          let taken = try await client.snapshot()
          try #expect(await client.restore(blank) == SnapshotRecordText.done)
          try #expect(await client.snapshot() == blank)
          try #expect(await client.restore(taken) == SnapshotRecordText.done)
          try #expect(await client.snapshot() == taken)
          try await client.pass(place, thread: 1)
        }
      }
      #expect(stops == ProbeNestedTests.topics.first { $0.name == topic }?.meetings)
      let bare = try await machine.bareTranscript()
      #expect(Departure.without(transcript) == Departure.without(bare))
    }

    @Test(
      "What is put back is what the guest finds, in either mode", arguments: [false, true])
    func found(shared: Bool) async throws {
      let machine = ProbeMachine(topic: "registers-modes")
      let place = try await ProbeMachine.address(of: "debugger_place")
      let point = "1,\(String(place, radix: 16)),4"
      var transcripts: [[String]] = []
      for value in [nil, 0x1234_5678_9abc] as [UInt64?] {
        let transcript = try await machine.transcript { console, link in
          let client = try await RemoteClient(link)
          try await client.attach()
          if shared { try #expect(await client.request("Z\(point)") == "OK") }
          try await client.send(packet: "vCont;c")
          for gate in 1...4 {
            try await console.wait(for: "gate changing")
            try await client.stop()
            if gate == 2 {
              // In both runs something is put back, for RES0 bits, which QEMU stores, do not survive.
              var record = SnapshotRecordText(try await client.snapshot())
              if let value { record.setBreakpointValue(2, value) }
              try #expect(await client.restore(record.sealed) == SnapshotRecordText.done)
            }
            try await client.openGate()
          }
        }
        transcripts.append(transcript)
      }
      try #require(transcripts[0].count == transcripts[1].count)
      let different = zip(transcripts[0], transcripts[1]).filter { $0 != $1 }.map(\.1)
      #expect(different == ["found dbgbvr2_el1 123456789abc"])
    }

    @Test("What is no snapshot of this processor is refused, and changes nothing")
    func refused() async throws {
      let machine = ProbeMachine(topic: "registers-modes", cpus: 2)
      _ = try await machine.transcript { console, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        try await client.send(packet: "vCont;c")
        try await console.wait(for: "gate changing")
        try await client.stop()
        let taken = try await client.snapshot()
        var otherProcessor = SnapshotRecordText(taken)
        otherProcessor.bytes[17] ^= 0x10
        var reserved = SnapshotRecordText(taken)
        reserved.setBreakpointControl(2, 1 << 40)
        var damaged = SnapshotRecordText(taken)
        damaged.bytes[300] ^= 1
        let command = "snapshot restore 0"
        for (refused, reason) in [
          ("\(command) \(otherProcessor.sealed)", "a processor with other debug hardware"),
          (
            "\(command) \(reserved.sealed)", "bits that the registers of this processor do not have"
          ),
          ("\(command) \(damaged.text)", "its checksum is wrong"),
          ("\(command) \(taken.dropLast(2))", "not as long as a snapshot"),
          ("\(command) \(taken.dropLast())x", "not hexadecimal digits"),
          ("\(command)", "monitor snapshot restore N HEX"),
          // The second is off, and there is no third.
          ("snapshot restore 1 \(taken)", "This vCPU is off"),
          ("snapshot save 1", "This vCPU is off"),
          ("snapshot restore 2 \(taken)", "none of this number"),
        ] {
          let said = try await client.monitor(refused)
          #expect(said.contains(reason), "\(said)")
          try #expect(await client.snapshot() == taken)
        }
        try await client.openGate()
        for _ in 2...4 {
          try await console.wait(for: "gate changing")
          try await client.stop()
          try await client.openGate()
        }
      }
    }
  }
}

extension RemoteClient {
  /// `monitor snapshot save`: the record's digits.
  func snapshot() async throws -> String {
    try await monitor("snapshot save 0").trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// `monitor snapshot restore`, and what it says.
  func restore(_ record: String) async throws -> String {
    try await monitor("snapshot restore 0 \(record)")
  }
}

/// A record as `monitor snapshot` prints it (`SnapshotRecord` has the layout), to be tampered with.
struct SnapshotRecordText {
  static let done = "Done. The guest finds them when it goes on.\n"

  var bytes: [UInt8]

  init(_ digits: String) {
    let digits = Array(digits.utf8)
    bytes = stride(from: 0, to: digits.count - 1, by: 2).map {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16) ?? 0
    }
  }

  /// DBGBVRn and DBGBCRn: of each n there are four registers, behind eight others.
  mutating func setBreakpointValue(_ n: Int, _ value: UInt64) { set(24 + 64 + 32 * n, value) }
  mutating func setBreakpointControl(_ n: Int, _ value: UInt64) { set(24 + 64 + 32 * n + 8, value) }

  private mutating func set(_ offset: Int, _ value: UInt64) {
    for n in 0..<8 { bytes[offset + n] = UInt8(truncatingIfNeeded: value >> (8 * n)) }
  }

  var text: String { bytes.map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined() }

  /// The same with the checksum that belongs to it: CRC-32 of what follows it.
  var sealed: String {
    var crc = UInt32.max
    for byte in bytes[12...] {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xEDB8_8320) }
    }
    var copy = self
    for n in 0..<4 { copy.bytes[8 + n] = UInt8(truncatingIfNeeded: ~crc >> (8 * UInt32(n))) }
    return copy.text
  }
}
