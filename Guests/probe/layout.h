// Numbers that assembly and C share.
#pragma once

#define CPU_COUNT 8
#define CPU_SIZE 64
#define STACK_SHIFT 14
#define FRAME_SIZE 288

// The immediate of the SVC that ends a function at EL0.
#define EL0_RETURN 0xe10

// Immediates of the BRKs between which the debug topics step.
#define STEPS_BEGIN 0x5e0
#define STEPS_END 0x5e1
// The immediate of an SVC whose handler unmasks debug exceptions for a few instructions.
#define STEPS_NESTED 0x5e2
