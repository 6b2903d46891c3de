import ArmDebug

/// What the debugger asks for, on all vCPUs. The protocol server alone writes it, while the guest stands
/// still.
///
/// The memory is handed in, because nothing may allocate at EL2. Its size is the only bound on the
/// number of requests. Requests are found by a hash of their addresses, so that no cost but that of a
/// walk over all of them depends on the number.
///
/// All of it is in that memory: the value is one address, because the compiler copies a borrowed value.
@safe public struct DebugRequests: ~Copyable {
  private let header: UnsafeMutablePointer<RequestHeader>
  #if !hasFeature(Embedded)
    /// Whether the memory has to be freed with this value.
    private var ownsMemory = false
  #endif

  /// No requests.
  ///
  /// - Parameter memory: aligned to 8 bytes, and of `bytesBesideRequests` at least. It must stay valid as
  ///   long as this value is used, and nobody else may touch it.
  @unsafe public init(memory: UnsafeMutableRawBufferPointer) {
    let rest = memory.count &- Self.bytesBesideRequests
    precondition(rest >= 0)
    let capacity = rest / Self.bytesPerRequest
    // The largest power of two that is not above the capacity; 0 for none.
    let bucketCount =
      capacity == 0 ? 0 : 1 &<< (Int.bitWidth &- 1 &- capacity.leadingZeroBitCount)
    // Memory that has bytes has an address. The three parts do not overlap, and lie within it.
    unsafe header = memory.baseAddress.unsafelyUnwrapped
      .bindMemory(to: RequestHeader.self, capacity: 1)
    unsafe header.initialize(
      to: RequestHeader(capacity: capacity, bucketCount: bucketCount))
    slots.initialize(to: .unused)
    buckets.initialize(to: RequestSlot.none)
    for slot in 0..<capacity { append(UInt32(truncatingIfNeeded: slot), to: .free) }
  }

  /// The memory that one request takes.
  public static var bytesPerRequest: Int {
    MemoryLayout<RequestSlot>.stride &+ MemoryLayout<UInt32>.stride
  }

  /// The memory that is needed without any request.
  public static var bytesBesideRequests: Int { MemoryLayout<RequestHeader>.stride }

  #if !hasFeature(Embedded)
    /// No requests, with memory of its own for `capacity` of them: for programs that have a heap.
    public init(capacity: Int = 64) {
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Self.bytesBesideRequests + capacity * Self.bytesPerRequest, alignment: 8)
      // It is freed with this value, and known to nobody else.
      unsafe self.init(memory: memory)
      ownsMemory = true
    }

    // `init(capacity:)` has allocated it at this address.
    deinit { if ownsMemory { unsafe UnsafeMutableRawPointer(header).deallocate() } }
  #endif

  /// Changes whenever the requests change.
  public private(set) var generation: UInt32 {
    get { state.value.generation }
    nonmutating set { state.value.generation = newValue }
  }

  // Addresses in the memory that this value has to itself, for as many elements as `init` has made.

  private var state: SlotMemory<RequestHeader> { unsafe SlotMemory(header, count: 1) }

  /// The slots of the requests.
  var slots: SlotMemory<RequestSlot> {
    unsafe SlotMemory(
      UnsafeMutableRawPointer(header).advanced(by: Self.bytesBesideRequests)
        .assumingMemoryBound(to: RequestSlot.self), count: header.pointee.capacity)
  }

  /// The first slot of each chain; a power of two of them, or none.
  private var buckets: SlotMemory<UInt32> {
    unsafe SlotMemory(
      UnsafeMutableRawPointer(header).advanced(
        by: Self.bytesBesideRequests
          &+ header.pointee.capacity &* MemoryLayout<RequestSlot>.stride
      ).assumingMemoryBound(to: UInt32.self), count: header.pointee.bucketCount)
  }
}

// The requests.
extension DebugRequests {
  /// Whether there is no request.
  public var isEmpty: Bool { breakpointCount == 0 && watchpointCount == 0 }

