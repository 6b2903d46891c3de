internal import DeviceTree
internal import Foundation
internal import Hypervisor

/// What EL2 would make of one device tree, as text.
struct TreeReport {
  /// Something that keeps a guest from starting.
  struct Lack: Equatable {
    /// What is missing, in two or three words, for counting.
    var subject: String
    /// EL2's own sentence.
    var sentence: String
  }

  /// The file.
  let name: String
  /// The board's model, as the tree has it.
  var model = ""
  var cpus = 0
  /// How the further CPUs are started.
  var start = "-"
  /// The RAM that the tree names.
  var memory = "-"
  /// `compatible` of the interrupt controller, and whether EL2 knows it.
  var interruptController = "none"
  var console = "none named"
  /// Whether EL2 writes its own messages anywhere.
  var hasMessages = false
  var link = "none"
  /// Regions that nobody but their user may touch.
  var reservations = 0
  /// Whether the guest's tree moves, because it is larger than the loader's.
  var treeMoves = false
  var lacks: [Lack] = []

  /// Whether a guest would start, as far as the tree says.
  var starts: Bool { lacks.isEmpty }

  /// - Parameter contents: of a device tree blob.
  init(name: String, contents: Data) {
    self.name = name
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(contents.count, 8), alignment: 8)
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: TreeSurvey.memorySize, alignment: 64)
    // Nothing that was read from the tree outlives this initializer: what is kept are strings and numbers.
    defer {
      unsafe memory.deallocate()
      unsafe scratch.deallocate()
    }
    unsafe memory.copyBytes(from: contents)
    do {
      let tree = unsafe try DeviceTree(validating: UnsafeRawBufferPointer(memory))
      read(tree, unsafe TreeSurvey(tree, memory: scratch))
    } catch {
      lacks = [Lack(subject: "device tree", sentence: error.sentence.description)]
    }
  }

  private mutating func read(_ tree: DeviceTree, _ survey: borrowing TreeSurvey) {
    model = tree.root.property("model")?.text?.string ?? ""
    cpus = survey.processorCount
    start =
      switch survey.start {
      case .notNeeded: "-"
      case .firmware: "PSCI"
      case .spinTable: "spin table"
      case .unknown: "what the loader says"
      }
    memory = survey.memorySize == 0 ? "from the loader" : Self.size(survey.memorySize)
    if let node = survey.interruptController { interruptController = node.firstModel }
    if let node = survey.namedConsole { console = node.firstModel }
    hasMessages = survey.console != nil
    if let address = survey.link {
      link = "\(survey.linkIsSerial ? "UART" : "virtio console"), \(Self.hex(address))"
    }
    reservations = survey.reservationCount
    treeMoves = survey.treeMoves
    var lacks: [Lack] = []
    survey.forEachLack { part, sentence in
      lacks.append(
        Lack(subject: Self.subject(part), sentence: sentence.description.trimmed))
    }
    self.lacks = lacks
  }

  private static func subject(_ part: TreeSurvey.Part) -> String {
    switch part {
    case .processors: "CPUs"
    case .memory: "memory"
    case .interruptController: "interrupt controller"
    case .console: "console"
    case .link: "debug link"
    case .machine: "place and regions"
    }
  }

  /// For one tree: a paragraph.
  var text: String {
    var lines = [
      "\(name)\(model.isEmpty ? "" : ": \(model)")",
      "  starts                \(starts ? "yes" : "no")",
      "  CPUs                  \(cpus)\(start == "-" ? "" : ", started by \(start)")",
      "  memory                \(memory)",
      "  interrupt controller  \(interruptController)",
      "  console               \(console)\(hasMessages ? "" : ", which EL2 does not know: its messages are not seen")",
      "  debug link            \(link)",
      "  reservations          \(reservations)",
    ]
    if treeMoves { lines.append("  device tree           moves: there is no slack in it") }
    for lack in lacks { lines.append("  missing: \(lack.subject): \(lack.sentence)") }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  private static func size(_ bytes: UInt64) -> String {
    bytes >= 1 << 30
      ? "\((Double(bytes) / Double(1 << 30)).formatted(.number.precision(.fractionLength(0...1)))) GiB"
      : "\(bytes >> 20) MiB"
  }
}

extension DeviceTree.Text {
  /// The text, as a string of the host.
  fileprivate var string: String { String(decoding: (0..<count).map { self[$0] }, as: UTF8.self) }
}

extension DeviceTree.Node {
  /// The first, and so the most exact, of the models in `compatible`; or the node's name.
  fileprivate var firstModel: String {
    property("compatible")?.text?.string ?? name.string
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
