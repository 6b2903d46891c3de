extension DeviceTree {
  /// The CPUs that the tree describes, in its order, except for CPUs that have failed.
  ///
  /// A CPU whose status is "disabled" waits to be started (Devicetree Specification v0.4, 3.8.1). It is among
  /// them, as it is for Linux.
  ///
  /// - Throws: now, if any CPU has no proper `reg`, so that iterating cannot fail.
  public func processors() throws(DeviceTreeError) -> Processors {
    guard let cpus = root.child(named: "cpus") else { throw .missingProperty }
    let processors = Processors(children: cpus.children)
    var candidates = cpus.children
    while let node = candidates.next() {
      if Processors.isProcessor(node) { _ = try Processor(node) }
    }
    return processors
  }

  /// A CPU of a device tree (Devicetree Specification v0.4, 3.8; Linux's `arm/cpus.yaml`).
  public struct Processor {
    public let node: Node
    /// The affinity fields of its MPIDR_EL1, at their places in that register.
    public let affinity: UInt64

    /// How an operating system starts a CPU (`enable-method`).
    public enum StartMethod: Equatable, Sendable {
      /// By the firmware's CPU_ON.
      case psci
      /// By the address of its first instruction, little-endian in the doubleword at `releaseAddress`, and SEV
      /// (Linux, Documentation/arch/arm64/booting.rst). Several CPUs may share a doubleword. The address is nil
      /// where the boot loader has not filled it in.
      case spinTable(releaseAddress: UInt64?)
      /// None that is known, or none at all.
      case unknown
    }

    /// How the CPU is started.
    public var startMethod: StartMethod {
      // Some trees say it once for all, in /cpus.
      guard
        let method = node.property("enable-method") ?? node.parent?.property("enable-method")
      else { return .unknown }
      if method.index(of: "psci") != nil { return .psci }
      guard method.index(of: "spin-table") != nil else { return .unknown }
      let address = node.property("cpu-release-addr")?.number
      return .spinTable(releaseAddress: address == 0 ? nil : address)
    }

    fileprivate init(_ node: Node) throws(DeviceTreeError) {
      guard let reg = node.property("reg") else { throw .missingProperty }
      guard let affinity = reg.number else { throw .malformedProperty }
      self.node = node
      self.affinity = affinity
    }
  }

  /// The CPUs of a device tree.
  public struct Processors: IteratorProtocol {
    fileprivate var children: Children

    public mutating func next() -> Processor? {
      while let node = children.next() {
        if Processors.isProcessor(node) { return try? Processor(node) }
      }
      return nil
    }

    fileprivate static func isProcessor(_ node: Node) -> Bool {
      guard node.isOfType("cpu") else { return false }
      return node.property("status")?.text?.starts(with: "fail") != true
    }
  }
}
