// Text on the PL011.

#include "console.h"

#include "system.h"

#define PL011_FR (PL011 + 0x18)

void put(char letter) {
  const uint32_t transmit_full = 1 << 5;
  while (read32(PL011_FR) & transmit_full) continue;
  write32(PL011, (uint8_t)letter);
}

void put_text(const char *text) {
  while (*text) put(*text++);
}

void put_number(uint64_t value, unsigned base) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  while (count) put(digits[--count]);
}
