internal import ArmDebug
internal import NestedDebug

/// What lies behind an intermediate address.
enum GuestPlace: Equatable {
  /// The guest's RAM.
  case memory(PhysicalAddress)
  /// Something else that the guest reaches: a device, or nothing at all.
  case other(PhysicalAddress)
  /// What stage 2 keeps from the guest.
  case withheld

  /// The RAM, if it is some.
  var memory: PhysicalAddress? {
    guard case .memory(let address) = self else { return nil }
    return address
  }
}

/// What ``GuestAddressSpace`` needs of the core whose EL1 registers are the vCPU's, and of the machine. Whatever may
/// fault says so: what a guest's registers and tables hold, and what answers at an address, is nobody's to trust.
protocol GuestAddressHardware {
  associatedtype CacheHardware: Caches
  /// The caches, for what the guest reads or has written past them.
  var caches: CacheHardware { get }

  /// PAR_EL1 after AT S1E0R, S1E0W, S1E1R or S1E1W, with the guest's own put back; nil if the walk of the guest's
  /// tables was aborted.
  mutating func translate(
    _ address: VirtualAddress, from el: ExceptionLevel, isStore: Bool
  ) -> TranslationResult?
  /// The A64 instruction at `pc`, a multiple of 4, where one step can say it; nil asks for the longer way by
  /// ``translate(_:from:isStore:)`` and ``load(_:at:)``. Each of a guest's silent steps fetches.
  mutating func fetch(_ pc: VirtualAddress) -> UInt32?
  /// Where stage 2 leads, whatever the debugger has done to the guest's view of it.
  func place(of address: IntermediateAddress) -> GuestPlace

  /// An aligned access of the guest's RAM of 1, 2, 4 or 8 bytes; nil or false if it was aborted.
  mutating func load(_ size: UInt64, at address: PhysicalAddress) -> UInt64?
  mutating func store(_ size: UInt64, _ value: UInt64, at address: PhysicalAddress) -> Bool
  /// Whether it was stored, of 1, 2, 4, 8 or 16 bytes; nil if the access was aborted.
  mutating func compareAndExchange(
    _ size: UInt64, at address: PhysicalAddress, expected: ExclusiveValue,
    replacement: ExclusiveValue
  ) -> Bool?
  /// Reads consecutive instructions, all in RAM; false if an access was aborted.
  mutating func load(
    _ instructions: inout InlineArray<16, UInt32>, count: Int, from address: PhysicalAddress
  ) -> Bool
  /// Copies `count` bytes of the guest's RAM to `bytes`, from `offset` on; false if an access was aborted.
  mutating func copy(
    from address: PhysicalAddress, to bytes: inout MutableSpan<UInt8>, at offset: Int, count: Int
  ) -> Bool
  /// The reverse.
  mutating func copy(
    to address: PhysicalAddress, from bytes: Span<UInt8>, at offset: Int, count: Int
  ) -> Bool
}

/// The guest's memory as EL2 reaches it on the guest's or the debugger's behalf: by virtual address through stage 1
/// of the vCPU whose core executes this, then through stage 2.
struct GuestAddressSpace<Hardware: GuestAddressHardware> {
  var hardware: Hardware

  init(hardware: Hardware) { self.hardware = hardware }

  /// What lies behind a virtual address.
  enum Destination: Equatable {
    /// The guest's RAM; whether the guest accesses it through write-back caches, as EL2 does.
    case memory(PhysicalAddress, isWriteBack: Bool)
    /// Something else that the guest reaches: a device, or nothing at all.
    case other(PhysicalAddress)
    /// What stage 2 keeps from the guest.
    case withheld
    /// Stage 1 does not permit the access; the fault status that the guest would read in ESR_EL1.
    case fault(status: UInt64)

    /// The RAM, if it is some.
    var memory: PhysicalAddress? {
      guard case .memory(let address, _) = self else { return nil }
      return address
    }
  }

  // MARK: Translation

  /// What an access to `address` from `el` would find.
  mutating func destination(
    of address: VirtualAddress, from el: ExceptionLevel = .el1, isStore: Bool = false
  ) -> Destination {
    destination(
      of: hardware.translate(address, from: el, isStore: isStore), at: address)
  }

