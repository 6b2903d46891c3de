import ArmDebug

/// What the debugger asks for, on all vCPUs. The protocol server alone writes it, while the guest stands
/// still.
///
/// The memory is handed in, because nothing may allocate at EL2. Its size is the only bound on the
/// number of requests. Requests are found by a hash of their addresses, so that no cost but that of a
/// walk over all of them depends on the number.
@safe public struct DebugRequests: ~Copyable {
  private var slots: SlotMemory<RequestSlot>
  /// The first slot of each chain; a power of two of them, or none.
  private var buckets: SlotMemory<UInt32>
  /// One for each `RequestSlot.Place`.
  private var lists = [4 of SlotList](repeating: SlotList())
  #if !hasFeature(Embedded)
    /// What has to be freed, where this value has allocated its memory itself.
    private var ownMemory: UnsafeMutableRawBufferPointer?
  #endif

  /// Changes whenever the requests change.
  public private(set) var generation: UInt32 = 0

  /// No requests.
  ///
  /// - Parameter memory: aligned to 8 bytes. It must stay valid as long as this value is used, and
  ///   nobody else may touch it.
  @unsafe public init(memory: UnsafeMutableRawBufferPointer) {
    let capacity = memory.count / Self.bytesPerRequest
    var bucketCount = min(capacity, 1)
    while bucketCount &* 2 <= capacity { bucketCount &*= 2 }
    // The two parts do not overlap, and both lie within what the caller has given.
    unsafe slots = SlotMemory(memory, offset: 0, count: capacity, of: .unused)
    unsafe buckets = SlotMemory(
      memory, offset: capacity &* MemoryLayout<RequestSlot>.stride, count: bucketCount,
      of: RequestSlot.none)
    for slot in 0..<capacity { append(UInt32(truncatingIfNeeded: slot), to: .free) }
  }

  /// The memory that one request takes.
  public static var bytesPerRequest: Int {
    MemoryLayout<RequestSlot>.stride &+ MemoryLayout<UInt32>.stride
  }

  #if !hasFeature(Embedded)
    /// No requests, with memory of its own for `capacity` of them: for programs that have a heap.
    public init(capacity: Int = 64) {
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: capacity * Self.bytesPerRequest, alignment: 8)
      // It is freed with this value, and known to nobody else.
      unsafe self.init(memory: memory)
      unsafe ownMemory = memory
    }

    deinit { unsafe ownMemory?.deallocate() }
  #endif
}

// The requests.
extension DebugRequests {
  /// Whether there is no request.
  public var isEmpty: Bool { breakpointCount == 0 && watchpointCount == 0 }

  /// The number of breakpoints.
  public var breakpointCount: Int { lists[RequestSlot.Place.breakpoints.index].count }

  /// The number of watchpoints.
  public var watchpointCount: Int { lists[RequestSlot.Place.watchpoints.index].count }

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

  /// Whether of all that ask the hardware for the same this one has the lowest number.
  func isFirstAlike(_ id: RequestID, _ request: DebugRequest) -> Bool {
    lowestAlike(request, above: nil) == id.number
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
    generation &+= 1
    return name(number)
  }

  /// Takes a request back, if it is asked for.
  public mutating func remove(_ request: DebugRequest) {
    guard let number = find(request), slots[number].isAskedFor else { return }
    unlist(number)
    append(number, to: .retired)
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
    let first = lists[list].first
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
    slots[number].tenancy &+= 1
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
    let last = lists[list].last
    slots[number].place = place
    slots[number].previous = last
    slots[number].next = RequestSlot.none
    if last == RequestSlot.none {
      lists[list].first = number
    } else {
      slots[last].next = number
    }
    lists[list].last = number
    lists[list].count &+= 1
  }

  private mutating func unlist(_ number: UInt32) {
    let list = slots[number].place.index
    let (previous, next) = (slots[number].previous, slots[number].next)
    if previous == RequestSlot.none {
      lists[list].first = next
    } else {
      slots[previous].next = next
    }
    if next == RequestSlot.none {
      lists[list].last = previous
    } else {
      slots[next].previous = previous
    }
    lists[list].count &-= 1
  }
}
