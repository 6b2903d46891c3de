internal import EL2Support
@main enum Hypervisor { static func main() {} }
@c(stepwell_boot) public func stepwellBoot(_ deviceTree: UInt64) { 
  el2_mmio_write32(0x0900_0000, 65)
  el2_mmio_write32(0x0900_0000, deviceTree == 0 ? 66 : 67)
  while true { el2_wfi() } }
@c(stepwell_secondary) public func stepwellSecondary(_ index: UInt64) { }
@c(stepwell_synchronous) public func stepwellSynchronous(_ frame: UnsafeMutableRawPointer) { }
@c(stepwell_irq) public func stepwellIRQ(_ frame: UnsafeMutableRawPointer) { }
@c(stepwell_fiq) public func stepwellFIQ(_ frame: UnsafeMutableRawPointer) { }
@c(stepwell_serror) public func stepwellSError(_ frame: UnsafeMutableRawPointer) { }
@c(stepwell_fault) public func stepwellFault(_ frame: UnsafeMutableRawPointer, _ kind: UInt64, _ sp: UInt64) { }