  /// The same, where stage 1 has been asked already.
  ///
  /// - Parameter stage1: nil if its walk was aborted.
  func destination(of stage1: TranslationResult?, at address: VirtualAddress) -> Destination {
    guard let stage1 else { return .fault(status: Self.abortedWalk) }
    if stage1.isFault {
      // Stage 2 keeps the guest's table from the guest: as if nothing answered there.
      return .fault(
        status: stage1.isStage2Fault
          ? Self.abortedWalk | stage1.faultStatus & 0b11 : stage1.faultStatus)
    }
    let intermediate = IntermediateAddress(stage1.outputPage) &+ address.pageOffset
    switch hardware.place(of: intermediate) {
    // Stage 2's own attributes take nothing from stage 1's: Normal write-back.
    case .memory(let physical): return .memory(physical, isWriteBack: stage1.isWriteBack)
    case .other(let physical): return .other(physical)
    case .withheld: return .withheld
    }
  }

  /// A synchronous external abort on a table walk, the level in [1:0] (Arm ARM D24.2.40, DFSC).
  private static var abortedWalk: UInt64 { 0b010100 }

  // MARK: Bytes

  /// How many bytes from `address` on lie in the same page, at most `count`.
  static func bytesInPage(from address: VirtualAddress, atMost count: Int) -> Int {
    min(count, Int(Page.size &- address.pageOffset))
  }

  /// Reads what the guest would, whether or not its own accesses are cached; false if an access was aborted.
  mutating func read(
    _ address: PhysicalAddress, into bytes: inout MutableSpan<UInt8>, at offset: Int, count: Int
  ) -> Bool {
    var caches = hardware.caches
    caches.makeCoherent(address.rawValue, count: UInt64(count))
    return hardware.copy(from: address, to: &bytes, at: offset, count: count)
  }

  /// Writes for the guest to read and execute, whether or not its own accesses are cached; false if an access was
  /// aborted.
  mutating func write(
    _ address: PhysicalAddress, from bytes: Span<UInt8>, at offset: Int, count: Int
  ) -> Bool {
    var caches = hardware.caches
    var isDone = false
    caches.publish(address.rawValue, count: UInt64(count)) {
      isDone = hardware.copy(to: address, from: bytes, at: offset, count: count)
    }
    return isDone
  }

  /// The aligned word at an address, whether or not the guest's own accesses to it are cached; nil if the access was
  /// aborted.
  mutating func word(at address: PhysicalAddress) -> UInt32? {
    var caches = hardware.caches
    caches.makeCoherent(address.rawValue, count: 4)
    return hardware.load(4, at: address).map { UInt32(truncatingIfNeeded: $0) }
  }

  /// Writes it, for the same; false if the access was aborted.
  mutating func setWord(at address: PhysicalAddress, _ value: UInt32) -> Bool {
    var caches = hardware.caches
    caches.makeCoherent(address.rawValue, count: 4)
    let isDone = hardware.store(4, UInt64(value), at: address)
    caches.makeCoherent(address.rawValue, count: 4)
    return isDone
  }

  // MARK: Instructions

  /// The A64 instruction at `pc`; nil where it is not in RAM or cannot be read.
  mutating func instruction(at pc: VirtualAddress) -> UInt32? {
    if pc.rawValue & 3 == 0, let bits = hardware.fetch(pc) { return bits }
    guard let physical = location(ofInstruction: pc) else { return nil }
    return hardware.load(4, at: physical).map { UInt32(truncatingIfNeeded: $0) }
  }

  /// Gives `body` the A64 instructions from `pc` on, until it returns false, one cannot be read, or the page ends: one
  /// translation serves all, for a page is mapped as one, and is RAM as one.
  mutating func forEachInstruction(from pc: VirtualAddress, _ body: (UInt32) -> Bool) {
    guard var physical = location(ofInstruction: pc) else { return }
    var instructions = InlineArray<16, UInt32>(repeating: 0)
    repeat {
      let count = min(instructions.count, Int((Page.size &- physical.pageOffset) / 4))
      guard hardware.load(&instructions, count: count, from: physical) else {
        // What comes before the one that is aborted can be read.
        return forEachSingleInstruction(from: physical, body)
      }
      for index in 0..<count {
        guard body(instructions[index]) else { return }
      }
      physical = physical &+ UInt64(count) &* 4
    } while physical.pageOffset != 0
  }

  private mutating func forEachSingleInstruction(
    from start: PhysicalAddress, _ body: (UInt32) -> Bool
  ) {
    var physical = start
    repeat {
      guard let bits = hardware.load(4, at: physical), body(UInt32(truncatingIfNeeded: bits))
      else { return }
      physical = physical &+ 4
    } while physical.pageOffset != 0
  }

