// Events that a debugger follows while it steps: new processes, new programs, the end.

#include "suite.h"

#include <sys/wait.h>
#include <unistd.h>

static void follow(struct tracee *tracee) {
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE
    | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
  if (ptrace(PTRACE_SETOPTIONS, tracee->pid, 0, options) != 0) fail("following a child");
}

// Both processes are stepped in turns, from the stop that reports the new one.
static void step_clone(int request) {
  const struct code *code = find_code("clone");
  struct tracee parent = start_tracee(), child = parent;
  follow(&parent);
  struct user_hwdebug_state state = {
    .dbg_regs[2] = {.addr = code->address + 36, .ctrl = control_word(0xf, 0)}};
  set_comparators(&parent, NT_ARM_HW_BREAK, &state, 3);
  aim(&parent, code, 0, 0, 0);

  printf("clone, %s:", request == PTRACE_SINGLESTEP ? "stepped" : "continued");
  unsigned long pid = 0;
  for (unsigned n = 0; n < 12 && !pid; n++) {
    struct stop stop = resume(&parent, request, 0);
    print_stop(&parent, code, stop);
    if (stop.event && ptrace(PTRACE_GETEVENTMSG, parent.pid, 0, &pid) != 0) fail("asking for a child");
    if (stop.signal == 0 || is_end(&parent, stop)) fail("following a clone");
  }
  child.pid = pid;
  printf(" | child");
  print_stop(&child, code, wait_for(child.pid));
  // The child has none of the breakpoints of its parent.
  struct user_hwdebug_state inherited;
  struct iovec io = {&inherited, sizeof inherited};
  if (ptrace(PTRACE_GETREGSET, child.pid, NT_ARM_HW_BREAK, &io) != 0) fail("reading a child's breakpoints");
  printf(" breakpoint 2 %x", inherited.dbg_regs[2].ctrl);
  if (request != PTRACE_SINGLESTEP) {
    print_stop(&child, code, resume(&child, request, 0));
    printf(" | parent");
    print_stop(&parent, code, resume(&parent, request, 0));
    set_comparators(&child, NT_ARM_HW_BREAK, &state, 0);
    set_comparators(&parent, NT_ARM_HW_BREAK, &state, 0);
  } else {
    set_comparators(&child, NT_ARM_HW_BREAK, &state, 0);
    set_comparators(&parent, NT_ARM_HW_BREAK, &state, 0);
    for (unsigned n = 0; n < 2; n++) {
      printf(" | child");
      print_stop(&child, code, resume(&child, request, 0));
      printf(" | parent");
      print_stop(&parent, code, resume(&parent, request, 0));
    }
  }
  printf(" | child");
  run_to_end(&child, code, request, 20);
  printf("parent:");
  run_to_end(&parent, code, request, 20);
  end_tracee(&child);
  end_tracee(&parent);
}

// Steps into another program. Its comparators are cleared, and its first instructions are stepped.
static void step_exec(const char *path, int request) {
  const struct code *code = find_code("execve");
  struct tracee tracee = start_tracee();
  follow(&tracee);
  struct user_hwdebug_state state = {
    .dbg_regs[0] = {.addr = code->address + 16, .ctrl = control_word(0xf, 0)}};
  set_comparators(&tracee, NT_ARM_HW_BREAK, &state, 1);
  aim(&tracee, code, (uint64_t)path, 0, 0);
  printf("execve of %s, %s:", path, request == PTRACE_SINGLESTEP ? "stepped" : "continued");
  for (unsigned n = 0; n < 10; n++) {
    struct stop stop = resume(&tracee, request, 0);
    tracee.layout.is_32bit = stop.event == PTRACE_EVENT_EXEC || tracee.layout.is_32bit;
    print_stop(&tracee, code, stop);
    if (stop.signal == 0 || is_trap(stop, TRAP_BRKPT)) break;
  }
  printf("\n");
  end_tracee(&tracee);
}

static void step_exit(int request) {
  const struct code *code = find_code("exit");
  struct tracee tracee = start_tracee();
  follow(&tracee);
  aim(&tracee, code, 0, 0, 0);
  printf("exit, %s:", request == PTRACE_SINGLESTEP ? "stepped" : "continued");
  run_to_end(&tracee, code, request, 10);
}

// Attaches to a running process, steps it, and detaches. Its breakpoint must then be gone.
static void attach(void) {
  const struct code *code = find_code("straight");
  struct tracee tracee = start_tracee();
  aim(&tracee, code, 0, 0, 0);
  struct user_hwdebug_state state = {
    .dbg_regs[0] = {.addr = code->address + 8, .ctrl = control_word(0xf, 0)}};
  set_comparators(&tracee, NT_ARM_HW_BREAK, &state, 1);
  printf("detached:");
  print_stop(&tracee, code, resume(&tracee, PTRACE_SINGLESTEP, 0));
  set_comparators(&tracee, NT_ARM_HW_BREAK, &state, 0);
  // The BRK raises SIGTRAP, which the handler of the process steps over. The next piece of code follows, and the
  // process stops here at last.
  if (ptrace(PTRACE_DETACH, tracee.pid, 0, SIGSTOP) != 0) fail("letting a child go");
  int status;
  if (waitpid(tracee.pid, &status, WUNTRACED) != tracee.pid) fail("waiting for a child");
  printf(" %s %d", WIFSTOPPED(status) ? "stopped" : "ended", WSTOPSIG(status));
  if (ptrace(PTRACE_SEIZE, tracee.pid, 0, PTRACE_O_EXITKILL) != 0) fail("seizing a child");
  print_stop(&tracee, code, wait_for(tracee.pid));
  kill(tracee.pid, SIGCONT);
  for (unsigned n = 0; n < 6; n++) print_stop(&tracee, code, resume(&tracee, PTRACE_SINGLESTEP, 0));
  printf("\n");
  end_tracee(&tracee);
}

void topic_processes(void) {
  step_clone(PTRACE_SINGLESTEP);
  step_clone(PTRACE_CONT);
  step_exec("/compat", PTRACE_SINGLESTEP);
  step_exec("/compat", PTRACE_CONT);
  step_exit(PTRACE_SINGLESTEP);
  step_exit(PTRACE_CONT);
  attach();
}
