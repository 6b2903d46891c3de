// PTRACE_SINGLESTEP over each class of instruction, and mixed with the other ways to resume.

#include "suite.h"

static void step(struct tracee *tracee, const struct code *code, bool delivers) {
  struct code stepped = *code;
  if (!delivers) stepped.flags &= ~DELIVERS;
  printf("step %s%s:", code->name, (code->flags & DELIVERS) && !delivers ? ", skipped" : "");
  aim(tracee, code, 0, 0, 0);
  run_to_end(tracee, &stepped, PTRACE_SINGLESTEP, 40);
}

// Steps over an exclusive sequence as GDB does, to a breakpoint behind it.
static void step_around(struct tracee *tracee, const struct code *code) {
  uint32_t words[16];
  read_memory(tracee, code->address, words, sizeof words);
  unsigned end = 0;
  while (words[end] != 0xd4200ae0) end++;  // BRK #0x57

  printf("step around %s:", code->name);
  aim(tracee, code, 0, 0, 0);
  for (unsigned n = 0; n < 2; n++)
    print_stop(tracee, code, resume(tracee, PTRACE_SINGLESTEP, 0));
  struct user_hwdebug_state state = {
    .dbg_regs[0] = {.addr = code->address + 4 * end, .ctrl = control_word(0xf, 0)}};
  set_comparators(tracee, NT_ARM_HW_BREAK, &state, 1);
  print_stop(tracee, code, resume(tracee, PTRACE_CONT, 0));
  set_comparators(tracee, NT_ARM_HW_BREAK, &state, 0);
  run_to_end(tracee, code, PTRACE_SINGLESTEP, 2);
}

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif

// Requests one after the other, the last again and again, from the instruction before an SVC.
static void mix(struct tracee *tracee, const char *name, const int *requests, unsigned count) {
  static const char *const names[] = {
    [PTRACE_CONT] = "cont", [PTRACE_SINGLESTEP] = "step", [PTRACE_SYSCALL] = "syscall",
    [PTRACE_SYSEMU] = "sysemu", [PTRACE_SYSEMU_SINGLESTEP] = "sysemu-step"};
  const struct code *code = find_code(name);
  printf("mixed %s:", code->name);
  aim(tracee, code, 0, 0, 0);
  for (unsigned n = 0; n < count; n++) {
    printf(" (%s)", names[requests[n]]);
    print_stop(tracee, code, resume(tracee, requests[n], 0));
  }
  run_to_end(tracee, code, requests[count - 1], 10);
}

// A signal from outside arrives at a process that stands still between two steps.
static void interrupt(struct tracee *tracee, const char *name, bool delivers) {
  const struct code *code = find_code(name);
  printf("signal between steps of %s:", code->name);
  aim(tracee, code, 0, 0, 0);
  for (unsigned n = 0; n < 2; n++) print_stop(tracee, code, resume(tracee, PTRACE_SINGLESTEP, 0));
  kill(tracee->pid, SIGUSR1);
  struct stop stop = resume(tracee, PTRACE_SINGLESTEP, 0);
  print_stop(tracee, code, stop);
  if (delivers) print_stop(tracee, code, resume(tracee, PTRACE_SINGLESTEP, stop.signal));
  run_to_end(tracee, code, PTRACE_SINGLESTEP, 20);
}

void topic_steps(void) {
  struct tracee tracee = start_tracee();
  static const char *const elsewhere[] = {"clone", "execve", "exit", "write", "read", "accesses"};
  for (const struct code *code = codes; code < codes_end; code++) {
    bool is_here = true;
    for (unsigned n = 0; n < COUNT_OF(elsewhere); n++)
      is_here &= strcmp(code->name, elsewhere[n]) != 0;
    if (!is_here) continue;
    step(&tracee, code, true);
    if (code->flags & DELIVERS) step(&tracee, code, false);
    if (strncmp(code->name, "exclusive", 9) == 0) step_around(&tracee, code);
  }

#define MIX(name, ...) \
  mix(&tracee, name, (int[]){__VA_ARGS__}, COUNT_OF(((int[]){__VA_ARGS__})))
  MIX("SVC", PTRACE_SYSCALL);
  MIX("SVC", PTRACE_SYSCALL, PTRACE_SINGLESTEP);
  MIX("SVC", PTRACE_SYSCALL, PTRACE_SYSCALL, PTRACE_SINGLESTEP);
  MIX("SVC", PTRACE_SINGLESTEP, PTRACE_SYSCALL, PTRACE_SINGLESTEP);
  MIX("SVC", PTRACE_SINGLESTEP, PTRACE_SINGLESTEP, PTRACE_SYSCALL);
  MIX("SVC", PTRACE_SYSCALL, PTRACE_CONT);
  MIX("SVC", PTRACE_SYSEMU, PTRACE_SINGLESTEP);
  MIX("SVC", PTRACE_SYSEMU_SINGLESTEP);
  MIX("SVC", PTRACE_SINGLESTEP, PTRACE_SYSEMU_SINGLESTEP);
  MIX("SVC, one after the other", PTRACE_SYSCALL, PTRACE_SINGLESTEP, PTRACE_SYSCALL);
  MIX("SVC, unknown call", PTRACE_SYSCALL, PTRACE_SINGLESTEP);

  interrupt(&tracee, "straight", true);
  interrupt(&tracee, "straight", false);
  interrupt(&tracee, "SVC", true);
  end_tracee(&tracee);
}
