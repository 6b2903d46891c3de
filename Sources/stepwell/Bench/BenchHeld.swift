/// What the debugger of a column holds, none of which the guest ever reaches.
struct BenchHeld: Hashable {
  var breakpoints = 2
  var watchpoints = 0
}
