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

/// A part of the memory that was handed in: `count` elements, numbered from 0.
@safe struct SlotMemory<Element> {
  private let base: UnsafeMutablePointer<Element>?
  let count: Int

  /// Makes `count` elements, `offset` bytes into `memory`.
  init(_ memory: UnsafeMutableRawBufferPointer, offset: Int, count: Int, of element: Element) {
    self.count = count
    // The caller has computed both from the size of the memory.
    unsafe base = memory.baseAddress?.advanced(by: offset)
      .bindMemory(to: Element.self, capacity: count)
    unsafe base?.initialize(repeating: element, count: count)
  }

  subscript(number: UInt32) -> Element {
    // The number is checked, and memory that has elements has an address.
    unsafeAddress {
      precondition(Int(number) < count)
      return unsafe UnsafePointer(base.unsafelyUnwrapped.advanced(by: Int(number)))
    }
    nonmutating unsafeMutableAddress {
      precondition(Int(number) < count)
      return unsafe base.unsafelyUnwrapped.advanced(by: Int(number))
    }
  }
}
