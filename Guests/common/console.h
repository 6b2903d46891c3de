// Text on the PL011 of QEMU's `virt`.
#pragma once

#include <stdint.h>

#define PL011 0x09000000ul

void put(char letter);
void put_text(const char *text);
// In base 10 or 16, without leading zeros.
void put_number(uint64_t value, unsigned base);
