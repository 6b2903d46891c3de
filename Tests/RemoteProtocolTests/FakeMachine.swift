import RemoteProtocol

/// A machine that executes nothing but instructions that do nothing, for the server to be tried on.
///
/// It holds the server to its word: nothing but `stopAll()` is asked of it while it runs.
///
/// It has the general registers of arm64 (x0 to x30, sp, pc: 64 bits, cpsr: 32), v0 (128 bits) and a
/// register that cannot be written, and some memory. Its `resume()` and its pending stops are an
/// example of what ``Target`` asks for.
struct FakeMachine: Target {
  struct VCPU {
    var isPoweredOn = true
    var core = 0
    var registers: [UInt64]
    var v0: [UInt8] = Array(0x80..<0x90)
    var action = ResumeAction.continue
    var state = ThreadState.running
    /// Its core does not answer.
    var isDeaf = false
  }

  static let memoryBase: UInt64 = 0x4000_0000
  static let firstInstruction = memoryBase + 0x100

  var vcpus: [VCPU]
  var memory: [UInt8]
  var points: [Point] = []
  var pointLimit = 6
  var loadSlide: UInt64?
  var description = "<target/>"

  /// What the user is to be told at the next stop.
  var notice = ""

  /// What was asked of it that changes whether it runs.
  var log: [String] = []
  var isRunning = true
  /// The stop that `targetDidStop` has not been told of yet.
  var announcement: StopEvent?
  /// Stops that happened at the same time as one that was announced.
  var pendingStops: [StopEvent] = []

  init(vcpuCount: Int = 2, memorySize: Int = 0x2000) {
    vcpus = (0..<vcpuCount).map { vcpu in
      VCPU(
        core: vcpuCount - 1 - vcpu,
        registers: (0..<34).map { number in
          switch number {
          case Self.programCounter: Self.firstInstruction
          case 33: 0x6000_03c5
          default: UInt64(vcpu + 1) << 56 | UInt64(number) * 0x0101
          }
        })
    }
    memory = (0..<memorySize).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
  }

  // MARK: vCPUs

  var vcpuCount: Int { vcpus.count }

  func isPoweredOn(_ vcpu: Int) -> Bool { vcpus[vcpu].isPoweredOn }

  func core(of vcpu: Int) -> Int { vcpus[vcpu].core }

  func writeStatus(of vcpu: Int, to output: inout some TextOutput & ~Copyable) {
    precondition(!isRunning)
    output.write("EL1 at ")
    output.write(hex: vcpus[vcpu].registers[Self.programCounter])
  }

  mutating func writeNotice(
    beside stop: StopEvent, to output: inout some TextOutput & ~Copyable
  ) {
    precondition(!isRunning)
    for byte in notice.utf8 { output.write(byte) }
    notice = ""
  }

  /// Where there is a reset, it is only logged: the machine that follows would be another one.
  var canReset = true

  mutating func reset() {
    log.append("reset")
  }

  // MARK: Running and standing still

  mutating func stopAll() {
    log.append("stopAll")
    // The server names another: this one need not even have run.
    announcement = announcement ?? StopEvent(vcpu: vcpuCount - 1, cause: .interrupted)
  }

  mutating func setAction(_ action: ResumeAction, for vcpu: Int) {
    precondition(!isRunning)
    vcpus[vcpu].action = action
  }

  func action(of vcpu: Int) -> ResumeAction { vcpus[vcpu].action }

  func state(of vcpu: Int) -> ThreadState { vcpus[vcpu].state }

  mutating func setState(_ state: ThreadState, of vcpu: Int) { vcpus[vcpu].state = state }

  mutating func resume() {
    precondition(!isRunning)
    isRunning = true
    log.append("resume " + vcpus.map { "\($0.action)" }.joined(separator: " "))
    pendingStops = pendingStops.filter { vcpus[$0.vcpu].action == .hold || isStillTrue($0) }
    if pendingStops.allSatisfy({ vcpus[$0.vcpu].action == .hold }) {
      for vcpu in vcpus.indices where vcpus[vcpu].isPoweredOn { run(vcpu) }
    }
    if let index = pendingStops.firstIndex(where: { vcpus[$0.vcpu].action != .hold }) {
      announcement = pendingStops.remove(at: index)
    }
  }

  /// Runs up to the next breakpoint, if there is one before the end of memory.
  private mutating func run(_ vcpu: Int) {
    let pc = vcpus[vcpu].registers[Self.programCounter]
    switch vcpus[vcpu].action {
    case .hold: break
    case .step:
      vcpus[vcpu].registers[Self.programCounter] = pc &+ 4
      pendingStops.append(StopEvent(vcpu: vcpu, cause: .stepped))
    case .continue:
      let ahead = points.filter { $0.isBreakpoint && $0.address > pc }
      guard let next = ahead.min(by: { $0.address < $1.address }) else { return }
      vcpus[vcpu].registers[Self.programCounter] = next.address
      pendingStops.append(StopEvent(vcpu: vcpu, cause: next.cause))
    }
  }

  private func isStillTrue(_ stop: StopEvent) -> Bool {
    let pc = vcpus[stop.vcpu].registers[Self.programCounter]
    return switch stop.cause {
    case .softwareBreakpoint, .hardwareBreakpoint:
      points.contains { $0.address == pc && $0.cause == stop.cause }
    default: true
    }
  }

