// Processes that are debugged: starting, stopping, registers, comparators, and the transcript of these.

#include "suite.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const struct code *find_code(const char *name) {
  for (const struct code *code = codes; code < codes_end; code++)
    if (strcmp(code->name, name) == 0) return code;
  fail("looking for the code \"%s\"", name);
}

// ---- Starting and stopping ---------------------------------------------------------------------

struct stop wait_for(pid_t pid) {
  int status;
  siginfo_t info;
  if (waitpid(pid, &status, __WALL) != pid) fail("waiting for a child");
  if (WIFEXITED(status)) return (struct stop){.code = WEXITSTATUS(status)};
  if (WIFSIGNALED(status)) return (struct stop){.code = -WTERMSIG(status)};
  struct stop stop = {.signal = WSTOPSIG(status), .event = status >> 16};
  if (ptrace(PTRACE_GETSIGINFO, pid, 0, &info) == 0) {
    stop.code = info.si_code;
    // A signal that a process sends has a process number there, and so has one that Linux sends in its name.
    if (info.si_code > 0 && info.si_code != SIGTRAP) stop.address = (uint64_t)info.si_addr;
  }
  return stop;
}

struct stop resume(struct tracee *tracee, int request, int signal) {
  if (ptrace(request, tracee->pid, 0, signal) != 0) fail("resuming a child");
  return wait_for(tracee->pid);
}

extern void code_handler(int), code_restorer(void);

// With glibc's sigaction the handler would return through code in the vDSO. Without SA_NODEFER, a step in the handler
// of SIGTRAP would make Linux forget the handler.
static void handle(int signal) {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
  } action = {code_handler, SA_SIGINFO | SA_NODEFER | 0x04000000 /* SA_RESTORER */, code_restorer, 0};
  if (syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof action.mask) != 0)
    fail("handling signal %d", signal);
}

static struct tracee trace(pid_t pid) {
  struct tracee tracee = {.pid = pid, .layout = layout};
  if (pid < 0) fail("forking");
  struct stop stop = wait_for(pid);
  if (stop.signal != SIGSTOP) fail("a child did not stop, but %d, %d", stop.signal, stop.code);
  if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0)
    fail("tracing a child");
  return tracee;
}

struct tracee start_tracee(void) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    static const int signals[] = {SIGILL, SIGBUS, SIGSEGV, SIGFPE, SIGUSR1, SIGUSR2, SIGTRAP};
    for (unsigned n = 0; n < COUNT_OF(signals); n++) handle(signals[n]);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(1);
  }
  struct tracee tracee = trace(pid);
  tracee.ready = get_registers(&tracee);
  return tracee;
}

struct tracee start_compat_tracee(const char *path) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execl(path, path, NULL);
    _exit(1);
  }
  struct tracee tracee = trace(pid);
  // The execve is a stop too; then comes the BKPT.
  struct stop stop = resume(&tracee, PTRACE_CONT, 0);
  if (stop.signal == SIGTRAP) stop = resume(&tracee, PTRACE_CONT, 0);
  if (!is_trap(stop, TRAP_BRKPT)) fail("%s stops with %d, %d", path, stop.signal, stop.code);
  tracee.layout.is_32bit = true;
  tracee.ready = get_registers(&tracee);
  uint32_t words[4];
  read_memory(&tracee, tracee.ready.narrow[0], words, sizeof words);
  tracee.layout = (struct layout){words[0], words[1], words[2], words[3], true};
  return tracee;
}

void end_tracee(struct tracee *tracee) {
  kill(tracee->pid, SIGKILL);
  // The stop that PTRACE_O_TRACEEXIT asks for comes in spite of SIGKILL.
  while (wait_for(tracee->pid).signal != 0) ptrace(PTRACE_CONT, tracee->pid, 0, 0);
}

bool is_trap(struct stop stop, int code) { return stop.signal == SIGTRAP && stop.code == code; }

