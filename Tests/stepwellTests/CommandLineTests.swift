import ArgumentParser
import Foundation
import Testing

@testable import stepwell

@Suite struct `The command line` {
  @Test(arguments: [
    ["run", "--cpus", "0"], ["run", "--cpus", "513"],
    ["run", "--machine", "virt-gicv2", "--cpus", "9"], ["run", "--machine", "pc"],
    ["run", "--machine", "xlnx-versal-virt", "--cpus", "3"],
    ["run", "--machine", "xlnx-versal-virt", "--cpu", "max"], ["run", "--gdb", "nowhere"],
    ["image"],
    ["image", "--kernel", "x"], ["run", "stray"], ["unknown"], ["prove", "--programs", "0"],
    ["prove", "--seed", "-1"],
    ["tree"], ["tree", "--debian", "x.dtb"], ["tree", "--document", "x.dtb"],
    ["run", "--at", "0x40200000"], ["run", "--kernel", "x", "--at", "here"],
    ["test", "--only", "nothing"], ["test", "--only", "proof", "--filter", "x"],
  ])
  func `is refused when it asks for what there is not`(arguments: [String]) {
    #expect(throws: (any Error).self) { try Stepwell.parseAsRoot(arguments) }
  }

  @Test func `passes on what follows --`() throws {
    let command = try Stepwell.parseAsRoot(["run", "--cpus", "8", "--", "-S", "--wait"])
    let run = try #require(command as? RunCommand)
    #expect(run.others == ["-S", "--wait"])
    #expect(run.cpus == 8)
    #expect(!run.wait)
  }

  @Test func `explains every command`() {
    for command in Stepwell.configuration.subcommands {
      let help = Stepwell.helpMessage(for: command)
      #expect(help.contains("USAGE: stepwell "))
      #expect(help.contains("OVERVIEW: \(command.configuration.abstract.prefix(30))"))
      #expect(!command.configuration.discussion.isEmpty, "more than its one line")
    }
  }

  @Test func `shows examples for every command that it can parse`() throws {
    for command in Stepwell.configuration.subcommands {
      let name = try #require(command.configuration.commandName)
      let parts = command.configuration.discussion.components(separatedBy: "EXAMPLES:\n")
      let lines = try #require(parts.count == 2 ? parts[1] : nil, "\(name) has no examples")
        .split(separator: "\n")
      #expect(!lines.isEmpty)
      for line in lines {
        let words = line.split(separator: " ").map(String.init)
        #expect(words.first == "./stepwell" && words.dropFirst().first == name)
        let parsed = try Stepwell.parseAsRoot(Array(words.dropFirst()))
        #expect(type(of: parsed) == command, "\(line)")
      }
      // None is broken into two lines where help is narrowest.
      let help = Stepwell.helpMessage(for: command, columns: 80)
      #expect(lines.allSatisfy { help.contains($0) }, "\(name)")
    }
  }

  @Test(
    arguments: [
      ([], nil, []), ([], "GDB", ["--filter", "GDB"]),
      ([.host], nil, ["--skip", "^MachineTests\\."]),
      ([.host], "Tree", ["--filter", "Tree", "--skip", "^MachineTests\\."]),
      ([.machine], nil, ["--filter", "^MachineTests\\."]),
      ([.machine, .proof], "GDB", ["--filter", "^MachineTests\\..*(GDB)"]),
      ([.host, .machine], "GDB", ["--filter", "GDB"]),
    ] as [([TestCommand.Part], String?, [String])])
  func `chooses the tests that are asked for`(
    only: [TestCommand.Part], filter: String?, selection: [String]
  ) {
    #expect(TestCommand.selection(only: only, filter: filter) == selection)
  }

  @Test func `names the file that is not there`() {
    let failure = #expect(throws: Failure.self) { try Kernel(file: "no/such/kernel") }
    #expect(
      failure?.description == "There is no file no/such/kernel; check the path of the kernel.")
  }
}
