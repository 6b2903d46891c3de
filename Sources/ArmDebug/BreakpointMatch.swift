/// The identifiers that context-aware breakpoints compare with.
public struct ContextIdentifiers: Equatable, Sendable {
  /// CONTEXTIDR_EL1.
  public var contextIDR: UInt32
  /// VTTBR_EL2.VMID.
  public var vmid: UInt16

  public init(contextIDR: UInt32, vmid: UInt16) {
    self.contextIDR = contextIDR
    self.vmid = vmid
  }
}

extension Breakpoint {
  /// Whether the address that an address breakpoint compares is that of the instruction at `pc`
  /// (pseudocode AArch64.BreakpointValueMatch). BAS selects the halfword, so that T32 instructions
  /// can be told apart; for A64 it has to select the first.
  public func matchesAddress(_ pc: UInt64) -> Bool {
    control.comparesAddress
      && (value ^ pc)[bits: 2...55] == 0
      && control.bas &>> (pc & 0b11) & 1 != 0
  }

  /// Whether this can be the partner of a link, provided that the breakpoint is context-aware.
  // mutant: linkPartnerType
  public var isLinkPartner: Bool { control.e && control.comparesContext && control.isLinked }

  /// Whether the identifiers that a context breakpoint compares are the current ones. The forms
  /// that compare CONTEXTIDR_EL2 do not match: a guest without an EL2 of its own has none.
  public func matchesContext(_ context: ContextIdentifiers) -> Bool {
    // mutant: contextCompared
    let contextMatches = UInt32(truncatingIfNeeded: value) == context.contextIDR
    // mutant: vmidCompared
    let vmidMatches = UInt16(truncatingIfNeeded: value &>> 32) == context.vmid
    return switch control.bt {
    case .context, .linkedContext, .contextEL1, .linkedContextEL1: contextMatches
    case .vmid, .linkedVMID: vmidMatches
    case .vmidAndContext, .linkedVMIDAndContext: contextMatches && vmidMatches
    case .address, .linkedAddress, .mismatch, .linkedMismatch, .contextEL2, .linkedContextEL2,
      .fullContext, .linkedFullContext:
      false
    }
  }
}

extension ComparatorBank {
  /// Whether breakpoint `n` fires for the instruction at `pc`, at `el`, in `context`: pseudocode
  /// AArch64.BreakpointMatch, without the masks that decide whether a match is an exception.
  public func breakpoint(
    _ n: Int, matches pc: UInt64, at el: ExceptionLevel, in context: ContextIdentifiers,
    of capabilities: DebugCapabilities
  ) -> Bool {
    guard 0..<capabilities.breakpointCount ~= n else { return false }
    let breakpoint = breakpoints[n]
    guard breakpoint.control.e, breakpoint.control.privilege.contains(el) else { return false }
    switch breakpoint.control.bt {
    case .address:
      return breakpoint.matchesAddress(pc)
    case .linkedAddress:
      return breakpoint.matchesAddress(pc)
        && link(breakpoint.control.lbn, matches: context, of: capabilities)
    case .context, .contextEL1, .vmid, .vmidAndContext:
      return capabilities.isContextAware(n) && breakpoint.matchesContext(context)
    default:
      // The partner of a link fires nothing by itself, and the rest is not for AArch64 EL1.
      return false
    }
  }

  /// Whether the breakpoint that a link names can be the partner of one: it exists, is
  /// context-aware, enabled and of a linked context type. A link that leads anywhere else never
  /// matches.
  public func isLinkPartner(_ n: Int, of capabilities: DebugCapabilities) -> Bool {
    capabilities.isContextAware(n) && breakpoints[n].isLinkPartner
  }

  private func link(
    _ n: Int, matches context: ContextIdentifiers, of capabilities: DebugCapabilities
  ) -> Bool {
    isLinkPartner(n, of: capabilities) && breakpoints[n].matchesContext(context)
  }

  /// Whether watchpoint `n` fires for an access at `el` to `size` bytes at `address`, in `context`:
  /// pseudocode AArch64.WatchpointMatch, without the masks. An unprivileged load or store (LDTR,
  /// STTR) at EL1 is an access at EL0.
  public func watchpoint(
    _ n: Int, matches address: UInt64, size: UInt64, kind: AccessKind, at el: ExceptionLevel,
    in context: ContextIdentifiers, of capabilities: DebugCapabilities
  ) -> Bool {
    guard 0..<capabilities.watchpointCount ~= n else { return false }
    let watchpoint = watchpoints[n]
    guard watchpoint.control.e, watchpoint.control.privilege.contains(el),
      watchpoint.control.watches(kind)
    else { return false }
    if watchpoint.control.wt,
      !link(watchpoint.control.lbn, matches: context, of: capabilities)
    {
      return false
    }
    return watchpoint.range?.overlaps(address, size: size) ?? false
  }
}
