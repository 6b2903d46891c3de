// Numbers that assembly and C share.
#pragma once

#define CPU_COUNT 64
#define STACK_SHIFT 12
