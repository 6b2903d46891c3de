// Functions that the compiler calls.

#include <stddef.h>
#include <stdint.h>

void *memset(void *to, int byte, size_t count);
void *memset(void *to, int byte, size_t count) {
  for (size_t n = 0; n < count; n++) ((volatile uint8_t *)to)[n] = (uint8_t)byte;
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  for (size_t n = 0; n < count; n++) ((volatile uint8_t *)to)[n] = ((const uint8_t *)from)[n];
  return to;
}
