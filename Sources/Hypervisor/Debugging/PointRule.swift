internal import ArmDebug
internal import RemoteProtocol

/// Which points a processor could ever meet, whoever holds its comparators now.
extension Point {
  /// Refuses a point that no access and no instruction can meet, and says why.
  ///
  /// - Instructions: A64's and A32's begin at multiples of four, T32's of two; `Z` says which it is by
  ///   the instruction's size, and GDB's sizes of T32 instructions are 2 and 3. PC never holds a tagged
  ///   or otherwise non-canonical address when a breakpoint is looked for: a branch takes an ignored
  ///   tag off, and the fetch from any other faults before (Arm ARM D1.3.5, "Prioritization of
  ///   Synchronous exceptions").
  /// - Data: an access may carry a tag in bits 63:56, which watchpoints ignore as TCR_EL1.TBIx has the
  ///   translation do (D2.10.2). Below, bits 55:N have to be equal.
  ///
  /// - Parameter virtualAddressBits: N, how many bits a virtual address has on this processor at most.
  func check(virtualAddressBits: Int) throws(PointError) {
    if kind.isBreakpoint {
      let isT32 = length == 2 || length == 3
      guard address & (isT32 ? 1 : 3) == 0 else {
        throw isT32
          ? .invalid(because: "No instruction begins at an odd address")
          : .invalid(because: "A64 instructions begin at multiples of 4 only")
      }
      guard address.isCanonical(virtualAddressBits) else {
        throw .invalid(
          because: "No instruction can be at this address: its upper bits must all be equal")
      }
      return
    }
    guard length > 0 else { throw .invalid(because: "A watchpoint of no bytes watches nothing") }
    let (last, wraps) = address.untagged.addingReportingOverflow(length &- 1)
    guard !wraps else {
      throw .invalid(because: "These bytes go beyond the end of the address space")
    }
    let first = address.untagged
    guard first.isCanonical(virtualAddressBits), last.isCanonical(virtualAddressBits),
      (first ^ last) &>> 63 == 0
    else {
      throw .invalid(
        because:
          "No data can be at these addresses: their upper bits, below the tag, must all be equal")
    }
  }
}

extension UInt64 {
  /// Whether bits 63:N are all equal, as translation demands of an address of N bits.
  fileprivate func isCanonical(_ bits: Int) -> Bool {
    let upper = Int64(bitPattern: self) &>> Int64(bits)
    return upper == 0 || upper == -1
  }
}
