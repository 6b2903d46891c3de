internal import DeviceTree
internal import Foundation

/// The device tree of a board that QEMU emulates without having a tree for it.
enum BoardTree {
  /// A ZCU102's. QEMU does not emulate the processor that gives the board its clocks, power domains and pins, and Linux
  /// would wait for that for ever: so the console's UART is given a fixed clock, and what else it has of that processor
  /// is taken away.
  ///
  /// - Throws: `Failure` if Debian's archive cannot be reached.
  static func zcu102() async throws -> Data {
    let file = "xilinx/zynqmp-zcu102-rev1.0.dtb"
    let contents = try Data(
      contentsOf: try await KernelTrees.prepare().folder.appending(path: file))
    do throws(DeviceTreeError) {
      return try edited(contents) { (tree) throws(DeviceTreeError) in
        var edits = DeviceTree.Edits(of: tree)
        guard let console = tree.standardOutput,
          let number = try tree.node(at: "/pss_ref_clk")?.cell("phandle")
        else { throw .missingProperty }
        let phandle = UInt64(number)
        // uart_clk and pclk.
        try edits.set("clocks", to: phandle << 32 | phandle, of: console)
        try edits.remove("power-domains", of: console)
        try edits.remove("pinctrl-0", of: console)
        try edits.remove("pinctrl-names", of: console)
        return edits
      }
    } catch {
      throw Failure("\(file) of Debian's kernel package cannot be edited: \(error.sentence)")
    }
  }

  private static func edited(
    _ contents: Data, by edits: (DeviceTree) throws(DeviceTreeError) -> DeviceTree.Edits
  ) throws(DeviceTreeError) -> Data {
    // A blob is read in place, at a multiple of 8.
    let old = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(contents.count, 8), alignment: 8)
    // Nothing of the tree outlives this function: what it returns is a copy.
    defer { unsafe old.deallocate() }
    unsafe contents.copyBytes(to: old)
    let tree = unsafe try DeviceTree(validating: UnsafeRawBufferPointer(old))
    let edits = try edits(tree)
    let new = UnsafeMutableRawBufferPointer.allocate(
      byteCount: try tree.size(with: edits), alignment: 8)
    defer { unsafe new.deallocate() }
    let size = unsafe try tree.write(edits, into: new)
    return unsafe Data(new[..<size])
  }
}
