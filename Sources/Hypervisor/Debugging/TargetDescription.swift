internal import RemoteProtocol

/// The numbers that the debugger knows registers by, and the XML that tells it so (GDB manual,
/// "AArch64 Features" and "Target Descriptions").
enum RegisterNumber: Equatable {
  /// x0 to x30.
  case general(Int)
  case stackPointer
  case programCounter
  case pstate
  /// v0 to v31, 128 bits each.
  case vector(Int)
  case fpsr
  case fpcr
  case system(GuestSystemRegister)

  /// x0 to x30, sp, pc and cpsr: what `g` carries.
  static let generalCount = 34

  private static let firstVector = 34
  private static let firstSystem = 68

  init?(_ number: Int) {
    switch number {
    case 0...30: self = .general(number)
    case 31: self = .stackPointer
    case 32: self = .programCounter
    case 33: self = .pstate
    case Self.firstVector..<66: self = .vector(number &- Self.firstVector)
    case 66: self = .fpsr
    case 67: self = .fpcr
    case Self.firstSystem..<(Self.firstSystem &+ GuestSystemRegister.count):
      guard let register = GuestSystemRegister(rawValue: UInt8(number &- Self.firstSystem)) else {
        return nil
      }
      self = .system(register)
    default: return nil
    }
  }

  /// Size in bytes.
  var size: Int {
    switch self {
    case .general, .stackPointer, .programCounter, .system: 8
    case .pstate, .fpsr, .fpcr: 4
    case .vector: 16
    }
  }
}

/// Writes the description. The names of the core registers are fixed: GDB refuses x29 and x30 under
/// any other. LLDB wants the floating-point feature even where there is SVE. The vector types are those of
/// GDB's own description of the feature, member for member.
///
/// GDB writes back every register after a call of a function that a user asks for (`print f(3)`), but for those
/// with `save-restore="no"`. Of the system registers none is the called function's to keep, several cannot be
/// written, and some change by themselves.
func writeTargetDescription(to output: inout some TextOutput & ~Copyable) {
  output.write(
    """
    <?xml version="1.0"?>
    <!DOCTYPE target SYSTEM "gdb-target.dtd">
    <target version="1.0">
    <architecture>aarch64</architecture>
    <feature name="org.gnu.gdb.aarch64.core">

    """)
  writeRegisters("<reg name=\"x", count: 31, "\" bitsize=\"64\"/>\n", to: &output)
  output.write(
    """
    <reg name="sp" bitsize="64" type="data_ptr"/>
    <reg name="pc" bitsize="64" type="code_ptr"/>
    <flags id="cpsr_flags" size="4">
    <field name="SP" start="0" end="0"/>
    <field name="EL" start="2" end="3"/>
    <field name="nRW" start="4" end="4"/>
    <field name="F" start="6" end="6"/>
    <field name="I" start="7" end="7"/>
    <field name="A" start="8" end="8"/>
    <field name="D" start="9" end="9"/>
    <field name="BTYPE" start="10" end="11"/>
    <field name="SSBS" start="12" end="12"/>
    <field name="IL" start="20" end="20"/>
    <field name="SS" start="21" end="21"/>
    <field name="PAN" start="22" end="22"/>
    <field name="UAO" start="23" end="23"/>
    <field name="DIT" start="24" end="24"/>
    <field name="TCO" start="25" end="25"/>
    <field name="V" start="28" end="28"/>
    <field name="C" start="29" end="29"/>
    <field name="Z" start="30" end="30"/>
    <field name="N" start="31" end="31"/>
    </flags>
    <reg name="cpsr" bitsize="32" type="cpsr_flags"/>
    </feature>
    <feature name="org.gnu.gdb.aarch64.fpu">
    <vector id="v2d" type="ieee_double" count="2"/>
    <vector id="v2u" type="uint64" count="2"/>
    <vector id="v2i" type="int64" count="2"/>
    <vector id="v4f" type="ieee_single" count="4"/>
    <vector id="v4u" type="uint32" count="4"/>
    <vector id="v4i" type="int32" count="4"/>
    <vector id="v8f" type="ieee_half" count="8"/>
    <vector id="v8u" type="uint16" count="8"/>
    <vector id="v8i" type="int16" count="8"/>
    <vector id="v8bf16" type="bfloat16" count="8"/>
    <vector id="v16u" type="uint8" count="16"/>
    <vector id="v16i" type="int8" count="16"/>
    <vector id="v1u" type="uint128" count="1"/>
    <vector id="v1i" type="int128" count="1"/>
    <union id="vnd">
    <field name="f" type="v2d"/><field name="u" type="v2u"/><field name="s" type="v2i"/>
    </union>
    <union id="vns">
    <field name="f" type="v4f"/><field name="u" type="v4u"/><field name="s" type="v4i"/>
    </union>
    <union id="vnh">
    <field name="bf" type="v8bf16"/><field name="f" type="v8f"/>
    <field name="u" type="v8u"/><field name="s" type="v8i"/>
    </union>
    <union id="vnb"><field name="u" type="v16u"/><field name="s" type="v16i"/></union>
    <union id="vnq"><field name="u" type="v1u"/><field name="s" type="v1i"/></union>
    <union id="aarch64v">
    <field name="d" type="vnd"/>
    <field name="s" type="vns"/>
    <field name="h" type="vnh"/>
    <field name="b" type="vnb"/>
    <field name="q" type="vnq"/>
    </union>

    """)
  writeRegisters(
    "<reg name=\"v", count: 32, "\" bitsize=\"128\" type=\"aarch64v\"/>\n", to: &output)
  output.write(
    """
    <reg name="fpsr" bitsize="32"/>
    <reg name="fpcr" bitsize="32"/>
    </feature>
    <feature name="org.stepwell.system">

    """)
  for number in 0..<UInt8(GuestSystemRegister.count) {
    guard let register = GuestSystemRegister(rawValue: number) else { continue }
    output.write("<reg name=\"")
    output.write(register.name)
    output.write("\" bitsize=\"64\" group=\"system\" save-restore=\"no\"/>\n")
  }
  output.write("</feature>\n</target>\n")
}

/// Writes a line for each number from 0 up.
@inline(never)
private func writeRegisters(
  _ head: StaticString, count: UInt64, _ tail: StaticString,
  to output: inout some TextOutput & ~Copyable
) {
  for number in 0..<count {
    output.write(head)
    output.write(decimal: number)
    output.write(tail)
  }
}
