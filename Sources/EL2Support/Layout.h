// What assembly and Swift agree on. `HypervisorTests` compares these with the Swift types.

#pragma once

// TrapFrame: x0 to x30, then ELR_EL2 and SPSR_EL2, rounded up to keep SP 16-byte aligned.
#define FRAME_PC 248
#define FRAME_PSTATE 256
#define FRAME_SIZE 272

#define STACK_SIZE 0x10000
