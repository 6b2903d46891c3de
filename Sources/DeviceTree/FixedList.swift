/// A list of at most `capacity` elements that lives where it is declared.
struct FixedList<let capacity: Int, Element> {
  private var slots: InlineArray<capacity, Element>
  private(set) var count = 0

  /// - Parameter filler: the value of places without an element.
  init(filler: Element) {
    slots = InlineArray(repeating: filler)
  }

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

  func contains(where condition: (Element) -> Bool) -> Bool {
    for index in 0..<count where condition(slots[index]) { return true }
    return false
  }
}
