/// The points that the debugger of a column holds. The guest never reaches them.
struct BenchHeld: Hashable {
  var breakpoints = 2
  var watchpoints = 0
}
