// Registers of a GICv3 (Arm IHI 0069) at the addresses of QEMU's `virt`.
#pragma once

#define GICD 0x08000000ul
#define GICR(cpu) (0x080a0000ul + (cpu) * 0x20000ul)
#define GICR_SGI(cpu) (GICR(cpu) + 0x10000)

#define GICD_CTLR GICD
#define GICD_TYPER (GICD + 4)
#define GICR_WAKER(cpu) (GICR(cpu) + 0x14)

// GICD_CTLR.RWP: a write has not taken effect everywhere yet.
#define GICD_CTLR_RWP (1u << 31)
// ARE_NS and EnableGrp1. (With one Security state bit 4 is ARE.)
#define GICD_CTLR_ENABLED (1 << 4 | 1 << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1 << 2)

// Offsets that distributor and SGI frame have in common: one bit for each interrupt.
#define IGROUPR 0x080
#define ISENABLER 0x100
#define ICENABLER 0x180
#define ISPENDR 0x200
#define ICPENDR 0x280
#define ISACTIVER 0x300
#define ICACTIVER 0x380
#define IPRIORITYR 0x400
#define ICFGR 0xc00
#define IROUTER 0x6000
