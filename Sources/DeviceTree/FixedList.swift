/// A list of at most `capacity` elements that lives where it is declared.
struct FixedList<let capacity: Int, Element> {
  private var slots: InlineArray<capacity, Element?> = InlineArray(repeating: nil)
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// The nth element; nil beyond the last one.
  subscript(index: Int) -> Element? {
    index >= 0 && index < count ? slots[index] : nil
  }

  mutating func append(_ element: Element) throws(DeviceTreeError) {
    guard count < capacity else { throw .tooManyEdits }
    slots[count] = element
    count += 1
  }

  mutating func replace(_ index: Int, with element: Element) {
    guard index >= 0, index < count else { return }
    slots[index] = element
  }

  func contains(where condition: (Element) -> Bool) -> Bool {
    firstIndex(where: condition) != nil
  }

  func firstIndex(where condition: (Element) -> Bool) -> Int? {
    for index in 0..<count {
      if let element = slots[index], condition(element) { return index }
    }
    return nil
  }
}
