import Testing

@testable import Hypervisor

/// What was done to memory and caches, in order.
private final class Record {
  enum Event: Equatable {
    case line(UInt64), instructions, complete, synchronize, write
  }
  var events: [Event] = []
}

private struct RecordedCaches: Caches {
  let lineSize: UInt64
  let record = Record()

  func cleanAndInvalidate(_ address: UInt64) { record.events.append(.line(address)) }
  func invalidateInstructions() { record.events.append(.instructions) }
  func complete() { record.events.append(.complete) }
  func synchronize() { record.events.append(.synchronize) }
}

@Suite("Cache maintenance, Arm ARM B2.7 and B2.11")
struct CacheMaintenanceTests {
  private static let ranges: [(UInt64, UInt64)] = [
    (0x1000, 1), (0x1000, 64), (0x103F, 1), (0x103F, 2), (0x1004, 4), (0x1001, 0x1000), (0x1000, 0),
    (0xFFC, 8),
  ]

  /// Every line that has a byte of the range, once.
  private static func lines(_ address: UInt64, _ count: UInt64, _ size: UInt64) -> [UInt64] {
    var lines: [UInt64] = []
    for byte in 0..<count where lines.last != (address + byte) & ~(size - 1) {
      lines.append((address + byte) & ~(size - 1))
    }
    return lines
  }

  @Test(
    "every line of a range is written back and dropped, and a DSB waits for it",
    arguments: [16, 32, 64, 128] as [UInt64])
  func coherent(lineSize: UInt64) {
    for (address, count) in Self.ranges {
      var caches = RecordedCaches(lineSize: lineSize)
      caches.makeCoherent(address, count: count)
      #expect(
        caches.record.events == Self.lines(address, count, lineSize).map { .line($0) } + [.complete]
      )
    }
  }

  @Test(
    "what is written is written to no stale line, reaches memory, then instructions are dropped",
    arguments: [16, 32, 64, 128] as [UInt64])
  func published(lineSize: UInt64) {
    for (address, count) in Self.ranges {
      var caches = RecordedCaches(lineSize: lineSize)
      let record = caches.record
      caches.publish(address, count: count) { record.events.append(.write) }
      let lines = Self.lines(address, count, lineSize).map(Record.Event.line)
      #expect(
        record.events == lines + [.complete, .write] + lines
          + [.complete, .instructions, .complete, .synchronize])
    }
  }
}
