internal import ArgumentParser
internal import Foundation

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Show the main job: a Linux that debugs itself, debugged from beneath.",
    discussion: """
      Boots Debian's kernel on 4 vCPUs. Programs in it use the guest's own hardware breakpoints, \
      watchpoints and single-steps; meanwhile GDB holds a breakpoint and a watchpoint in their \
      kernel, stops there, steps, and reads registers. Exits with 0 only if each has seen all of its \
      own events and nothing else.

      EXAMPLES:
        ./stepwell demo
        ./stepwell demo --cpu max
      """)

  @Option(help: ArgumentHelp("CPU model, as QEMU's -cpu takes it.", valueName: "model"))
  var cpu = "cortex-a72"

  func run() async throws {
    let plan = DemoPlan()
    try await HostPackage.install([.qemu, .gdb])
    let packages = try await GuestPackages.prepare()
    let kernel = try await Kernel(file: packages.kernel.path).bootImage(holdsGuest: true)
    let logs = Project.products.appending(path: "demo")
    try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)

    let outcome = try await Project.withTemporaryFolder { folder in
      let program = try await GuestProgram.build(
        Project.guests.appending(path: "demo/selfdebug.c"), with: packages,
        into: folder.appending(path: "selfdebug"))
      let image = folder.appending(path: "image")
      let initrd = folder.appending(path: "initrd")
      try kernel.write(to: image)
      try Initramfs.program(program).write(to: initrd)

      let machine = Machine(
        cpu: cpu, cpus: plan.cpus, image: image.path, initrd: initrd.path,
        commandLine: "console=ttyAMA0 quiet panic=-1 -- \(plan.arguments.joined(separator: " "))",
        debugger: try .unused())
      return try await Progress.during("Running the guest, with GDB attached") {
        try await DemoRun(machine: machine, program: program, logs: logs).run()
      }
    }
    if !outcome.poweredOff, let complaint = Machine.complaint(in: outcome.lastWords) {
      throw Failure("QEMU does not run the machine: \(complaint).")
    }
    try report(outcome, plan: plan, logs: logs)
  }

  private func report(_ outcome: DemoRun.Outcome, plan: DemoPlan, logs: URL) throws {
    let table = DemoTable(
      plan: plan, guest: outcome.guest, debugger: outcome.debugger, poweredOff: outcome.poweredOff)
    if !outcome.debugger.monitor.isEmpty {
      print("While the guest ran, GDB's `monitor debug` printed:\n")
      for line in outcome.debugger.monitor { print("  \(line)") }
      print()
    }
    print(table.description)

    let reason: String
    if let failure = outcome.guest.failure {
      reason = "The guest's program could not go on: \(failure)"
    } else if !outcome.poweredOff {
      print("The last lines of the guest's console:\n")
      for line in outcome.lastWords { print("  \(line)") }
      print()
      reason =
        outcome.timedOut
        ? "The guest did not come to its end in time"
        : "The machine ended before the guest switched it off"
    } else if outcome.timedOut {
      reason = "GDB did not come to its end in time"
    } else if !table.agrees {
      reason = "Not everything was seen as expected"
    } else {
      return print("The guest and its debugger each saw all of their own events.")
    }
    throw Failure("\(reason); the guest's console and GDB's session are in \(logs.path).")
  }
}
