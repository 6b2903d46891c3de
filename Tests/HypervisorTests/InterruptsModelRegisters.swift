@testable import Hypervisor

// The memory-mapped registers of the model, by the offsets of IHI 0069, 12.9 and 12.11.

extension InterruptModel {
  /// The kinds of register that have a field for each interrupt.
  private enum Field {
    case group, setEnable, clearEnable, setPending, clearPending, setActive, clearActive
    case priority, configuration, route
  }

  /// Which register is at `offset`, and the interrupt whose field contains or begins at that byte.
  private func field(_ frame: GICv3Frame, _ offset: Int) -> (Field, UInt32)? {
    func first(_ base: Int, _ number: Int, _ perByte: Int) -> UInt32 {
      UInt32(number + (offset - base) * perByte)
    }
    if case .redistributor = frame {
      let bits: [(Int, Field)] = [
        (0x10080, .group), (0x10100, .setEnable), (0x10180, .clearEnable), (0x10200, .setPending),
        (0x10280, .clearPending), (0x10300, .setActive), (0x10380, .clearActive),
      ]
      for (base, field) in bits where (base..<base + 12).contains(offset) {
        return (field, [0, 1056, 1088][(offset - base) / 4])
      }
      switch offset {
      case 0x10400..<0x10420: return (.priority, first(0x10400, 0, 1))
      case 0x10420..<0x10460: return (.priority, first(0x10420, 1056, 1))
      case 0x10c00..<0x10c08: return (.configuration, first(0x10c00, 0, 4))
      case 0x10c08..<0x10c18: return (.configuration, first(0x10c08, 1056, 4))
      default: return nil
      }
    }
    switch offset {
    case 0x0084..<0x0100: return (.group, first(0x0080, 0, 8))
    case 0x0104..<0x0180: return (.setEnable, first(0x0100, 0, 8))
    case 0x0184..<0x0200: return (.clearEnable, first(0x0180, 0, 8))
    case 0x0204..<0x0280: return (.setPending, first(0x0200, 0, 8))
    case 0x0284..<0x0300: return (.clearPending, first(0x0280, 0, 8))
    case 0x0304..<0x0380: return (.setActive, first(0x0300, 0, 8))
    case 0x0384..<0x0400: return (.clearActive, first(0x0380, 0, 8))
    case 0x0420..<0x07fc: return (.priority, first(0x0400, 0, 1))
    case 0x0c08..<0x0d00: return (.configuration, first(0x0c00, 0, 4))
    case 0x1000..<0x1080: return (.group, first(0x1000, 4096, 8))
    case 0x1200..<0x1280: return (.setEnable, first(0x1200, 4096, 8))
    case 0x1400..<0x1480: return (.clearEnable, first(0x1400, 4096, 8))
    case 0x1600..<0x1680: return (.setPending, first(0x1600, 4096, 8))
    case 0x1800..<0x1880: return (.clearPending, first(0x1800, 4096, 8))
    case 0x1a00..<0x1a80: return (.setActive, first(0x1a00, 4096, 8))
    case 0x1c00..<0x1c80: return (.clearActive, first(0x1c00, 4096, 8))
    case 0x2000..<0x2400: return (.priority, first(0x2000, 4096, 1))
    case 0x3000..<0x3100: return (.configuration, first(0x3000, 4096, 4))
    case 0x6100..<0x7fe0: return (.route, UInt32(offset - 0x6000) / 8)
    case 0x8000..<0xa000: return (.route, 4096 + UInt32(offset - 0x8000) / 8)
    default: return nil
    }
  }

  private subscript(frame: GICv3Frame, number: UInt32) -> Source {
    get {
      guard case .redistributor(let core) = frame else { return shared[number] }
      return cores[core].secure.contains(number) ? Source() : cores[core].sources[number]
    }
    set {
      guard case .redistributor(let core) = frame else { return shared[number] = newValue }
      if !cores[core].secure.contains(number) { cores[core].sources[number] = newValue }
    }
  }

  func read32(_ frame: GICv3Frame, _ offset: Int) -> UInt32 {
    precondition(offset % 4 == 0)
    guard let (field, first) = field(frame, offset) else { return readOther(frame, offset) }
    var value: UInt32 = 0
    switch field {
    case .route:
      return UInt32(truncatingIfNeeded: self[frame, first].route >> (offset % 8 == 0 ? 0 : 32))
    case .priority:
      for n: UInt32 in 0..<4 { value |= UInt32(seen(self[frame, first + n].priority)) << (8 * n) }
    case .configuration:
      for n: UInt32 in 0..<16 where self[frame, first + n].isEdge { value |= 0b10 << (2 * n) }
    default:
      for n: UInt32 in 0..<32 {
        let source = self[frame, first + n]
        let bit =
          switch field {
          case .group: hasSingleSecurityState && source.isGroup1
          case .setEnable, .clearEnable: source.isEnabled
          case .setPending, .clearPending: source.isPending
          default: source.isActive
          }
        if bit { value |= 1 << n }
      }
    }
    return value
  }

