import Testing

@testable import stepwell

@Suite struct `The benchmark` {
  private func transcript(_ lines: [String]) -> BenchTranscript {
    var transcript = BenchTranscript()
    for line in lines { transcript.read(line) }
    return transcript
  }

  private let begin = "benchmark: begin 62500000 2000 100 2 835\r"

  @Test func `counts instructions, less the loop that an operation stands in`() {
    let transcript = transcript([
      "Stepwell: EL2 at 0x40200000, 2 vCPUs", begin, "benchmark: row empty 1 267 13\r",
      "benchmark: row hvc 1 1517 63\r", "benchmark: row step 3 3767 188\r", "benchmark: end\r",
    ])
    #expect(transcript.isComplete)
    #expect(transcript.failure == nil)
    #expect(transcript.vcpus == 2)
    #expect(transcript.start == 835 * 16)
    // Sixteen instructions a tick: 1250 ticks for 2000, and 50 for the fastest 100.
    #expect(transcript.cost(of: "hvc") == BenchTranscript.Cost(mean: 10, lowest: 8))
    #expect(transcript.cost(of: "step")?.mean == 3500 * 16 / 6000.0)
    #expect(transcript.cost(of: "svc") == nil)
  }

  @Test func `tells what does not fire from what was not tried`() {
    let transcript = transcript([begin, "benchmark: row empty 1 267 13", "benchmark: row brk none"])
    #expect(transcript.isSilent("brk"))
    #expect(!transcript.isSilent("svc"))
    #expect(!transcript.isSilent("empty"))
    #expect(transcript.cost(of: "brk") == nil)
    #expect(transcript.names == ["empty", "brk"])
    #expect(!transcript.isComplete)
  }

  @Test(arguments: [
    "benchmark: unexpected 2516582400 1174405120 0", "benchmark: row brk 1 2",
    "benchmark: row brk 1 2 x", "benchmark: begin 62500000 2000 100 2", "benchmark: ",
  ])
  func `takes what it does not know for a failure`(line: String) {
    #expect(transcript([begin, line, "benchmark: end"]).failure != nil)
  }

  @Test func `takes another row off where one row has two operations`() throws {
    let transcript = transcript([
      begin, "benchmark: row empty 1 0 0", "benchmark: row hvc 1 1000 50",
      "benchmark: row five_after_hvc 1 3000 150",
    ])
    let row = try #require(BenchRow.all.first { $0.name == "five_after_hvc" })
    #expect(row.cost(in: transcript) == BenchTranscript.Cost(mean: 16, lowest: 16))
    #expect(row.cost(in: self.transcript([begin, "benchmark: row empty 1 0 0"])) == nil)
  }

  @Test func `has a table of even columns, and the same as Markdown`() {
    let grid = BenchGrid(
      header: ["operation", "bare"], rows: [["HVC", "2"], ["own BRK", "1097"]])
    #expect(
      grid.text == """
        operation  bare
        HVC           2
        own BRK    1097

        """)
    #expect(
      grid.markdown == """
        | operation | bare |
        | --- | ---: |
        | HVC | 2 |
        | own BRK | 1097 |

        """)
  }

  @Test func `puts each column beside bare and beside KVM`() {
    let machine = BenchMachine()
    var results = BenchResults()
    func lines(_ hvc: Int, _ brk: String) -> BenchTranscript {
      transcript([
        begin, "benchmark: row empty 1 0 0", "benchmark: row hvc 1 \(20 * hvc) \(hvc)",
        "benchmark: row brk \(brk)",
      ])
    }
    results[machine, .bare] = lines(25, "1 1000 50")
    results[machine, .debugger] = lines(500, "1 2500 125")
    results[machine, .kvmDebugger] = lines(12500, "none")
    #expect(
      results.table(of: machine)
        == BenchGrid(
          header: [
            "instructions an operation", "bare", "Stepwell, debugger", "KVM, debugger", "to KVM",
            "to bare",
          ],
          rows: [
            ["HVC, PSCI_VERSION (2 instructions)", "4", "80", "2000", "0.04", "20"],
            ["own BRK, skipped", "8", "20", "does not fire", "-", "2.5"],
          ]))
  }

  @Test(arguments: [
    (0.0333, "0.033"), (0.256, "0.26"), (1, "1.0"), (2.46, "2.5"), (9.96, "10.0"), (884.4, "884"),
  ])
  func `rounds ratios`(value: Double, text: String) {
    #expect(BenchResults.ratio(value) == text)
  }
}