  // MARK: Registers

  static var generalRegisterCount: Int { 34 }

  static var programCounter: Int { 32 }

  /// v0: wider than the others.
  static let wideRegister = 34
  /// A register that can be read, as 0x0123456789abcdef, and not written.
  static let readOnlyRegister = 68

  func registerSize(_ number: Int) -> Int? {
    switch number {
    case 0...32: 8
    case 33: 4
    case Self.wideRegister: 16
    case Self.readOnlyRegister: 8
    default: nil
    }
  }

  func expeditedRegister(at index: Int) -> Int? {
    [29, 30, 31, 32, 33].indices.contains(index) ? 29 + index : nil
  }

  func readRegister(
    _ number: Int, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(AccessError) {
    precondition(!isRunning && bytes.count == registerSize(number) && isPoweredOn(vcpu))
    if vcpus[vcpu].isDeaf { throw .noAnswer }
    for index in bytes.indices {
      switch number {
      case Self.wideRegister: bytes[index] = vcpus[vcpu].v0[index]
      case Self.readOnlyRegister:
        bytes[index] = UInt8(truncatingIfNeeded: 0x0123_4567_89ab_cdef >> (8 * index))
      default:
        bytes[index] = UInt8(truncatingIfNeeded: vcpus[vcpu].registers[number] >> (8 * index))
      }
    }
  }

  mutating func writeRegister(
    _ number: Int, of vcpu: Int, from bytes: Span<UInt8>
  ) throws(AccessError) {
    precondition(!isRunning && bytes.count == registerSize(number) && isPoweredOn(vcpu))
    if vcpus[vcpu].isDeaf { throw .noAnswer }
    guard number != Self.readOnlyRegister else { throw .impossible }
    let value = bytes.indices.map { bytes[$0] }
    if number == Self.wideRegister {
      vcpus[vcpu].v0 = value
    } else {
      vcpus[vcpu].registers[number] = value.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  // MARK: Memory

  func readMemory(
    at address: UInt64, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(AccessError) -> Int {
    precondition(!isRunning && reachesNoFurtherThanTheTop(address, bytes.count))
    precondition(isPoweredOn(vcpu) || !vcpus.contains { $0.isPoweredOn })
    if vcpus[vcpu].isDeaf { throw .noAnswer }
    var count = 0
    while count < bytes.count, let offset = offset(of: address &+ UInt64(count)) {
      bytes[count] = memory[offset]
      count += 1
    }
    return count
  }

  mutating func writeMemory(
    at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>
  ) throws(AccessError) {
    precondition(!isRunning && reachesNoFurtherThanTheTop(address, bytes.count))
    if vcpus[vcpu].isDeaf { throw .noAnswer }
    guard let first = offset(of: address), first + bytes.count <= memory.count else {
      throw .impossible
    }
    for index in bytes.indices { memory[first + index] = bytes[index] }
  }

  private func reachesNoFurtherThanTheTop(_ address: UInt64, _ count: Int) -> Bool {
    count > 0 && !address.addingReportingOverflow(UInt64(count - 1)).overflow
  }

  private func offset(of address: UInt64) -> Int? {
    let offset = address &- Self.memoryBase
    return offset < UInt64(memory.count) ? Int(offset) : nil
  }

  // MARK: Points

  mutating func insert(_ point: Point) throws(PointError) {
    precondition(!isRunning)
    if point.kind == .readWatchpoint { throw .unsupported }
    if point.length == 0 || point.address.addingReportingOverflow(point.length - 1).overflow {
      throw .invalid(because: "There are no such bytes")
    }
    if points.contains(point) { return }
    guard points.count < pointLimit else { throw .exhausted }
    points.append(point)
  }

  mutating func remove(_ point: Point) throws(PointError) {
    precondition(!isRunning)
    if point.kind == .readWatchpoint { throw .unsupported }
    points.removeAll { $0 == point }
  }

  mutating func removeAllPoints() {
    precondition(!isRunning)
    points = []
  }

  // MARK: Description and commands

  static var triple: StaticString { "aarch64-none-elf" }

  static var watchpointsStopBeforeAccess: Bool { true }

  func writeTargetDescription(to output: inout some TextOutput & ~Copyable) {
    for byte in description.utf8 { output.write(byte) }
  }

  /// `echo TEXT` writes the text, `count N` the numbers below N (at most 5000), and anything else fails.
  func monitor(_ command: Span<UInt8>, output: inout some TextOutput & ~Copyable) {
    precondition(!isRunning)
    let words = String(decoding: command.indices.map { command[$0] }, as: UTF8.self)
      .split(separator: " ", maxSplits: 1)
    switch (words.first, words.last) {
    case ("echo", let text?):
      for byte in text.utf8 { output.write(byte) }
    case ("count", let limit?):
      for number in 0..<min(UInt64(limit) ?? 0, 5000) {
        output.write(decimal: number)
        output.write(" ")
      }
    default:
      output.write("error: no such command\n")
    }
  }
}

extension Point {
  fileprivate var isBreakpoint: Bool { kind == .softwareBreakpoint || kind == .hardwareBreakpoint }

  fileprivate var cause: StopEvent.Cause {
    kind == .softwareBreakpoint ? .softwareBreakpoint : .hardwareBreakpoint
  }
}