bool is_end(struct tracee *tracee, struct stop stop) {
  if (!is_trap(stop, TRAP_BRKPT)) return false;
  uint32_t word = 0;
  bool is_t32 = tracee->layout.is_32bit && (get_registers(tracee).narrow[16] & 0x20);
  read_memory(tracee, get_pc(tracee), &word, is_t32 ? 2 : 4);
  // BRK #0x57, BKPT #0x57 in A32 and in T32.
  return word == (is_t32 ? 0xbe57 : tracee->layout.is_32bit ? 0xe1200577 : 0xd4200ae0);
}

// ---- Registers and memory ----------------------------------------------------------------------

union registers get_registers(struct tracee *tracee) {
  union registers registers;
  struct iovec io = {&registers, sizeof registers};
  if (ptrace(PTRACE_GETREGSET, tracee->pid, NT_PRSTATUS, &io) != 0)
    fail("reading a child's registers");
  return registers;
}

void set_registers(struct tracee *tracee, const union registers *registers) {
  struct iovec io = {
    (void *)registers,
    tracee->layout.is_32bit ? sizeof registers->narrow : sizeof registers->wide};
  if (ptrace(PTRACE_SETREGSET, tracee->pid, NT_PRSTATUS, &io) != 0)
    fail("writing a child's registers");
}

uint64_t get_register(struct tracee *tracee, unsigned number) {
  union registers registers = get_registers(tracee);
  return tracee->layout.is_32bit ? registers.narrow[number] : registers.wide.regs[number];
}

uint64_t get_pc(struct tracee *tracee) {
  union registers registers = get_registers(tracee);
  return tracee->layout.is_32bit ? registers.narrow[15] : registers.wide.pc;
}

void set_pc(struct tracee *tracee, uint64_t pc) {
  union registers registers = get_registers(tracee);
  if (tracee->layout.is_32bit) registers.narrow[15] = pc;
  else registers.wide.pc = pc;
  set_registers(tracee, &registers);
}

void aim(struct tracee *tracee, const struct code *code, uint64_t x0, uint64_t x1, uint64_t x2) {
  union registers registers = tracee->ready;
  if (tracee->layout.is_32bit) {
    registers.narrow[0] = x0, registers.narrow[1] = x1, registers.narrow[2] = x2;
    registers.narrow[4] = tracee->layout.data;
    registers.narrow[15] = code->address & ~1ULL;
    // CPSR: T from the address; no IT block, little-endian, no flags.
    registers.narrow[16] = (registers.narrow[16] & 0x1df) | (code->address & 1) << 5;
    // The interrupted system call must not be restarted.
    registers.narrow[17] = -1;
  } else {
    registers.wide.regs[0] = x0, registers.wide.regs[1] = x1, registers.wide.regs[2] = x2;
    registers.wide.regs[18] = 0, registers.wide.regs[19] = tracee->layout.data;
    registers.wide.pc = code->address;
    registers.wide.pstate &= ~0xf0000000ULL;
  }
  set_registers(tracee, &registers);
}

void read_memory(struct tracee *tracee, uint64_t address, void *bytes, size_t count) {
  struct iovec here = {bytes, count}, there = {(void *)address, count};
  if (process_vm_readv(tracee->pid, &here, 1, &there, 1, 0) != (ssize_t)count)
    fail("reading a child's memory");
}

// ---- Comparators -------------------------------------------------------------------------------

unsigned comparator_count(struct tracee *tracee, int kind) {
  struct user_hwdebug_state state;
  struct iovec io = {&state, sizeof state};
  if (ptrace(PTRACE_GETREGSET, tracee->pid, kind, &io) != 0) fail("reading a child's comparators");
  return state.dbg_info & 0xff;
}

int set_comparators(
  struct tracee *tracee, int kind, const struct user_hwdebug_state *state, unsigned count) {
  struct user_hwdebug_state all = {0};
  memcpy(all.dbg_regs, state->dbg_regs, count * sizeof *all.dbg_regs);
  unsigned total = comparator_count(tracee, kind);
  struct iovec io = {
    &all, offsetof(struct user_hwdebug_state, dbg_regs) + total * sizeof *all.dbg_regs};
  return ptrace(PTRACE_SETREGSET, tracee->pid, kind, &io) == 0 ? 0 : errno;
}

