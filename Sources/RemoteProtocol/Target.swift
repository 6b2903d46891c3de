/// The machine that is debugged, as the protocol server needs it.
///
/// A machine has vCPUs, numbered from zero; the debugger sees vCPU n as thread n + 1. It stands
/// still or runs as a whole (GDB manual, "All-Stop Mode"), and everything below except
/// ``stopAll()`` and ``reset()`` is asked for only while it stands still. Values are little-endian.
///
/// Everything may be `mutating`, because a large value is best reached in place.
///
/// No call may take its answer from the debugger's word alone: addresses, lengths and register
/// numbers are whatever bytes arrived on the link.
public protocol Target: ~Copyable {
  // MARK: vCPUs

  /// How many vCPUs the machine has, powered on or not. It never changes.
  var vcpuCount: Int { mutating get }

  /// Whether `vcpu` is powered on. One that is off is a thread too, without registers.
  mutating func isPoweredOn(_ vcpu: Int) -> Bool

  /// The number of the physical core that `vcpu` is bound to.
  mutating func core(of vcpu: Int) -> Int

  /// Writes what `vcpu` is doing, in a few words for the user, without XML markup characters.
  mutating func writeStatus(of vcpu: Int, to output: inout some TextOutput & ~Copyable)

  // MARK: Running and standing still

  /// Begins to stop every vCPU, and returns at once.
  ///
  /// Once everything stands still the owner of both calls `RemoteServer.targetDidStop`, with
  /// ``StopEvent/Cause/interrupted`` unless a vCPU stopped for a reason of its own first.
  mutating func stopAll()

  /// Sets what `vcpu` does from the next ``resume()`` on.
  ///
  /// It is called for every vCPU before each ``resume()``; one that is powered off takes its action
  /// when it is powered on.
  mutating func setAction(_ action: ResumeAction, for vcpu: Int)

  /// What ``setAction(_:for:)`` said last; `continue` before that.
  mutating func action(of vcpu: Int) -> ResumeAction

  /// Lets the vCPUs go as ``setAction(_:for:)`` said, and returns at once.
  ///
  /// Only one stop is ever reported at a time. Where several vCPUs had cause to stop at once, the
  /// others' stops stay pending here, a held vCPU's for as long as it is held: the debugger takes
  /// its points away while it steps another one past them. Of the vCPUs that are to run, a pending
  /// stop whose point or program counter has changed is dropped. If one remains, nothing runs, and
  /// that is the stop given to `RemoteServer.targetDidStop` next.
  mutating func resume()

  /// Writes what the user has to know beside the stop that is about to be reported, in whole lines, if
  /// there is anything. It is asked for once before each stop reply.
  mutating func writeNotice(beside stop: StopEvent, to output: inout some TextOutput & ~Copyable)

  /// Whether ``reset()`` has a way to reset the machine. Asked at any time.
  var canReset: Bool { mutating get }

  /// Resets the whole machine, at any time, and returns only if that was refused. This server goes with
  /// it.
  mutating func reset()

  /// What ``setState(_:of:)`` said last; `running` before that.
  ///
  /// The server's own note of each vCPU, which the machine keeps because it knows how many there are. Nobody else
  /// writes it.
  mutating func state(of vcpu: Int) -> ThreadState

  mutating func setState(_ state: ThreadState, of vcpu: Int)

  // MARK: Registers

  /// The registers numbered 0 ..< this make up the `g` and `G` packets, in this order.
  static var generalRegisterCount: Int { get }

  /// The number of the program counter.
  static var programCounter: Int { get }

  /// The size in bytes of register `number`, at most ``largestRegister``, or nil if
  /// there is no such register.
  mutating func registerSize(_ number: Int) -> Int?

  /// The number of the register that stands at `index` among those that each stop reply carries, or
  /// nil after the last.
  mutating func expeditedRegister(at index: Int) -> Int?

  /// Puts the value of a register of `vcpu` into `bytes`, which has the register's size.
  mutating func readRegister(
    _ number: Int, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(AccessError)

  /// Gives a register of `vcpu` the value in `bytes`, which has the register's size.
  mutating func writeRegister(
    _ number: Int, of vcpu: Int, from bytes: Span<UInt8>
  ) throws(AccessError)

  // MARK: Memory

  /// Reads memory as `vcpu` sees it now; what the debugger itself hid there does not show.
  ///
  /// `address + bytes.count` does not exceed 2^64.
  ///
  /// - Returns: how many bytes could be read, counted from `address`.
  mutating func readMemory(
    at address: UInt64, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(AccessError) -> Int

  /// Writes memory as `vcpu` sees it now.
  ///
  /// `address + bytes.count` does not exceed 2^64.
  ///
  /// - Throws: if any of it cannot be written; none of it is then, where that can be known in advance.
  mutating func writeMemory(
    at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>
  ) throws(AccessError)

  // MARK: Breakpoints and watchpoints

  /// Sets a point on every vCPU; one that is already there stays as it is, and that is a success.
  mutating func insert(_ point: Point) throws(PointError)

  /// Takes a point away from every vCPU; one that is not there is a success.
  mutating func remove(_ point: Point) throws(PointError)

  /// Takes all points away: the debugger is gone.
  mutating func removeAllPoints()

  // MARK: Description

  /// The LLVM target triple of the machine's programs.
  static var triple: StaticString { get }

  /// Whether a watchpoint stops before the access that it watches for.
  static var watchpointsStopBeforeAccess: Bool { get }

  /// Writes the whole target description, an XML document (GDB manual, "Target Descriptions").
  ///
  /// It is called once for each piece that the debugger fetches, and must write the same each time.
  mutating func writeTargetDescription(to output: inout some TextOutput & ~Copyable)

  /// By how much the program runs above the addresses it is linked for, if that is known.
  var loadSlide: UInt64? { mutating get }

  // MARK: The user's own commands

  /// Carries out what the user typed after `monitor`, and writes its answer. The text of a command that
  /// fails begins with "error: ", for scripts to tell.
  mutating func monitor(_ command: Span<UInt8>, output: inout some TextOutput & ~Copyable)
}

/// The size in bytes of the largest register that the server can carry: an SVE vector of 2048 bits.
public var largestRegister: Int { Scratch.count }

/// One register, or as much of the memory as is asked of the target at a time.
typealias Scratch = InlineArray<256, UInt8>
