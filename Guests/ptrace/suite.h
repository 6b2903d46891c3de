// Programs that debug other programs through Linux, and write everything that they see into a transcript.
//
// Nothing in the transcript depends on time, on process numbers or on addresses that Linux chooses. Two runs on one
// kind of processor therefore have the same transcript, whatever happens beneath Linux meanwhile.
#pragma once

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <asm/ptrace.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

// Whether each length and place of a watchpoint is tried with one kind of access instead of three.
extern bool is_brief;

// Ends this process with a line that gives the reason.
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

// ---- Pieces of code to be debugged (code.S, compat.S) ------------------------------------------

// One piece: it begins at `address` (bit 0: T32), and ends with BRK or BKPT #END_OF_CODE.
struct code {
  uint64_t address;
  const char *name;
  uint64_t flags;
};

enum {
  SHOWS_RESULT = 1,  // X0 (R0) at the end belongs in the transcript
  DELIVERS = 2,      // its signals are delivered: a handler skips the instruction
};

// The addresses of code and data in a program that is debugged.
struct layout {
  uint64_t code, code_end;
  uint64_t data, data_end;
  bool is_32bit;
};

extern const struct code codes[], codes_end[];
extern const struct layout layout;

// The piece of code.S with that name.
const struct code *find_code(const char *name);

// ---- A process that is debugged (tracee.c) -----------------------------------------------------

struct tracee {
  pid_t pid;
  struct layout layout;
  // The registers when the process stood ready to run any piece of code.
  union registers {
    struct user_pt_regs wide;
    uint32_t narrow[18];  // R0 … R15, CPSR, the R0 of a system call
  } ready;
};

// A stop; signal 0: the process has ended, with `code`.
struct stop {
  int signal, code, event;
  uint64_t address;
};

// Forks a process that stands ready to run any piece of code of this program.
struct tracee start_tracee(void);
// Forks a process that executes `path`, a 32-bit program that stops ready at a BKPT, with the address
// of its layout in R0.
struct tracee start_compat_tracee(const char *path);
void end_tracee(struct tracee *tracee);

struct stop wait_for(pid_t pid);
// Resumes with a PTRACE request and a signal, and waits.
struct stop resume(struct tracee *tracee, int request, int signal);
bool is_trap(struct stop stop, int code);
// Whether a stop is the end of a piece of code.
bool is_end(struct tracee *tracee, struct stop stop);

union registers get_registers(struct tracee *tracee);
void set_registers(struct tracee *tracee, const union registers *registers);
uint64_t get_pc(struct tracee *tracee);
uint64_t get_register(struct tracee *tracee, unsigned number);
void set_pc(struct tracee *tracee, uint64_t pc);
// Makes a process ready to run a piece of code, with X0 … X2 (R0 … R2).
void aim(struct tracee *tracee, const struct code *code, uint64_t x0, uint64_t x1, uint64_t x2);
void read_memory(struct tracee *tracee, uint64_t address, void *bytes, size_t count);

// The number of hardware breakpoints (NT_ARM_HW_BREAK) or watchpoints (NT_ARM_HW_WATCH).
unsigned comparator_count(struct tracee *tracee, int kind);
// Sets all of them; those from `count` on are switched off. Returns 0 or an errno.
int set_comparators(
  struct tracee *tracee, int kind, const struct user_hwdebug_state *state, unsigned count);
// user_hwdebug_state's control word: DBGBCRn's or DBGWCRn's BAS, LSC, PAC (EL0) and E.
uint32_t control_word(unsigned bas, unsigned load_store);

// Writes " +8 TRACE +8": PC, signal or reason, address.
void print_stop(struct tracee *tracee, const struct code *code, struct stop stop);
// Writes an address relative to the code, the data, or not at all if it is none of these.
void print_address(struct tracee *tracee, const struct code *code, uint64_t address);
// Runs to the end of the piece of code and writes each stop. A signal is delivered if the code says so; otherwise
// its instruction is skipped.
void run_to_end(struct tracee *tracee, const struct code *code, int request, unsigned limit);

// ---- The topics --------------------------------------------------------------------------------

void topic_breakpoints(void);
void topic_watchpoints(void);
void topic_steps(void);
void topic_processes(void);
void topic_compat(void);
void topic_kernel(void);
