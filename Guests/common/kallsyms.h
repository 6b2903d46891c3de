// Addresses of the running kernel, for programs on Linux.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

// The address of a function of the kernel, wherever the kernel has put itself; 0 if /proc/kallsyms does not
// name it or cannot be read.
static uint64_t kernel_address(const char *wanted) {
  char line[256], name[128];
  unsigned long long address, found = 0;
  FILE *symbols = fopen("/proc/kallsyms", "r");
  if (!symbols) return 0;
  while (!found && fgets(line, sizeof line, symbols))
    if (sscanf(line, "%llx %*c %127s", &address, name) == 2 && strcmp(name, wanted) == 0)
      found = address;
  fclose(symbols);
  return found;
}