  private func readOther(_ frame: GICv3Frame, _ offset: Int) -> UInt32 {
    guard case .redistributor(let core) = frame else {
      switch offset {
      case 0x0: return distributorControl | (neverCompletesWrites ? 1 << 31 : 0)
      case 0x4: return distributorType
      case 0xffe8: return 0x3b
      default: return 0
      }
    }
    switch offset {
    case 0x14:
      if neverWakes { return cores[core].waker | 0b100 }
      return hasSingleSecurityState || showsMeaninglessSleep ? cores[core].waker : 0
    case 0x0 where neverCompletesWrites:
      return UInt32(truncatingIfNeeded: cores[core].registers[0] ?? 0) | 1 << 3
    case 0x8: return UInt32(core) << 8 | 2 << 27
    case 0xc: return UInt32(cores[core].affinity & 0xff_ffff | (cores[core].affinity >> 32) << 24)
    default: return UInt32(truncatingIfNeeded: cores[core].registers[UInt32(offset)] ?? 0)
    }
  }

  func write32(_ frame: GICv3Frame, _ offset: Int, _ value: UInt32) {
    precondition(offset % 4 == 0)
    guard let (field, first) = field(frame, offset) else {
      return writeOther(frame, offset, value)
    }
    switch field {
    case .route:
      let old = self[frame, first].route
      self[frame, first].route =
        offset % 8 == 0
        ? (old >> 32) << 32 | UInt64(value) : old & 0xffff_ffff | UInt64(value) << 32
    case .priority:
      for n in 0..<4 { write8(frame, offset + n, UInt8(truncatingIfNeeded: value >> (8 * n))) }
    case .configuration:
      for n: UInt32 in 0..<16 where first + n >= 16 {
        self[frame, first + n].isEdge = value & 0b10 << (2 * n) != 0
      }
    default:
      for n: UInt32 in 0..<32 {
        let bit = value & 1 << n != 0
        if field == .group {
          if hasSingleSecurityState { self[frame, first + n].isGroup1 = bit }
        } else if bit {
          switch field {
          case .setEnable: self[frame, first + n].isEnabled = true
          case .clearEnable: self[frame, first + n].isEnabled = false
          case .setPending: self[frame, first + n].isLatched = true
          case .clearPending: self[frame, first + n].isLatched = false
          case .setActive: self[frame, first + n].isActive = true
          default: self[frame, first + n].isActive = false
          }
        }
      }
    }
  }

  private func writeOther(_ frame: GICv3Frame, _ offset: Int, _ value: UInt32) {
    guard case .redistributor(let core) = frame else {
      switch offset {
      case 0x0:
        // Without a choice of groups there is EnableGrp1A only.
        distributorControl =
          distributorControl & 0x40 | value & (hasSingleSecurityState ? 0x13 : 0x12)
      case 0x40: shared[value].isLatched = true
      case 0x48: shared[value].isLatched = false
      default: otherWrites[offset] = UInt64(value)
      }
      return
    }
    if offset == 0x14 {
      if hasSingleSecurityState { cores[core].waker = value & 0b10 | (value & 0b10) << 1 }
    } else {
      cores[core].registers[UInt32(offset)] = UInt64(value)
    }
  }

  func read8(_ frame: GICv3Frame, _ offset: Int) -> UInt8 {
    guard case (.priority, let number)? = field(frame, offset) else {
      fatalError("not byte-accessible")
    }
    return seen(self[frame, number].priority)
  }

  func write8(_ frame: GICv3Frame, _ offset: Int, _ value: UInt8) {
    guard case (.priority, let number)? = field(frame, offset) else {
      fatalError("not byte-accessible")
    }
    self[frame, number].priority = kept(value)
  }

  func read64(_ frame: GICv3Frame, _ offset: Int) -> UInt64 {
    precondition(offset % 8 == 0)
    if case .redistributor(let core) = frame, offset == 0x70 || offset == 0x78 {
      return cores[core].registers[UInt32(offset)] ?? 0
    }
    return UInt64(read32(frame, offset)) | UInt64(read32(frame, offset + 4)) << 32
  }

  func write64(_ frame: GICv3Frame, _ offset: Int, _ value: UInt64) {
    precondition(offset % 8 == 0)
    if case .redistributor(let core) = frame {
      cores[core].registers[UInt32(offset)] = value
      return
    }
    write32(frame, offset, UInt32(truncatingIfNeeded: value))
    write32(frame, offset + 4, UInt32(value >> 32))
  }
}
