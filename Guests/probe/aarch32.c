// Programs at AArch32 EL0 that name coprocessor 14.

#include "probe.h"

extern void end_of_el0(void);

// MARK: Programs

// The registers get their patterns at the first SVC, and are said at the second. An instruction that
// is UNDEFINED ends the program.
#define A32(...) {0xef000001, __VA_ARGS__, 0xef000000}
// A 32-bit T32 instruction, by its halfwords in their order, and two 16-bit ones.
#define T32(high, low) ((uint32_t)(low) << 16 | (high))
#define T16(first, second) ((uint32_t)(second) << 16 | (first))

struct program {
  const char *name;
  bool is_t32;
  uint32_t code[6];
};

static const struct program programs[] = {
    // Rt is r0, and r1 the upper half.
    {"mrc dbgdidr", false, A32(0xee100e10)},
    {"mrc dbgdscrint", false, A32(0xee100e11)},
    {"mrc dbgdscrint to flags", false, A32(0xee10fe11)},
    {"mrc dbgdtrrxint", false, A32(0xee100e15)},
    {"mcr dbgdtrtxint", false, A32(0xee000e15)},
    {"mrc dbgdrar", false, A32(0xee110e10)},
    {"mrc dbgdsar", false, A32(0xee120e10)},
    {"mrrc dbgdrar", false, A32(0xec510e01)},
    {"mrrc dbgdsar", false, A32(0xec510e02)},
    {"mrrc of nothing", false, A32(0xec510e03)},
    {"mcr dbgdidr", false, A32(0xee000e10)},
    {"mrc dbgdscrext", false, A32(0xee100e52)},
    {"mrc dbgbvr0", false, A32(0xee100e90)},
    {"mrc dbgbxvr0", false, A32(0xee110e30)},
    {"mrc dbgoslsr", false, A32(0xee110e91)},
    {"mrc trace", false, A32(0xee300e10)},
    // Through r1, which points at `word`.
    {"stc dbgdtrrxint", false, A32(0xed815e00)},
    {"ldc dbgdtrtxint", false, A32(0xed915e00)},
    // CMP r0, r0, and then what passes its condition and what does not.
    {"mrc dbgdsar if equal", false, A32(0xe1500000, 0x0e122e10, 0x1e123e10)},
    {"mrc dbgdidr if not equal", false, A32(0xe1500000, 0x1e100e10)},
    {"t32 mrc dbgdsar", true,
     {T16(0xdf01, 0xbf00), T32(0xee12, 0x0e10), T16(0xdf00, 0xbf00)}},
    // ITE EQ, MRC into r2 and r3, and an instruction behind the block that always runs: MOVS r1, #7.
    {"t32 mrc dbgdsar in an it block", true,
     {T16(0xdf01, 0x4280), T16(0xbf00, 0xbf0c), T32(0xee12, 0x2e10), T32(0xee12, 0x3e10),
      T16(0x2107, 0xdf00)}},
};

static uint32_t word;

// MARK: Running them

static const struct program *running;

static void on_exception(unsigned vector, struct frame *frame) {
  unsigned class = exception_class(frame);
  // From a lower exception level that uses AArch32.
  if (vector != 12) fail("an exception from elsewhere");
  if (class == 0x11 && (frame->esr & 0xffff) == 1) {
    for (unsigned n = 0; n < 13; n++) frame->x[n] = 0x5a5a0000 + n;
    frame->x[1] = (uint64_t)&word;
    return;
  }
  uint64_t at = frame->elr - (uint64_t)running->code;
  if (frame->x[1] == (uint64_t)&word) frame->x[1] = 1;
  // ITSTATE is left out: QEMU 7.2 shows that of a block that is over.
  say("%s: class %x at %d: r0 %x r1 %x r2 %x r3 %x pstate %x word %x", running->name, class, at,
      frame->x[0] & 0xffffffff, frame->x[1] & 0xffffffff, frame->x[2] & 0xffffffff,
      frame->x[3] & 0xffffffff, frame->spsr & 0xf00003ff, word);
  frame->elr = (uint64_t)end_of_el0;
  frame->spsr = 0x3c5;  // EL1h, all masked
}

// MDSCR_EL1.TDCC = 0: EL0 may use what it has of the debug registers.
static void run_coprocessor(void) {
  if ((READ(id_aa64pfr0_el1) & 0xf) != 2) fail("no AArch32 at EL0");
  WRITE(oslar_el1, 0);
  WRITE(mdscr_el1, 0);
  this_cpu()->on_exception = on_exception;
  for (unsigned n = 0; n < sizeof programs / sizeof programs[0]; n++) {
    running = &programs[n];
    word = 0x600d0000 + n;
    // User mode, interrupts masked, A32 or T32.
    call_at_el0((void (*)(void))running->code, running->is_t32 ? 0x1f0 : 0x1d0);
  }
}

const struct topic aarch32_coprocessor = {"aarch32-coprocessor", run_coprocessor};