  /// The number of breakpoints.
  public var breakpointCount: Int { state.value.lists[RequestSlot.Place.breakpoints.index].count }

  /// The number of watchpoints.
  public var watchpointCount: Int { state.value.lists[RequestSlot.Place.watchpoints.index].count }

  /// The request with this name, as long as it is asked for.
  public subscript(id: RequestID) -> DebugRequest? {
    guard Int(id.number) < slots.count else { return nil }
    let slot = slots[id.number]
    return slot.tenancy == id.tenancy && slot.isAskedFor ? slot.request : nil
  }

  /// Whether the request with this name is asked for.
  public func contains(_ id: RequestID) -> Bool { self[id] != nil }

  /// The name of a request that is asked for.
  public func id(of request: DebugRequest) -> RequestID? {
    guard let number = find(request), slots[number].isAskedFor else { return nil }
    return name(number)
  }

  /// The breakpoint that was asked for first.
  public var firstBreakpoint: RequestID? { first(in: .breakpoints) }

  /// The watchpoint that was asked for first.
  public var firstWatchpoint: RequestID? { first(in: .watchpoints) }

  /// The request of the same kind that was asked for after this one, which is asked for itself.
  public func next(after id: RequestID) -> RequestID? {
    guard contains(id) else { return nil }
    let next = slots[id.number].next
    return next == RequestSlot.none ? nil : name(next)
  }

  /// The requests that ask the hardware for the same as `request`, those first that have lower
  /// numbers.
  public func alike(_ request: DebugRequest) -> RequestIDs {
    var ids = RequestIDs()
    var above: UInt32?
    // At most as many as the list holds; `insert` sees to that.
    while let number = lowestAlike(request, above: above) {
      ids.append(name(number))
      above = number
      if ids.count == RequestIDs.capacity { break }
    }
    return ids
  }

  /// The number of the request that was asked for first, or `RequestSlot.none`.
  @inline(__always)
  func firstNumber(_ place: RequestSlot.Place) -> UInt32 { state.value.lists[place.index].first }

  /// The requests that share comparators with request `number`, which is the first of them.
  @inline(__always)
  func sharing(_ number: UInt32) -> RequestIDs {
    if !slots[number].isAlone { return alike(slots[number].request) }
    return RequestIDs(name(number))
  }

  /// Notes in all requests that ask for the same as `request` which is the first, and whether it is alone.
  private func noteSharing(_ request: DebugRequest) {
    let ids = alike(request)
    for index in 0..<ids.count {
      slots[ids[index].number].isFirst = index == 0
      slots[ids[index].number].isAlone = ids.count == 1
    }
  }

  /// Asks for a stop. To ask twice is to ask once.
  ///
  /// - Returns: the name of the request, which is the same if it was asked for and removed before.
  @discardableResult
  public mutating func insert(_ request: DebugRequest) throws(RequestError) -> RequestID {
    try request.check()
    let known = find(request)
    if let known, slots[known].isAskedFor { return name(known) }
    guard alike(request).count < RequestIDs.capacity else { throw .full }
    let place = request.isBreakpoint ? RequestSlot.Place.breakpoints : .watchpoints
    let number: UInt32
    if let known {
      number = known
    } else {
      guard let unused = takeRoom() else { throw .full }
      number = unused
      slots[number].request = request
      link(number)
    }
    unlist(number)
    append(number, to: place)
    noteSharing(request)
    generation &+= 1
    return name(number)
  }

  /// Takes a request back, if it is asked for.
  public mutating func remove(_ request: DebugRequest) {
    guard let number = find(request), slots[number].isAskedFor else { return }
    unlist(number)
    append(number, to: .retired)
    noteSharing(request)
    generation &+= 1
  }

  /// Takes everything back. No name is kept: the next debugger may be another.
  public mutating func removeAll() {
    if !isEmpty { generation &+= 1 }
    for place in RequestSlot.Place.breakpoints.rawValue...RequestSlot.Place.retired.rawValue {
      while let number = first(inList: Int(place)) { release(number) }
    }
  }

