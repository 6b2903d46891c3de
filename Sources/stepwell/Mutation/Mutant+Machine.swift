// The cores together: what stops, resumes, powers and serves, in every order that the explorer tries; and the link.
extension Mutant {
  static let machine = [
    Mutant(
      "state-before-the-entry-that-goes-with-it", in: "Hypervisor/Guest/PSCICalls.swift",
      at: "preparesBeforeOnPending",
      .swapWithNext, killedBy: .machineTests("InterleavingTests|PSCICallTests")),
    Mutant(
      "off-before-its-core-has-done-with-it", in: "Hypervisor/Guest/PSCICalls.swift",
      at: "turnsOffInTwoSteps",
      .argumentNumber(1, .become(".off")),
      killedBy: .machineTests("InterleavingTests|PSCICallTests")),
    Mutant(
      "standstill-without-a-kick", in: "Hypervisor/Debugging/Standstill.swift", at: "beginKicks",
      .remove, killedBy: .machineTests("InterleavingTests")),
    Mutant(
      "standstill-waits-for-cores-that-are-not-up", in: "Hypervisor/Debugging/Standstill.swift",
      at: "aliveOnly",
      .dropTerm(0), killedBy: .machineTests("InterleavingTests")),
    Mutant(
      "leaves-without-a-second-look", in: "Hypervisor/Debugging/Standstill.swift",
      at: "looksAgain",
      .statement("} while false"), killedBy: .machineTests("InterleavingTests")),
    Mutant(
      "time-of-before-the-stop", in: "Hypervisor/Debugging/Standstill.swift", at: "firstOffset",
      .remove, killedBy: .machineTests("InterleavingTests")),
    Mutant(
      "clock-stops-before-the-last-vCPU", in: "Hypervisor/Debugging/DebugServer.swift",
      at: "clockStopsLast",
      .statement(
        """
        if cores.load(.standstill, of: 0) != 0 { cores.clock.stop(at: cores.counter) }
        $0
        """), killedBy: .machineTests("InterleavingTests")),
    Mutant(
      "request-of-a-slow-core-stays", in: "Hypervisor/Debugging/ViewRequest.swift",
      at: "takesBack",
      .remove, killedBy: .machineTests("InterleavingTests")),
    Mutant(
      "call-during-a-reset-is-lost", in: "Hypervisor/Links/VirtioConsole.swift", at: "keepsLast",
      .statement("held = nil"), killedBy: .machineTests("LinkTests")),
    Mutant(
      "character-missed-while-the-transmitter-holds-the-line",
      in: "Hypervisor/Links/SerialPort.swift",
      at: "drainsBehindTransmitter",
      .remove, killedBy: .machineTests("SerialPortTests")),
  ]
}