  private mutating func location(ofInstruction pc: VirtualAddress) -> PhysicalAddress? {
    guard pc.rawValue & 3 == 0,
      let stage1 = hardware.translate(pc, from: .el1, isStore: false), !stage1.isFault
    else { return nil }
    return hardware.place(of: IntermediateAddress(stage1.outputPage) &+ pc.pageOffset).memory
  }

  // MARK: Exclusives

  /// What memory holds at a multiple of `size`, which is 1, 2, 4, 8 or 16; nil where EL2 cannot say.
  mutating func load(
    _ size: UInt64, at address: VirtualAddress, from el: ExceptionLevel
  ) -> ExclusiveValue? {
    guard let physical = exchangeable(destination(of: address, from: el)),
      let low = hardware.load(min(size, 8), at: physical)
    else { return nil }
    guard size == 16 else { return ExclusiveValue(low: low) }
    guard let high = hardware.load(8, at: physical &+ 8) else { return nil }
    return ExclusiveValue(low: low, high: high)
  }

  /// Performs a store in the guest's stead if memory still holds what is expected.
  ///
  /// - Parameter dirtyState: the guest's tables, where the processor manages their pages' dirty state.
  mutating func compareAndExchange(
    _ store: ExclusiveStore, dirtyState: GuestTables?
  ) -> ExclusiveStoreOutcome {
    let address = VirtualAddress(store.address)
    let stage1 = hardware.translate(address, from: store.el, isStore: true)
    if let iss = stage1?.storeAbort { return .fault(Syndrome(.dataAbortLower, iss: iss)) }
    guard let stage1, let physical = exchangeable(destination(of: stage1, at: address)) else {
      return .impossible
    }
    if let dirtyState {
      let output = IntermediateAddress(stage1.outputPage) &+ address.pageOffset
      if let failure = markDirty(address, output, in: dirtyState) { return failure }
    }
    let isStored = hardware.compareAndExchange(
      store.size, at: physical, expected: store.expected, replacement: store.replacement)
    guard let isStored else { return .impossible }
    return isStored ? .stored : .differs
  }

  /// Does to the guest's tables what the processor does when it writes to a clean page, which it may and EL2's own
  /// store does not: else the guest would lose what is written. The release semantics of what follows put the store
  /// behind it. The TLB may go on holding the old descriptor; the processor then does the same once more.
  ///
  /// - Returns: nil if the page is dirty now, or why it cannot be made so.
  private mutating func markDirty(
    _ address: VirtualAddress, _ output: IntermediateAddress, in tables: GuestTables
  ) -> ExclusiveStoreOutcome? {
    let leaf = tables.leaf(mapping: address, to: output) {
      guard let physical = memory(ofDescriptor: $0) else { return nil }
      return hardware.load(8, at: physical)
    }
    guard let leaf else { return .impossible }
    let clean = GuestTables.Leaf.clean
    guard leaf.descriptor & clean != 0 else { return nil }
    guard let physical = memory(ofDescriptor: leaf.location) else { return .impossible }
    let isStored = hardware.compareAndExchange(
      8, at: physical, expected: ExclusiveValue(low: leaf.descriptor),
      replacement: ExclusiveValue(low: leaf.descriptor & ~clean))
    guard let isStored else { return .impossible }
    // Another processor's change of the descriptor comes first; the guest's store fails, as it may.
    return isStored ? nil : .differs
  }

  /// Where a descriptor of the guest's lies, if all of its bytes are RAM.
  private func memory(ofDescriptor location: IntermediateAddress) -> PhysicalAddress? {
    // The last byte too: RAM need not end with a page.
    guard location.rawValue & 7 == 0, let physical = hardware.place(of: location).memory,
      hardware.place(of: location &+ 7).memory != nil
    else { return nil }
    return physical
  }

  /// Where EL2 reaches the word. It must be RAM of the guest's, and write-back to the guest as it is to EL2: of two
  /// attributes for one location neither coherency nor the exclusives monitor would know (Arm ARM B2.16, "Mismatched
  /// memory attributes"). With its caches off the guest's memory is not.
  private func exchangeable(_ destination: Destination) -> PhysicalAddress? {
    guard case .memory(let physical, isWriteBack: true) = destination else { return nil }
    return physical
  }
}

extension TranslationResult {
  /// PA: the page of the output address; where there is no fault (Arm ARM D24.2.123).
  var outputPage: UInt64 { rawValue & 0x000f_ffff_ffff_f000 }
}
