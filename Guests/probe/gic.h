// The GICv3 (Arm IHI 0069) as a guest drives it: group 1, system registers, EOImode 0.
#pragma once

#include "probe.h"

#define GICD 0x08000000ul
#define GICR(cpu) (0x080a0000ul + (cpu) * 0x20000ul)
#define GICR_SGI(cpu) (GICR(cpu) + 0x10000)

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

#define SPURIOUS 1023

// How many INTIDs the distributor has.
unsigned interrupt_count(void);

// Prepares the distributor: everything disabled, in group 1, routed to vCPU 0.
void start_distributor(void);
// Prepares this processor's redistributor and CPU interface.
void start_cpu_interface(void);
// The same, but leaves GICR_WAKER as it is after a reset.
void start_cpu_interface_unwoken(void);

// The frame and the bit registers' offset of `number`; private interrupts are this processor's.
uintptr_t bit_register(unsigned offset, unsigned number);
void set_bit(unsigned offset, unsigned number);
bool is_bit_set(unsigned offset, unsigned number);
void set_priority(unsigned number, uint8_t priority);
void set_edge(unsigned number, bool edge);
void route(unsigned number, unsigned cpu);

// Sends SGI `number` to vCPU `cpu`, or to all but the sender.
void send_sgi(unsigned number, unsigned cpu);
void send_sgi_to_others(unsigned number);

unsigned acknowledge(void);
void end_of_interrupt(unsigned number);
