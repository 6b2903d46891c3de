// What the shim's files share.
#pragma once

// As many processors as Stepwell takes: affinity 0 to 7.
#define CPU_COUNT 8

// What the shim keeps, with the image's first byte at a 2 MiB boundary and the payload behind it.
#define RESERVED_SIZE 0x200000
// Where in that the payload's device tree is, and the most bytes of it.
#define TREE_OFFSET 0x100000
#define TREE_SIZE 0x100000

// One processor's words.
#define CPU_SHIFT 5
#define CPU_POWER 0    // PSCI's AFFINITY_INFO: 0 on, 1 off, 2 being turned on
#define CPU_WANTS 8    // whether it wants the lock, or has it
#define CPU_ENTRY 16   // where CPU_ON has it begin, and x0 there
#define CPU_CONTEXT 24

#define STACK_SHIFT 8
