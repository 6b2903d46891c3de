extension DeviceTree {
  /// A property of a node: a name, and a value whose meaning depends on the name.
  @safe
  public struct Property: @unchecked Sendable {
    /// The rest of the strings block from the name on: its start, and its length.
    private let nameStart: UnsafeRawPointer
    private let nameLimit: Int
    let value: ByteView

    /// - Parameter names: the rest of the strings block from the name on; nil if there is none.
    init?(names: ByteView, value: ByteView) {
      guard let start = unsafe names.start else { return nil }
      unsafe nameStart = start
      nameLimit = names.count
      self.value = value
    }

    /// The rest of the strings block from the name on.
    private var names: ByteView {
      // These are the bytes given to the initializer, and a tree stays in place as long as anything read from
      // it.
      unsafe ByteView(UnsafeRawBufferPointer(start: nameStart, count: nameLimit))
    }

    /// The offset of the name in the strings block of its tree.
    func nameOffset(in strings: ByteView) -> Int { strings.count - nameLimit }

    public var name: Text { Text(terminatedIn: names) ?? "" }

    func isNamed(_ name: Text) -> Bool {
      names.starts(withTerminated: name)
    }

    /// The length of the value in bytes; 0 for a property without a value.
    public var count: Int { value.count }
    public var isEmpty: Bool { value.isEmpty }

    /// The bytes of the value, for display.
    public var bytes: Text { Text(value) }

    /// The nth 32-bit cell of the value; nil beyond its end.
    public func cell(_ index: Int) -> UInt32? {
      guard index >= 0, index < value.count / 4 else { return nil }
      return value.cell(at: index * 4)
    }

    /// The value as a number of 32 or 64 bits; nil if it has another length.
    public var number: UInt64? {
      switch value.count {
      case 4: value.number(at: 0, cells: .one)
      case 8: value.number(at: 0, cells: .two)
      default: nil
      }
    }

    /// The value up to its first NUL; nil if it has none.
    public var text: Text? { Text(terminatedIn: value) }

    /// The value as a list of strings, each ended by a NUL. Bytes behind the last NUL are no string.
    public var strings: Strings { Strings(value: value) }

    /// The place of a string in the list of strings, from 0; nil if it is not there.
    public func index(of string: Text) -> Int? {
      var index = 0
      var strings = strings
      while let candidate = strings.next() {
        if candidate == string { return index }
        index += 1
      }
      return nil
    }

    /// The strings of a string list, in their order.
    public struct Strings: IteratorProtocol {
      fileprivate var value: ByteView

      public mutating func next() -> Text? {
        guard let text = Text(terminatedIn: value) else { return nil }
        value = value.suffix(from: text.count + 1)
        return text
      }
    }
  }
}
