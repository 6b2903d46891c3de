extension DeviceTree {
  /// A property of a node: a name, and a value whose meaning depends on the name.
  @safe
  public struct Property: @unchecked Sendable {
    /// Where the name begins, in a strings block that goes on for so many bytes.
    private let nameStart: UnsafeRawPointer
    private let nameLimit: Int
    let value: ByteView

    /// - Parameter names: what is left of the strings block from the name on: nil if it is nothing.
    init?(names: ByteView, value: ByteView) {
      guard let start = unsafe names.start else { return nil }
      unsafe nameStart = start
      nameLimit = names.count
      self.value = value
    }

    /// What is left of the strings block from the name on.
    private var names: ByteView {
      // As it was given, and a tree stays in place as long as anything read from it.
      unsafe ByteView(UnsafeRawBufferPointer(start: nameStart, count: nameLimit))
    }

    /// Where the name is in a strings block, which is that of its tree.
    func nameOffset(in strings: ByteView) -> Int { strings.count - nameLimit }

    public var name: Text { Text(terminatedIn: names) ?? "" }

    func isNamed(_ name: Text) -> Bool {
      names.starts(withTerminated: name)
    }

    /// The length of the value in bytes; 0 for a property that says all by being there.
    public var count: Int { value.count }
    public var isEmpty: Bool { value.isEmpty }

    /// The value as it is, for display.
    public var bytes: Text { Text(value) }

    /// The nth 32-bit cell of the value; nil beyond its end.
    public func cell(_ index: Int) -> UInt32? {
      guard index >= 0, index < value.count / 4 else { return nil }
      return value.cell(at: index * 4)
    }

    /// The value, where it is one number of 32 or 64 bits.
    public var number: UInt64? {
      switch value.count {
      case 4: value.number(at: 0, cells: .one)
      case 8: value.number(at: 0, cells: .two)
      default: nil
      }
    }

    /// The value up to its first NUL; nil if it has none.
    public var text: Text? { Text(terminatedIn: value) }

    /// The value as a list of strings, each ended by a NUL; what follows the last NUL is not one.
    public var strings: Strings { Strings(value: value) }

    /// Where in the list of strings one is, counted from 0; nil if it is not among them.
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
