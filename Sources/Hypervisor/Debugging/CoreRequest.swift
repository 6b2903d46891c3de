internal import ArmDebug
internal import EL2Support

/// Something that only a vCPU's own core can do, asked of it by the core of the debug link while both
/// stand still: the vCPU's system and SIMD registers and its translation are live in that core.
struct CoreRequest {
  enum Kind {
    case readSystemRegister(GuestSystemRegister)
    case writeSystemRegister(GuestSystemRegister)
    case readVector(Int)
    case writeVector(Int)
    case readFPSR, writeFPSR, readFPCR, writeFPCR
    case readStackPointer(el1: Bool)
    case writeStackPointer(el1: Bool)
    /// PAR_EL1 of the virtual address in `low`, by stage 1 alone. It fails where the walk is aborted.
    case translate
    /// The register of a device at the physical address in `high`; 1, 2, 4 or 8 bytes.
    case readDevice(size: Int)
    case writeDevice(size: Int)
  }

  var kind: Kind
  /// The value to write, or the one that was read; a SIMD register has both halves.
  var low: UInt64 = 0
  var high: UInt64 = 0
  /// Whether it could be done.
  var succeeded = true

  /// Does it on the core that executes this.
  mutating func perform() {
    switch kind {
    case .readSystemRegister(let register): low = register.read()
    case .writeSystemRegister(let register): succeeded = register.write(low)
    case .readVector(let n): readVector(n)
    case .writeVector(let n): writeVector(n)
    case .readFPSR: low = el2_read_fpsr()
    case .writeFPSR: el2_write_fpsr(low)
    case .readFPCR: low = el2_read_fpcr()
    case .writeFPCR: el2_write_fpcr(low)
    case .readStackPointer(let el1): low = el1 ? el2_read_sp_el1() : el2_read_sp_el0()
    case .writeStackPointer(let el1):
      if el1 { el2_write_sp_el1(low) } else { el2_write_sp_el0(low) }
    case .translate: translate()
    case .readDevice(let size): accessDevice(size, writing: nil)
    case .writeDevice(let size): accessDevice(size, writing: low)
    }
  }

  private mutating func translate() {
    let address = VirtualAddress(low)
    guard let stage1 = CoreAddressHardware().translate(address, from: .el1, isStore: false) else {
      succeeded = false
      return
    }
    low = stage1.rawValue
  }

  private mutating func accessDevice(_ size: Int, writing value: UInt64?) {
    guard let result = GuestDevices.access(PhysicalAddress(high), size: size, writing: value) else {
      succeeded = false
      return
    }
    low = result
  }

  private mutating func readVector(_ n: Int) {
    var halves: InlineArray<2, UInt64> = [0, 0]
    var span = halves.mutableSpan
    // The assembly stores 16 bytes, which is what the span has.
    unsafe span.withUnsafeMutableBufferPointer {
      unsafe el2_read_vector(UInt32(truncatingIfNeeded: n), $0.baseAddress)
    }
    low = halves[0]
    high = halves[1]
  }

  /// Changes V<n>, and nothing of what lies above it in Z<n>, which a write of V<n> clears.
  private func writeVector(_ n: Int) {
    let register = UInt32(truncatingIfNeeded: n)
    guard hasScalableVectors else {
      let halves: InlineArray<2, UInt64> = [low, high]
      // The assembly loads 16 bytes, which is what the span has.
      unsafe halves.span.withUnsafeBufferPointer {
        unsafe el2_write_vector(register, $0.baseAddress)
      }
      return
    }
    // 2048 bits are the most that there can be; EL2 has whatever the processor has (ZCR_EL2, SMCR_EL2).
    var whole = InlineArray<32, UInt64>(repeating: 0)
    var span = whole.mutableSpan
    // The assembly stores, and then loads, at most the 256 bytes that the span has.
    unsafe span.withUnsafeMutableBufferPointer {
      unsafe el2_read_scalable_vector(register, $0.baseAddress)
    }
    whole[0] = low
    whole[1] = high
    unsafe whole.span.withUnsafeBufferPointer {
      unsafe el2_write_scalable_vector(register, $0.baseAddress)
    }
  }

  /// Whether Z0 to Z31 can be accessed: with SVE always; with SME alone in streaming mode (SVCR.SM), which the
  /// guest was left in.
  private var hasScalableVectors: Bool {
    let cpu = EL2.current.value.features
    return cpu.sve || cpu.sme && el2_read_svcr() & 1 != 0
  }
}
