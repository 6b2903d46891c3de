// The debug registers as a guest reads and writes them.

#include "debug.h"

// MARK: What they hold

struct access {
  const struct debug_register *descriptor;
  uint64_t value;
};

static void read_it(void *argument) {
  struct access *access = argument;
  access->value = access->descriptor->read();
}

static void write_it(void *argument) {
  struct access *access = argument;
  access->descriptor->write(access->value);
}

static void say_register(const char *when, const struct debug_register *descriptor) {
  struct access access = {descriptor, 0};
  if (is_undefined(read_it, &access))
    say("%s %s undefined", when, descriptor->name);
  else
    say("%s %s %x", when, descriptor->name, access.value);
}

static void write_register(const struct debug_register *descriptor, uint64_t value) {
  struct access access = {descriptor, value};
  if (is_undefined(write_it, &access)) say("write %s undefined", descriptor->name);
}

// Writes a number of each register's own, which an index that goes astray would mix up, in bits that
// all four kinds have. E is 0.
static void write_numbers(unsigned first) {
  for (unsigned n = 0; n < 4 * COMPARATORS; n++) {
    write_register(&comparators[n], 0x0000123400000000 | (uint64_t)(first + n) << 13);
  }
}

static void run_values(void) {
  // Of what has a value out of reset. The comparators' is UNKNOWN.
  say_register("reset", &oslsr);
  say_register("reset", &osdlr);
  say_register("reset", &mdscr);
  say_register("reset", &mdrar);
  write_register(&oslar, 0);
  say_register("unlocked", &oslsr);
  write_register(&oslar, 1);
  say_register("locked", &oslsr);
  write_register(&oslar, 0);
  say_register("write only", &oslar);
  write_register(&oslsr, 0);

  write_numbers(0);
  for (unsigned n = 0; n < 4 * COMPARATORS; n++) say_register("own", &comparators[n]);
  for (unsigned n = 0; n < 4 * COMPARATORS; n++) write_register(&comparators[n], ~1ul);
  for (unsigned n = 0; n < 4 * COMPARATORS; n++) say_register("ones", &comparators[n]);
  for (unsigned n = 0; n < 4 * COMPARATORS; n++) write_register(&comparators[n], 0);
  for (unsigned n = 0; n < 4 * COMPARATORS; n++) say_register("zeros", &comparators[n]);

  // Neither SS, KDE nor MDE: nothing is to fire. Under the OS Lock the others are writable too.
  write_register(&mdscr, ~(1ul | 1ul << 13 | 1ul << 15));
  say_register("ones", &mdscr);
  write_register(&mdscr, 0);
  say_register("zeros", &mdscr);
  write_register(&mdccint, ~0ul);
  say_register("ones", &mdccint);
  write_register(&mdccint, 0);
  say_register("zeros", &mdccint);
  write_register(&osdlr, 1);
  say_register("ones", &osdlr);
  write_register(&osdlr, 0);
  say_register("zeros", &osdlr);
}

const struct topic registers_values = {"registers-values", run_values};

// MARK: Whose they are for the moment

// At each gate the debugger may begin or end to use debug hardware of its own.
static void run_modes(void) {
  WRITE(oslar_el1, 0);
  WRITE(mdscr_el1, 1 << 12);
  write_numbers(0);
  for (unsigned gate_number = 1; gate_number <= 4; gate_number++) {
    wait_at_gate("changing");
    for (unsigned n = 0; n < 4 * COMPARATORS; n++) say_register("found", &comparators[n]);
    say_register("found", &mdscr);
    say_register("found", &oslsr);
    write_numbers(gate_number);
    write_register(&mdscr, gate_number % 2 ? 0 : 1 << 12);
    write_register(&oslar, gate_number % 2);
  }
}

const struct topic registers_modes = {"registers-modes", run_modes};

// MARK: What they cost

static uint64_t access_often(void) {
  uint64_t wrong = 0;
  WRITE(oslar_el1, 0);
  for (unsigned round = 0; round < 500; round++) {
    for (unsigned n = 0; n < 4 * COMPARATORS; n++) {
      const struct debug_register *descriptor = &comparators[n];
      if (n % COMPARATORS >= 4) continue;
      uint64_t value = round % 128 << 13;
      descriptor->write(value);
      if (descriptor->read() != value) wrong++;
      descriptor->write(0);
    }
    WRITE(mdscr_el1, 1 << 12);
    if (READ(mdscr_el1) != 1 << 12) wrong++;
    WRITE(mdscr_el1, 0);
    if (READ(oslsr_el1) != 8) wrong++;
  }
  return wrong;
}

static void run_access(void) {
  say("wrong %d", access_often());
  wait_at_gate("native");
  say("wrong %d", access_often());
  wait_at_gate("shared");
}

const struct topic registers_access = {"registers-access", run_access};
