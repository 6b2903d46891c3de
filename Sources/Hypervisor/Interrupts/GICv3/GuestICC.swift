internal import ArmDebug

// The guest's accesses of its CPU interface's system registers that trap (ESR_EL2.EC 0x18; IHI 0069, 12.2).

/// What the guest does after a trapped access of an ICC register.
enum TrappedInterruptAccess: Equatable, Sendable {
  /// The access is complete: the guest goes on behind it.
  case completed
  /// The access does not trap any more: the guest executes it again.
  case repeated
}

/// The register that an SGI was requested through.
enum SGIRegister: Equatable, Sendable {
  case sgi0, sgi1, asgi1

  /// The SGI register of that encoding, or nil.
  init?(_ encoding: SystemRegister) {
    switch encoding {
    case .iccSGI1R: self = .sgi1
    case .iccASGI1R: self = .asgi1
    case .iccSGI0R: self = .sgi0
    default: return nil
    }
  }
}

extension SystemRegister {
  fileprivate static let iccDIR = SystemRegister(3, 0, 12, 11, 1)
  fileprivate static let iccSGI1R = SystemRegister(3, 0, 12, 11, 5)
  fileprivate static let iccASGI1R = SystemRegister(3, 0, 12, 11, 6)
  fileprivate static let iccSGI0R = SystemRegister(3, 0, 12, 11, 7)
}

extension InterruptController where Hardware: GICv3Access & ~Copyable {
  /// Completes a trapped access of the CPU interface, `value` being what is written.
  ///
  /// - Returns: nil if the register is none of the CPU interface's.
  func accessCPUInterface(
    _ access: SystemRegisterAccess, value: UInt64, _ interface: inout VirtualCPUInterface
  ) -> TrappedInterruptAccess? {
    if let register = SGIRegister(access.register), !access.isRead {
      requestSGI(register, value, from: interface)
      return .completed
    }
    // ICC_DIR_EL1 traps only while something active is outside the list registers.
    if access.register == .iccDIR, !access.isRead {
      deactivate(InterruptNumber(UInt32(truncatingIfNeeded: value & 0xff_ffff)), &interface)
      return .completed
    }
    guard access.register.isInterruptControllerInterface else { return nil }
    guestAcknowledges(&interface)
    return .repeated
  }

  /// A guest's write of one of the SGI registers, which trap to EL2 with HCR_EL2.IMO and FMO set.
  ///
  /// ICC_SGI1R_EL1 makes SGIs of both groups pending, the other two, for which there is no other
  /// Security state, those of group 0 only (IHI 0069, 8.1.10 and 8.1.16).
  func requestSGI(
    _ register: SGIRegister, _ value: UInt64, from interface: borrowing VirtualCPUInterface
  ) {
    let request = ICC_SGIR(rawValue: value)
    if request.isForAllOthers {
      for processor in 0..<processorCount where processor != interface.processor {
        send(request.sgi, by: register, to: processor, from: interface)
      }
      return
    }
    var targets = request.targetList
    while targets != 0 {
      let target = request.target(targets.trailingZeroBitCount)
      targets &= targets &- 1
      guard let processor = hardware.processor(of: target) else { continue }
      send(request.sgi, by: register, to: processor, from: interface)
    }
  }

  private func send(
    _ sgi: InterruptNumber, by register: SGIRegister, to processor: Int,
    from interface: borrowing VirtualCPUInterface
  ) {
    guard register == .sgi1 || privateInterrupts[processor].group(of: sgi) == .group0 else {
      return
    }
    sendSGI(sgi, to: processor, from: interface)
  }

  /// Fast path for a guest's write of ICC_SGI1R_EL1 that is for other vCPUs alone: nothing changes for the one that
  /// goes on.
  ///
  /// - Returns: false, and nothing is done, if it is for the writing vCPU too.
  @inline(__always)
  func requestSGIOnFastPath(
    _ value: UInt64, from interface: borrowing VirtualCPUInterface
  ) -> Bool {
    let own = hardware.affinity(of: interface.processor)
    guard !ICC_SGIR(rawValue: value).isFor(own, from: own) else { return false }
    requestSGI(.sgi1, value, from: interface)
    return true
  }
}