  private func name(_ number: UInt32) -> RequestID {
    RequestID(number: number, tenancy: slots[number].tenancy)
  }

  private func first(in place: RequestSlot.Place) -> RequestID? {
    first(inList: place.index).map { name($0) }
  }

  private func first(inList list: Int) -> UInt32? {
    let first = state.value.lists[list].first
    return first == RequestSlot.none ? nil : first
  }
}

// Where they are.
extension DebugRequests {
  /// The slot of a request, asked for or retired.
  private func find(_ request: DebugRequest) -> UInt32? {
    guard buckets.count > 0 else { return nil }
    var number = buckets[bucket(of: request)]
    while number != RequestSlot.none {
      if slots[number].request == request { return number }
      number = slots[number].nextInBucket
    }
    return nil
  }

  /// The lowest-numbered slot above `above` of a request that asks for the same as `request`.
  private func lowestAlike(_ request: DebugRequest, above: UInt32?) -> UInt32? {
    guard buckets.count > 0 else { return nil }
    var lowest: UInt32?
    var number = buckets[bucket(of: request)]
    while number != RequestSlot.none {
      if slots[number].isAskedFor, slots[number].request.isAlike(request),
        above.map({ number > $0 }) ?? true, number < lowest ?? RequestSlot.none
      {
        lowest = number
      }
      number = slots[number].nextInBucket
    }
    return lowest
  }

  /// Requests that ask for the same have one bucket: it depends on the address without its tag.
  private func bucket(of request: DebugRequest) -> UInt32 {
    // Fibonacci hashing: the upper half of the product depends on all bits of the address.
    let hash = (request.address.untagged &* 0x9E37_79B9_7F4A_7C15) &>> 32
    return UInt32(truncatingIfNeeded: hash) & UInt32(truncatingIfNeeded: buckets.count &- 1)
  }

  /// A slot for a new request: a free one, or else that of the request that was removed first.
  private mutating func takeRoom() -> UInt32? {
    if let number = first(inList: RequestSlot.Place.free.index) { return number }
    guard let number = first(inList: RequestSlot.Place.retired.index) else { return nil }
    release(number)
    return number
  }

  /// Frees a slot: what was in it has no name any more.
  private mutating func release(_ number: UInt32) {
    unlink(number)
    slots[number].tenancy &+= 1  // mutant: namesEnd
    unlist(number)
    append(number, to: .free)
  }

  private mutating func link(_ number: UInt32) {
    let bucket = bucket(of: slots[number].request)
    slots[number].nextInBucket = buckets[bucket]
    buckets[bucket] = number
  }

  private mutating func unlink(_ number: UInt32) {
    let bucket = bucket(of: slots[number].request)
    let next = slots[number].nextInBucket
    guard buckets[bucket] != number else {
      buckets[bucket] = next
      return
    }
    var before = buckets[bucket]
    while before != RequestSlot.none, slots[before].nextInBucket != number {
      before = slots[before].nextInBucket
    }
    if before != RequestSlot.none { slots[before].nextInBucket = next }
  }

  private mutating func append(_ number: UInt32, to place: RequestSlot.Place) {
    let list = place.index
    let last = state.value.lists[list].last
    slots[number].place = place
    slots[number].previous = last
    slots[number].next = RequestSlot.none
    if last == RequestSlot.none {
      state.value.lists[list].first = number
    } else {
      slots[last].next = number
    }
    state.value.lists[list].last = number
    state.value.lists[list].count &+= 1
  }

  private mutating func unlist(_ number: UInt32) {
    let list = slots[number].place.index
    let (previous, next) = (slots[number].previous, slots[number].next)
    if previous == RequestSlot.none {
      state.value.lists[list].first = next
    } else {
      slots[previous].next = next
    }
    if next == RequestSlot.none {
      state.value.lists[list].last = previous
    } else {
      slots[next].previous = previous
    }
    state.value.lists[list].count &-= 1
  }
}
