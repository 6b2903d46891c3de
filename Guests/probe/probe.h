// The probe's runtime: what every topic needs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/psci.h"
#include "../common/system.h"
#include "layout.h"

// MARK: Topics

// A topic that the command line can name: its word, and its function.
struct topic {
  const char *name;
  void (*run)(void);
};

// MARK: Interrupt masks

static inline void unmask_interrupts(void) { __asm__ volatile("msr daifclr, #2" : : : "memory"); }
static inline void mask_interrupts(void) { __asm__ volatile("msr daifset, #2" : : : "memory"); }

// MARK: Exceptions

// The registers that an exception saves, in the order in which start.S stores them.
struct frame {
  uint64_t x[31];
  uint64_t elr, spsr, esr, far;
};
_Static_assert(sizeof(struct frame) <= FRAME_SIZE, "start.S has the size");
_Static_assert(offsetof(struct frame, elr) == 248, "start.S has the offsets");

// The exception class in ESR_EL1.
static inline unsigned exception_class(const struct frame *frame) { return frame->esr >> 26 & 0x3f; }

// One processor, found through TPIDR_EL1.
struct cpu {
  uint64_t index;
  // The handler of interrupts, which acknowledges and ends the interrupt.
  void (*on_interrupt)(void);
  // The handler of all other exceptions, except the end of a function at EL0. It gets the number of the vector
  // and may change ELR and SPSR in the frame.
  void (*on_exception)(unsigned vector, struct frame *);
  uint64_t padding[5];
};
_Static_assert(sizeof(struct cpu) == CPU_SIZE, "start.S has the size");

extern struct cpu cpus[CPU_COUNT];
static inline struct cpu *this_cpu(void) { return (struct cpu *)READ(tpidr_el1); }

// SPSR_EL1 for `call_at_el0`: interrupts masked, debug exceptions not.
#define EL0_MASKED 0x1c0
void call_at_el0(void (*function)(void), uint64_t spsr);
// Ends a function that runs by `call_at_el0`.
#define END_AT_EL0() __asm__ volatile("svc %0" : : "i"(EL0_RETURN) : "memory")

// Whether `access` takes the exception of an UNDEFINED instruction, which it then skips.
bool is_undefined(void (*access)(void *), void *argument);

// MARK: The transcript

// One line of the transcript: %s, %d (unsigned decimal), %x (hexadecimal), all of 64 bits.
void say(const char *format, ...);

// Says "gate", and waits until a debugger sets the variable `gate` to 1; clears it.
void wait_at_gate(const char *name);
// Whether a debugger has done so, or the command line says that no debugger will ("open").
bool is_gate_open(void);
extern volatile uint64_t gate;

// Places for a debugger: a function to break in, and a word to watch.
void debugger_place(void);
extern volatile uint64_t debugger_word;

void fail(const char *reason) __attribute__((noreturn));
bool is_same(const char *one, const char *other);

// MARK: The device tree

// Copies /chosen/bootargs. The text is empty if there is none.
void read_command_line(const uint8_t *tree, char *text, size_t size);
