import Testing

@testable import RemoteProtocol

@Suite("What the server knows of each vCPU, in all-stop")
struct ThreadStateTests {
  private func states(_ conversation: Conversation) -> [ThreadState] {
    conversation.machine.vcpus.map(\.state)
  }

  @Test("All run, are asked to stop, stand still and are reported together")
  func together() {
    let conversation = Conversation(attached: false)
    conversation.reportsStops = false
    #expect(states(conversation) == [.running, .running])
    _ = conversation.type(frame("qC"))
    #expect(states(conversation) == [.stopping, .stopping])
    conversation.reportStop(evenIfHeldBack: true)
    // Something was answered, but nobody was told why the machine stands still.
    #expect(states(conversation) == [.stopped, .stopped])
    _ = conversation.type(frame("?"))
    #expect(states(conversation) == [.reported, .reported])
    _ = conversation.type(frame("vCont;c"))
    #expect(states(conversation) == [.running, .running])
  }

  @Test("A vCPU that is held while another runs stays reported, and stops nothing by that")
  func held() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c:2")
    #expect(states(conversation) == [.reported, .running])
    conversation.reportsStops = false
    _ = conversation.type("\u{3}")
    #expect(states(conversation) == [.reported, .stopping])
    conversation.reportStop(evenIfHeldBack: true)
    #expect(states(conversation) == [.reported, .reported])
  }

  @Test("A machine that is let go without a debugger runs as a whole, held vCPUs too")
  func letGo() {
    for leave in ["D", "k", "vKill;1"] {
      let conversation = Conversation()
      _ = conversation.ask("vCont;c:2")
      _ = conversation.askForAll(leave)
      #expect(states(conversation) == [.running, .running], "\(leave)")
    }
  }

  @Test("A stop that nobody waits for is not one that was reported")
  func unreported() {
    let conversation = Conversation(attached: false)
    _ = conversation.happen(.held, on: 0)
    #expect(states(conversation) == [.stopped, .stopped])
  }
}
