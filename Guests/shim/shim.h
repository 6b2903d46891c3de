// Numbers that the files of the shim share.
#pragma once

// The number of processors that Stepwell takes: affinity 0 to 7.
#define CPU_COUNT 8

// The size of the shim's memory. The image begins at a 2 MiB boundary, and the payload follows the shim.
#define RESERVED_SIZE 0x200000
// The place of the payload's device tree in that memory, and its greatest size.
#define TREE_OFFSET 0x100000
#define TREE_SIZE 0x100000

// Words of one processor.
#define CPU_SHIFT 5
#define CPU_POWER 0    // PSCI's AFFINITY_INFO: 0 on, 1 off, 2 being turned on
#define CPU_WANTS 8    // 1 while it wants or has the lock
#define CPU_ENTRY 16   // its entry after CPU_ON, and then its x0
#define CPU_CONTEXT 24

#define STACK_SHIFT 8
