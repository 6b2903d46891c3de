// The guest's accesses of the redistributors (IHI 0069, 12.11).

extension InterruptController where Hardware: ~Copyable {
  /// Completes an access of the redistributor of vCPU `processor` by the vCPU of `interface`, as
  /// `accessDistributor` does. The offset counts from RD_base.
  @_optimize(size)
  func accessRedistributor(
    of processor: Int, _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    // Above the two frames are those of virtual LPIs, which are EL2's and stay unused.
    guard access.isAligned && access.offset < 0x2_0000,
      processor >= 0 && processor < processorCount
    else { return 0 }
    let frame = InterruptFrame.redistributor(processor)
    if let field = InterruptRegister.field(inRedistributorAt: access.offset) {
      return accessField(field, in: frame, access, by: &interface)
    }
    switch access.offset {
    case RedistributorOffset.type..<RedistributorOffset.type &+ 8:
      guard access.value == nil, access.size >= 4 else { return 0 }
      let type = RedistributorType.guests(
        hardware.read64(frame, RedistributorOffset.type),
        isLast: lastProcessors >> UInt32(processor) & 1 != 0)
      return Self.part(of: type, access)
    case RedistributorOffset.waker where access.size == 4:
      return accessWaker(of: processor, access, by: interface.processor)
    case RedistributorOffset.control where access.size == 4:
      guard let word = access.word else {
        let value = hardware.read32(frame, access.offset)
        let waits = processor != interface.processor && isRevalidationPending(on: processor)
        return UInt64(waits ? value | RedistributorOffset.writePending : value)
      }
      hardware.write32(frame, access.offset, word)
      return 0
    case RedistributorOffset.propertyBase where access.value != nil && access.size >= 4:
      passThrough(frame, access.with(numberBitsAtMost: 15))
      return 0
    case RedistributorOffset.setLPI..<RedistributorOffset.clearLPI &+ 8,
      RedistributorOffset.propertyBase..<RedistributorOffset.pendingBase &+ 8,
      RedistributorOffset.invalidateLPI..<RedistributorOffset.invalidateLPI &+ 8,
      RedistributorOffset.invalidateAll..<RedistributorOffset.invalidateAll &+ 8:
      return passThrough(frame, access)
    default:
      // As in the distributor: the rest may be read.
      return access.value == nil ? passThrough(frame, access) : 0
    }
  }

  /// Completes an access of the redistributor of a core that has no vCPU: it is there to be passed by,
  /// and nothing can be changed. The offset counts from RD_base.
  ///
  /// - Parameters:
  ///   - isLast: whether it is the last of its region that the guest finds.
  ///   - read32: reads a register of the hardware's.
  static func accessUnusedRedistributor(
    _ access: RegisterAccess, isLast: Bool, read32: (_ offset: Int) -> UInt32
  ) -> UInt64 {
    guard access.isAligned, access.value == nil, access.size >= 4 else { return 0 }
    switch access.offset {
    case RedistributorOffset.type..<RedistributorOffset.type &+ 8:
      let type =
        UInt64(read32(RedistributorOffset.type))
        | UInt64(read32(RedistributorOffset.type &+ 4)) << 32
      return part(of: RedistributorType.guests(type, isLast: isLast), access)
    case RedistributorOffset.implementer, RedistributorOffset.identification:
      return access.size == 4 ? UInt64(read32(access.offset)) : 0
    default:
      return 0
    }
  }

  /// What a read of 4 or 8 bytes has of a register of 64 bits.
  private static func part(of value: UInt64, _ access: RegisterAccess) -> UInt64 {
    access.size == 8 ? value : value >> (UInt64(access.offset & 4) &* 8) & 0xffff_ffff
  }

  /// GICR_WAKER. In hardware the redistributor is awake as long as EL2 needs it; the guest's own
  /// bit says whether its vCPU gets anything, and takes effect at once.
  @_optimize(size)
  private func accessWaker(
    of processor: Int, _ access: RegisterAccess, by author: Int
  ) -> UInt64 {
    guard distributor.hasSingleSecurityState else { return 0 }
    if let word = access.word {
      redistributors[processor].setAsleep(word & RedistributorOffset.processorSleep != 0)
      changed(for: processor, by: author)
      return 0
    }
    let asleep = RedistributorOffset.processorSleep | RedistributorOffset.childrenAsleep
    return redistributors[processor].isAsleep ? UInt64(asleep) : 0
  }

  @discardableResult
  @_optimize(size)
  private func passThrough(_ frame: InterruptFrame, _ access: RegisterAccess) -> UInt64 {
    switch (access.size, access.value) {
    case (4, let value?):
      hardware.write32(frame, access.offset, UInt32(truncatingIfNeeded: value))
    case (8, let value?):
      hardware.write64(frame, access.offset, value)
    case (4, nil):
      return UInt64(hardware.read32(frame, access.offset))
    case (8, nil):
      return hardware.read64(frame, access.offset)
    default:
      break
    }
    return 0
  }
}

extension RegisterAccess {
  /// A write of GICR_PROPBASER with IDbits, [4:0], limited: LPIs that EL2 could not queue must not
  /// be delivered.
  @_optimize(size)
  fileprivate func with(numberBitsAtMost limit: UInt64) -> RegisterAccess {
    guard let value else { return self }
    return .write(offset, size: size, value & ~0x1f | min(value & 0x1f, limit))
  }
}
