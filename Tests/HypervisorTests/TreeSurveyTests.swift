import DeviceTree
import Testing

@testable import Hypervisor

@Suite("What a device tree says without its board")
struct TreeSurveyTests {
  /// What a survey finds, as values that expectations can have.
  private struct Found {
    var cpus = 0
    var start = TreeSurvey.Start.notNeeded
    var memory: UInt64 = 0
    var distributor: UInt64?
    var link: UInt64?
    var reservations = 0
    var moves = false
    var lacks: [TreeSurvey.Part] = []
    var sentences: [String] = []
  }

  private func survey(_ tree: DeviceTree) -> Found {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: TreeSurvey.memorySize, alignment: 64)
    defer { unsafe memory.deallocate() }
    let survey = unsafe TreeSurvey(tree, memory: memory)
    var found = Found(
      cpus: survey.processorCount, start: survey.start, memory: survey.memorySize,
      distributor: survey.distributor?.address, link: survey.link,
      reservations: survey.reservationCount, moves: survey.treeMoves)
    survey.forEachLack {
      found.lacks.append($0)
      found.sentences.append($1.description)
    }
    return found
  }

  @Test("a board that has everything lacks nothing", arguments: [1, 2])
  func whole(cells: Int) throws {
    var board = TestBoard(cells: cells)
    board.memreserve = [Region(from: 0x4600_0000, to: 0x4601_0000)]
    board.reserved = [(Region(from: 0x4700_0000, to: 0x4701_0000), noMap: true)]
    let found = survey(try board.tree())
    #expect(found.lacks.isEmpty, "\(found.sentences)")
    #expect(found.cpus == 2 && found.start == .firmware)
    #expect(found.memory == 0x4000_0000 && found.reservations == 2)
    #expect(found.distributor == 0x800_0000 && found.link == 0xa00_0000)
    #expect(!found.moves)
  }

  @Test("memory that the loader fills in keeps no guest from starting")
  func noMemory() throws {
    let found = survey(try TestBoard(hasEmptyMemory: true).tree())
    #expect(found.lacks.isEmpty, "\(found.sentences)")
    #expect(found.memory == 0)
  }

  @Test("all that is missing is named, not the first of it alone")
  func bare() throws {
    let found = survey(try SpinTableTests.tree([0xd8, 0xe0]))
    #expect(found.lacks == [.interruptController, .link])
    #expect(found.start == .spinTable && found.cpus == 2)
    #expect(found.sentences.allSatisfy { $0.contains(":") })
  }

  @Test("CPUs that nothing starts are told from one that is alone")
  func start() throws {
    #expect(survey(try SpinTableTests.tree([nil])).start == .notNeeded)
    #expect(survey(try SpinTableTests.tree([nil, nil])).start == .unknown)
    #expect(survey(try SpinTableTests.tree([nil, nil], psci: "arm,psci-1.0")).start == .firmware)
  }

  @Test("no room for EL2 is said")
  func noRoom() throws {
    let board = TestBoard(memory: [Region(from: 0x4000_0000, to: 0x4400_0000)])
    let found = survey(try board.tree())
    #expect(found.lacks == [.machine])
  }
}
