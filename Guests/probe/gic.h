// The GICv3 (Arm IHI 0069) as a guest drives it: group 1, system registers, EOImode 0.
#pragma once

#include "../common/gicregs.h"
#include "probe.h"

#define SPURIOUS 1023

// How many INTIDs the distributor has.
unsigned interrupt_count(void);

// Prepares the distributor: everything disabled, in group 1, routed to vCPU 0.
void start_distributor(void);
// Prepares this processor's redistributor and CPU interface.
void start_cpu_interface(void);
// The same, but leaves GICR_WAKER as it is after a reset.
void start_cpu_interface_unwoken(void);

// The address of the bit register of `number` at `offset`. Private interrupts are those of this processor.
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
