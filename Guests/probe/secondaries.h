// Secondary processors.
#pragma once

#include "probe.h"

// The number of processors with affinity 0 to 7 that firmware knows.
unsigned cpu_count(void);

// Starts vCPU `index` in `work`. When `work` returns, the vCPU turns itself off. Returns the status of CPU_ON.
int64_t start_cpu(unsigned index, void (*work)(void));

// Waits until vCPU `index` is off.
void wait_until_off(unsigned index);
