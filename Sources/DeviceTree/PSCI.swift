extension DeviceTree {
  /// The firmware interface that starts and stops CPUs; nil if the tree has none.
  public func psci() throws(DeviceTreeError) -> PSCI? {
    var nodes = enabledNodes
    while let node = nodes.next() {
      if let version = PSCI.Version(of: node) { return try PSCI(node, version) }
    }
    return nil
  }

  /// The firmware's Power State Coordination Interface (Linux's `psci.yaml`).
  public struct PSCI {
    /// The instruction that calls the firmware.
    public enum Conduit: Equatable, Sendable {
      case smc
      case hvc
    }

    /// The least version that the firmware promises.
    public enum Version: Equatable, Sendable {
      /// The functions have the numbers that the node gives.
      case v0_1
      /// The functions have the numbers of the specification.
      case v0_2
      /// PSCI_FEATURES says which functions there are.
      case v1_0

      fileprivate init?(of node: Node) {
        if node.isCompatible(with: "arm,psci-1.0") {
          self = .v1_0
        } else if node.isCompatible(with: "arm,psci-0.2") {
          self = .v0_2
        } else if node.isCompatible(with: "arm,psci") {
          self = .v0_1
        } else {
          return nil
        }
      }
    }

    /// Whether a node, operational or not, is that of some version, or has the name that it has everywhere.
    static func isDescribed(by node: Node) -> Bool {
      Version(of: node) != nil || node.depth == 1 && node.name == "psci"
    }

    public let node: Node
    public let conduit: Conduit
    public let version: Version

    fileprivate init(_ node: Node, _ version: Version) throws(DeviceTreeError) {
      self.node = node
      self.version = version
      guard let method = node.property("method") else { throw .missingProperty }
      if method.text == "smc" {
        conduit = .smc
      } else if method.text == "hvc" {
        conduit = .hvc
      } else {
        throw .malformedProperty
      }
    }
  }
}
