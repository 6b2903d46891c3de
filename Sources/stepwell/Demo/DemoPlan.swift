/// The actions of guest and debugger in the demo, and the events that each must see. The guest program
/// (Guests/demo/selfdebug.c) and the debugger's script (debugger.py) report the events that they saw. The
/// expected numbers are computed here from the actions.
struct DemoPlan {
  /// vCPUs. On each, a tracer has one child at a time.
  var cpus = 4
  /// Times that a child calls four functions with a breakpoint on each.
  var rounds = 125
  /// Times that a child is stepped through five instructions, one of them a system call.
  var loops = 10
  /// Times that the guest changes the word that the debugger watches.
  var changes = 100

  /// The guest program's arguments.
  var arguments: [String] { [rounds, loops, changes].map(String.init) }

  /// The children of a tracer, one after the other: breakpoints, watchpoints, steps.
  private let children = 3

  // MARK: The guest

  var breakpoints: Int { cpus * rounds * 4 }

  /// Each run of bytes within a doubleword is watched for loads, for stores and for both, while
  /// every byte of it is stored to, then loaded, and the doubleword is stored to as a whole. A second
  /// watchpoint stays on a doubleword that is stored to once for each of these.
  var watchpoints: Int {
    var hits = 0
    for length in 1...8 {
      let runs = 9 - length
      let forLoads = length
      let forStores = length + 1
      hits += runs * (forLoads + forStores + (forLoads + forStores))
    }
    return cpus * (hits + arrangements)
  }

  /// A step over each breakpoint and each watchpoint, and the stepped child's own.
  var steps: Int { breakpoints + watchpoints + cpus * loops * 5 }

  /// A child asks for each arrangement of its debug registers with a BRK.
  var brks: Int { cpus * (1 + arrangements + 1) }

  var correctChildren: Int { cpus * children }

  /// 8 runs of one byte, 7 of two … 1 of eight, each for loads, for stores and for both.
  private var arrangements: Int { (1...8).reduce(0, +) * 3 }

  // MARK: The debugger

  /// Stops at getppid, which the children call now and then, and the first process once, on vCPU 0.
  func debuggerBreakpoints(on cpu: Int) -> Int {
    (rounds + 4) / 5 + (arrangements + 3) / 4 + loops + (cpu == 0 ? 1 : 0)
  }

  var debuggerBreakpoints: Int { (0..<cpus).map(debuggerBreakpoints).reduce(0, +) }

  var debuggerWatchpoints: Int { changes }

  /// Four at every tenth stop.
  var debuggerSteps: Int { debuggerBreakpoints / 10 * 4 }
}