uint32_t control_word(unsigned bas, unsigned load_store) {
  return bas << 5 | load_store << 3 | 2 << 1 | 1;
}

// ---- The transcript ----------------------------------------------------------------------------

void print_address(struct tracee *tracee, const struct code *code, uint64_t address) {
  const struct layout *layout = &tracee->layout;
  if (address >= layout->code && address < layout->code_end) {
    // Code outside of this piece is a handler, or behind a far jump.
    int64_t offset = address - (code->address & ~1ULL);
    if (offset >= 0 && offset < 256) printf("+%llx", (unsigned long long)offset);
    else printf("code+%llx", (unsigned long long)(address - layout->code));
  } else if (address >= layout->data - 64 && address < layout->data_end) {
    printf("data%+lld", (long long)(address - layout->data));
  } else if (address < (layout->is_32bit ? 0x100000 : 0x10000)) {
    printf("%llx", (unsigned long long)address);
  } else {
    printf("elsewhere");
  }
}

void print_stop(struct tracee *tracee, const struct code *code, struct stop stop) {
  if (stop.signal == 0) {
    printf(" ended %d", stop.code);
    return;
  }
  printf(" ");
  print_address(tracee, code, get_pc(tracee));
  if (stop.event) {
    printf(" event %d", stop.event);
  } else if (stop.signal == (SIGTRAP | 0x80)) {
    printf(" syscall");
  } else if (stop.signal == SIGTRAP && stop.code > 0) {
    static const char *const codes[] = {
      [TRAP_BRKPT] = "BRKPT", [TRAP_TRACE] = "TRACE", [TRAP_HWBKPT] = "HWBKPT"};
    if (stop.code > TRAP_HWBKPT || !codes[stop.code]) {
      printf(" TRAP %d", stop.code);
      return;
    }
    printf(" %s", codes[stop.code]);
    // Most are at the PC.
    if (stop.address == get_pc(tracee)) return;
    printf(" ");
    print_address(tracee, code, stop.address);
  } else if (stop.code > 0) {
    printf(" SIG%s %d ", sigabbrev_np(stop.signal), stop.code);
    print_address(tracee, code, stop.address);
  } else {
    printf(" SIG%s %d", sigabbrev_np(stop.signal), stop.code);
  }
}

// Skips an instruction that was not executed, and leaves its IT block in T32.
static void skip_instruction(struct tracee *tracee) {
  union registers registers = get_registers(tracee);
  if (!tracee->layout.is_32bit) {
    registers.wide.pc += 4;
  } else if (registers.narrow[16] & 0x20) {
    uint16_t halfword = 0;
    // A branch to nowhere has no instruction there.
    if (registers.narrow[15] >= 0x10000)
      read_memory(tracee, registers.narrow[15], &halfword, sizeof halfword);
    registers.narrow[15] += halfword >= 0xe800 ? 4 : 2;
    registers.narrow[16] &= ~0x0600fc00u;
  } else {
    registers.narrow[15] += 4;
  }
  set_registers(tracee, &registers);
}

void run_to_end(struct tracee *tracee, const struct code *code, int request, unsigned limit) {
  int signal = 0;
  for (unsigned n = 0; n < limit; n++) {
    struct stop stop = resume(tracee, request, signal);
    if (stop.signal != 0 && is_end(tracee, stop)) {
      printf(" end");
      print_stop(tracee, code, stop);
      if (code->flags & SHOWS_RESULT)
        printf(" = %llx", (unsigned long long)get_register(tracee, 0));
      printf("\n");
      return;
    }
    print_stop(tracee, code, stop);
    if (stop.signal == 0) break;
    signal = 0;
    // Linux reports a stepped system call twice, the first time as a trap that the process raised.
    bool is_report = stop.event || stop.signal == (SIGTRAP | 0x80) || is_trap(stop, TRAP_TRACE)
      || is_trap(stop, TRAP_HWBKPT) || is_trap(stop, SI_USER);
    if (is_report) continue;
    if (code->flags & DELIVERS) signal = stop.signal;
    else skip_instruction(tracee);
  }
  printf(" no end\n");
}
