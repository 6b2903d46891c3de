internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite struct `The benchmark's program` {
    /// Its own breakpoints, watchpoints and steps too, while the debugger holds comparators.
    @Test(arguments: [BenchColumn.bare, .native, .debugger])
    func `comes to the end of every row`(column: BenchColumn) async throws {
      let transcript = try await Project.withTemporaryFolder { folder in
        try await BenchRun(
          parts: try await BenchParts.build(in: folder), machine: BenchMachine(vcpus: 2)
        ).transcript(of: column)
      }
      #expect(transcript.vcpus == 2)
      #expect(transcript.names == Set(BenchRow.all.map(\.name) + ["empty"]))
      for row in BenchRow.all {
        #expect(row.cost(in: transcript) != nil, "\(row.title) does not fire")
      }
    }
  }
}
