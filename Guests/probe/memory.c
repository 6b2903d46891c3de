// Accesses of physical addresses with and without memory or devices.

#include "probe.h"

static bool aborted;

static void note(unsigned vector, struct frame *frame) {
  say("vector %x esr %x far %x", (uint64_t)vector * 128, frame->esr, frame->far);
  aborted = true;
  // After a call of an address without code, the handler returns to the return address of the call.
  frame->elr = exception_class(frame) == 0x21 ? frame->x[30] : frame->elr + 4;
}

static void load(uint64_t address) {
  aborted = false;
  say("load %x", address);
  uint32_t value = read32(address);
  if (!aborted) say("value %x", (uint64_t)value);
}

static void store(uint64_t address) {
  aborted = false;
  say("store %x", address);
  write32(address, 0x5a5a5a5a);
  DSB();
  if (!aborted) say("stored");
}

static void call(uint64_t address) {
  aborted = false;
  say("call %x", address);
  ((void (*)(void))address)();
  if (!aborted) say("called");
}

// The hypervisor's memory, at the end of RAM, and the page with the virtio transport of its debug link.
static void run_hidden(void) {
  this_cpu()->on_exception = note;
  static const uint64_t addresses[] = {0x4fc00000, 0x4fdffffc, 0x4ffffffc, 0x0a000000, 0x0a000e00};
  for (unsigned n = 0; n < sizeof addresses / sizeof *addresses; n++) {
    load(addresses[n]);
    store(addresses[n]);
    call(addresses[n]);
  }
}

const struct topic memory_hidden = {"memory-hidden", run_hidden};

static void run_bare(void) {
  this_cpu()->on_exception = note;
  static const uint64_t addresses[] = {
      0x00000000,          // flash
      0x09010fe0,          // RTC, its identification
      0x0a001000,          // virtio transports behind the hidden ones
      0x0a003e00,
      0x0b000000,          // nothing
      0x10000000,          // PCI memory
      0x3eff0000,          // PCI I/O
      0x4000000000,        // nothing
      0x4010000000,        // PCI configuration: the host bridge
      0x401ffffffc,
      0x8000000000,        // PCI memory, above 512 GiB
      0xfffffffffc,        // its end
      0x10000000000,       // nothing
      0x200000000000,      // beyond the physical addresses of a Cortex-A72
      0xffff000000000000,  // beyond any
  };
  for (unsigned n = 0; n < sizeof addresses / sizeof *addresses; n++) load(addresses[n]);
  // RAM, up to the hypervisor's memory.
  static const uint64_t ram[] = {0x40100000, 0x40700000, 0x4fbffffc};
  for (unsigned n = 0; n < sizeof ram / sizeof *ram; n++) {
    store(ram[n]);
    load(ram[n]);
  }
}

const struct topic memory_bare = {"memory-bare", run_bare};
