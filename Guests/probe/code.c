// The instructions in memory, for a debugger that has breakpoints among them.

#include "probe.h"

extern const uint32_t image_start[], text_end[];

// FNV-1a over the words of the program's code.
__attribute__((noinline)) static uint64_t checksum(void) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint32_t *word = image_start; word < text_end; word++)
    hash = (hash ^ *word) * 0x100000001b3;
  return hash;
}

static void run_code(void) {
  for (unsigned n = 0; n < 20; n++) {
    debugger_place();
    say("code %x, begins with %x", checksum(), (uint64_t)*(const uint32_t *)debugger_place);
  }
}

const struct topic memory_code = {"memory-code", run_code};
