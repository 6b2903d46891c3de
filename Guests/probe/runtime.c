// The topics of the command line, exceptions, and the transcript on the PL011.

#include "probe.h"

#include <stdarg.h>

#include "../common/console.h"
#include "events.h"

struct cpu cpus[CPU_COUNT];
volatile uint64_t gate;
volatile uint64_t debugger_word;

extern const struct topic *const all_topics[];
extern void end_of_el0(void);

// MARK: Start

static bool gates_are_open;

// Restores the state before the first topic, as far as topics can see it.
static void settle(void) {
  struct cpu *cpu = this_cpu();
  __asm__ volatile("msr daifset, #15" : : : "memory");
  cpu->on_interrupt = NULL;
  cpu->on_exception = NULL;
  WRITE(cntv_ctl_el0, 0);
  WRITE(cntp_ctl_el0, 0);
  WRITE(contextidr_el1, 0);
  WRITE(mdscr_el1, 0);
  disable_comparators();
  osdlr.write(0);
  WRITE(oslar_el1, 1);
}

static void run_topic(const char *name) {
  if (is_same(name, "open")) {
    gates_are_open = true;
    return;
  }
  for (const struct topic *const *topic = all_topics; *topic; topic++) {
    if (!is_same((*topic)->name, name)) continue;
    say("begin %s", name);
    (*topic)->run();
    settle();
    say("end");
    return;
  }
  fail("the command line names a topic that there is not");
}

void guest_main(const uint8_t *tree);
void guest_main(const uint8_t *tree) {
  static char words[1024];
  read_command_line(tree, words, sizeof words);
  char *word = words;
  for (char *at = words;; at++) {
    bool is_end = !*at;
    if (!is_end && *at != ' ') continue;
    *at = 0;
    if (*word) run_topic(word);
    if (is_end) break;
    word = at + 1;
  }
  say("done");
  power_off();
}

void fail(const char *reason) {
  say("FAILED: %s", reason);
  power_off();
}

// MARK: Exceptions

void take_exception(unsigned vector, struct frame *frame);
void take_exception(unsigned vector, struct frame *frame) {
  struct cpu *cpu = this_cpu();
  // Of each four vectors the second is that of IRQ.
  if (vector % 4 == 1 && cpu->on_interrupt) {
    cpu->on_interrupt();
  } else if (vector == 8 && frame->esr == (0x56000000 | EL0_RETURN)) {
    frame->elr = (uint64_t)end_of_el0;
    frame->spsr = 0x3c5;  // EL1h, all masked
  } else if (vector % 4 == 0 && cpu->on_exception) {
    cpu->on_exception(vector, frame);
  } else {
    say("unexpected vector %x esr %x elr %x far %x spsr %x", vector * 128, frame->esr, frame->elr,
        frame->far, frame->spsr);
    power_off();
  }
}

static bool was_undefined;

static void skip_undefined(unsigned vector, struct frame *frame) {
  if (vector != 4 || exception_class(frame) != 0) fail("an exception other than UNDEFINED");
  was_undefined = true;
  frame->elr += 4;
}

bool is_undefined(void (*access)(void *), void *argument) {
  struct cpu *cpu = this_cpu();
  void (*previous)(unsigned, struct frame *) = cpu->on_exception;
  cpu->on_exception = skip_undefined;
  was_undefined = false;
  access(argument);
  cpu->on_exception = previous;
  return was_undefined;
}

// MARK: For a debugger

__attribute__((noinline)) void debugger_place(void) { __asm__ volatile("" : : : "memory"); }

bool is_gate_open(void) { return gate || gates_are_open; }

void wait_at_gate(const char *name) {
  say("gate %s", name);
  while (!is_gate_open()) pause_a_moment();
  gate = 0;
}

// MARK: Text

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  put_text("probe: ");
  for (; *format; format++) {
    if (*format != '%') {
      put(*format);
      continue;
    }
    switch (*++format) {
      case 's': put_text(va_arg(arguments, const char *)); break;
      case 'd': put_number(va_arg(arguments, uint64_t), 10); break;
      case 'x': put_number(va_arg(arguments, uint64_t), 16); break;
    }
  }
  put_text("\n");
  va_end(arguments);
}

bool is_same(const char *one, const char *other) {
  while (*one && *one == *other) one++, other++;
  return *one == *other;
}
