// The four functions that compiled code may call of its own accord. Aligned accesses only: with
// the MMU off all memory is Device memory, where an unaligned access faults.

#if defined(__aarch64__) && !defined(__linux__) && !defined(__APPLE__)

#include <stddef.h>
#include <stdint.h>

static int both_aligned(const void *a, const void *b) {
  return (((uintptr_t)a | (uintptr_t)b) & 7) == 0;
}

void *memset(void *destination, int value, size_t count) {
  unsigned char *d = destination;
  if (((uintptr_t)d & 7) == 0) {
    uint64_t word = (unsigned char)value * 0x0101010101010101ull;
    for (; count >= 8; count -= 8, d += 8) *(uint64_t *)d = word;
  }
  while (count--) *d++ = (unsigned char)value;
  return destination;
}

static void copy_forward(unsigned char *d, const unsigned char *s, size_t count) {
  if (both_aligned(d, s))
    for (; count >= 8; count -= 8, d += 8, s += 8) *(uint64_t *)d = *(const uint64_t *)s;
  while (count--) *d++ = *s++;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t count) {
  copy_forward(destination, source, count);
  return destination;
}

void *memmove(void *destination, const void *source, size_t count) {
  unsigned char *d = destination;
  const unsigned char *s = source;
  if (d <= s) {
    copy_forward(d, s, count);
  } else {
    while (count--) d[count] = s[count];
  }
  return destination;
}

int memcmp(const void *left, const void *right, size_t count) {
  const unsigned char *l = left, *r = right;
  for (; count--; l++, r++)
    if (*l != *r) return *l - *r;
  return 0;
}

#endif
