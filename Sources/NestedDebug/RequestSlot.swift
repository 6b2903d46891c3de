/// One request of `DebugRequests`, or room for one.
struct RequestSlot {
  /// The list that a slot is in.
  enum Place: UInt8 {
    case breakpoints
    case watchpoints
    /// Removed. The request is kept until the room is needed, so that it has its old name if it is
    /// asked for again.
    case retired
    case free

    /// The number of the list.
    var index: Int { Int(rawValue) }
  }

  var request: DebugRequest
  var place: Place
  /// Of the requests that ask the hardware for the same, this has the lowest number; there is no other.
  var isFirst = false
  var isAlone = false
  /// How many requests have been here before.
  var tenancy: UInt32
  /// The next slot whose address has the same hash.
  var nextInBucket: UInt32
  /// The neighbours in the list.
  var next: UInt32
  var previous: UInt32

  /// The number of no slot.
  static var none: UInt32 { .max }

  /// Room for a request.
  static var unused: RequestSlot {
    RequestSlot(
      request: DebugRequest(.breakpoint, at: 0, length: 0), place: .free, tenancy: 0,
      nextInBucket: none, next: none, previous: none)
  }

  /// Whether there is a request here that the debugger has not removed.
  var isAskedFor: Bool { place == .breakpoints || place == .watchpoints }
}

/// A list of slots; new ones come to its end.
struct SlotList {
  var first = RequestSlot.none
  var last = RequestSlot.none
  var count = 0
}

/// What `DebugRequests` keeps beside the slots.
struct RequestHeader {
  let capacity: Int
  let bucketCount: Int
  /// One for each `RequestSlot.Place`.
  var lists = [4 of SlotList](repeating: SlotList())
  var generation: UInt32 = 0
}

/// A part of the memory that was handed in: `count` elements, numbered from 0.
@safe struct SlotMemory<Element> {
  private let base: UnsafeMutablePointer<Element>
  let count: Int

  /// - Parameter base: valid for `count` elements, as long as this value is used.
  @unsafe init(_ base: UnsafeMutablePointer<Element>, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  /// Makes all elements.
  func initialize(to element: Element) {
    // `init` was given room for as many.
    unsafe base.initialize(repeating: element, count: count)
  }

  /// The only element.
  var value: Element {
    // `init` was given one at least.
    unsafeAddress { unsafe UnsafePointer(base) }
    nonmutating unsafeMutableAddress { unsafe base }
  }

  subscript(number: UInt32) -> Element {
    // The number is checked.
    unsafeAddress {
      precondition(Int(number) < count)
      return unsafe UnsafePointer(base.advanced(by: Int(number)))
    }
    nonmutating unsafeMutableAddress {
      precondition(Int(number) < count)
      return unsafe base.advanced(by: Int(number))
    }
  }
}
