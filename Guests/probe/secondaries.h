// Secondary processors.
#pragma once

#include "probe.h"

// How many processors there are: those of affinity 0 to 7 that firmware knows.
unsigned cpu_count(void);

// Starts vCPU `index` in `work`, in which it stays until that returns; it then turns itself off.
// Returns CPU_ON's status.
int64_t start_cpu(unsigned index, void (*work)(void));

// Waits until vCPU `index` is off.
void wait_until_off(unsigned index);
