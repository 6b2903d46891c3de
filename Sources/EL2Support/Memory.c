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
    for (; count >= 32; count -= 32, d += 32) {
      uint64_t *words = (uint64_t *)d;
      words[0] = words[1] = words[2] = words[3] = word;
    }
    for (; count >= 8; count -= 8, d += 8) *(uint64_t *)d = word;
  }
  while (count--) *d++ = (unsigned char)value;
  return destination;
}

static void copy_forward(unsigned char *d, const unsigned char *s, size_t count) {
  if (both_aligned(d, s)) {
    // All four are read before any is written: the places may overlap, with d below s.
    for (; count >= 32; count -= 32, d += 32, s += 32) {
      const uint64_t *from = (const uint64_t *)s;
      uint64_t *to = (uint64_t *)d;
      uint64_t a = from[0], b = from[1], c = from[2], e = from[3];
      to[0] = a, to[1] = b, to[2] = c, to[3] = e;
    }
    for (; count >= 8; count -= 8, d += 8, s += 8) *(uint64_t *)d = *(const uint64_t *)s;
  }
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
