/// Names one request for as long as the debugger asks for it, from the packet that asks for it over the
/// plan to the stop.
///
/// A request that is removed and asked for again, as a debugger does with all of its points at each
/// stop, keeps its name. Once its storage has gone to another request, its name names nothing.
public struct RequestID: Hashable, Sendable {
  /// Where the request is stored. The number that is told to people.
  public let number: UInt32
  /// How many requests have been stored there before.
  let tenancy: UInt32
}

/// A list of requests in the order in which they were asked for.
///
/// It holds at most `capacity` of them. It is a value of fixed size, because nothing may allocate at EL2.
public struct RequestList<let capacity: Int>: Sendable {
  private var ids = [capacity of RequestID](repeating: RequestID(number: 0, tenancy: 0))
  /// How many there are.
  public private(set) var count = 0

  /// None.
  public init() {}

  /// One.
  init(_ id: RequestID) {
    ids = .init(repeating: id)
    count = 1
  }

  /// Whether there is none.
  public var isEmpty: Bool { count == 0 }

  /// The one that was asked for first.
  public var first: RequestID? { isEmpty ? nil : ids[0] }

  /// Number `index`, 0 to `count` - 1.
  public subscript(index: Int) -> RequestID { ids[index] }

  public func contains(_ id: RequestID) -> Bool {
    for index in 0..<count where ids[index] == id { return true }
    return false
  }

  /// Adds one at the end, unless it is there. One more than `capacity` is left out.
  public mutating func append(_ id: RequestID) {
    guard count < capacity, !contains(id) else { return }
    ids[count] = id
    count &+= 1
  }

  /// Adds those of `other`.
  mutating func append(_ other: RequestList) {
    for index in 0..<other.count { append(other.ids[index]) }
  }

  /// Removes all.
  mutating func removeAll() { count = 0 }

  /// Removes those that `requests` does not hold.
  public mutating func removeAbandoned(in requests: borrowing DebugRequests) {
    var kept = 0
    for index in 0..<count where requests.contains(ids[index]) {
      ids[kept] = ids[index]
      kept &+= 1
    }
    count = kept
  }
}

extension RequestList: Equatable {
  public static func == (one: RequestList, other: RequestList) -> Bool {
    guard one.count == other.count else { return false }
    for index in 0..<one.count where one.ids[index] != other.ids[index] { return false }
    return true
  }
}

/// The requests behind one event: those that ask the hardware for the same.
public typealias RequestIDs = RequestList<4>
