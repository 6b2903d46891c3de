// The guest program of the demo: the first process of Linux, which debugs its children.
//
// Every CPU has one tracer, whose children are pinned to that CPU. A tracer gives its children hardware
// breakpoints, watchpoints and single-steps through ptrace. This goes through Linux's hw_breakpoint code to the
// real debug registers. The tracer counts the events, and checks the cause and the address of each. It counts any
// other stop of a child as stray.
//
// Meanwhile a debugger beneath Linux stops the kernel at getppid, which the children call, and watches the name of
// this process, a word of kernel memory that this process changes.
//
// Output: one line "STEPWELL <what> <count>" for each counter, on the console.
// Arguments: <rounds of the breakpoint child> <loops of the stepped child> <changes of the name>

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <asm/ptrace.h>

#include "../common/kallsyms.h"

// The counts of the tracers, in one page that all processes share.
struct counts {
  unsigned long breakpoints, watchpoints, steps, brks, strays, correct;
};
static struct counts *counts;

#define COUNT(what) __atomic_add_fetch(&counts->what, 1, __ATOMIC_RELAXED)

static unsigned rounds, loops, changes;

// Reports why the demo cannot go on, and powers off.
static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("STEPWELL failed ");
  vprintf(format, arguments);
  printf(": %s\n", strerror(errno));
  fflush(stdout);
  reboot(RB_POWER_OFF);
  _exit(1);
}

// ---- What the children run ------------------------------------------------------------------

// With a BRK a child asks its tracer for the next set of debug registers.
#define NEXT_ARRANGEMENT() __asm__ volatile("brk #0x57" ::: "memory")

static void call_getppid(void) { syscall(SYS_getppid); }

// Four functions for breakpoints on their first instructions.
#define TARGET(n) \
  static __attribute__((noinline)) unsigned long target##n(unsigned long x) { \
    __asm__ volatile("add %0, %0, %1" : "+r"(x) : "i"(n + 1)); \
    return x; \
  }
TARGET(0) TARGET(1) TARGET(2) TARGET(3)

#define TARGETS 4
static unsigned long (*const targets[TARGETS])(unsigned long) = {target0, target1, target2,
                                                                 target3};

static int breakpoint_child(void) {
  unsigned long sum = 0;
  NEXT_ARRANGEMENT();
  for (unsigned round = 0; round < rounds; round++) {
    for (int n = 0; n < TARGETS; n++) sum = targets[n](sum);
    if (round % 5 == 0) call_getppid();
  }
  return sum == 10UL * rounds;
}

// The watched bytes: all of the middle doubleword, none of its neighbours.
static _Alignas(32) volatile uint8_t field[24];
static _Alignas(8) volatile uint64_t tally;

// Every run of bytes in a doubleword: 8 of one byte, 7 of two … 1 of eight.
#define REGIONS 36
static struct { unsigned offset, length; } regions[REGIONS];

static void list_regions(void) {
  unsigned n = 0;
  for (unsigned length = 1; length <= 8; length++)
    for (unsigned offset = 0; offset + length <= 8; offset++, n++)
      regions[n].offset = offset, regions[n].length = length;
}

enum { LOAD = 1, STORE = 2, LOAD_AND_STORE = 3 };  // DBGWCRn_EL1.LSC
#define ARRANGEMENTS (REGIONS * 3)

// In assembly, so that no compiler merges, widens or drops an access.
static uint8_t load_byte(volatile uint8_t *p) {
  unsigned value;
  __asm__ volatile("ldrb %w0, %1" : "=r"(value) : "Q"(*p));
  return value;
}
static void store_byte(volatile uint8_t *p, uint8_t value) {
  __asm__ volatile("strb %w1, %0" : "=Q"(*p) : "r"(value));
}
static void store_doubleword(volatile uint64_t *p, uint64_t value) {
  __asm__ volatile("str %1, %0" : "=Q"(*p) : "r"(value));
}

static int watchpoint_child(void) {
  unsigned long wrong = 0;
  for (unsigned n = 0; n < ARRANGEMENTS; n++) {
    NEXT_ARRANGEMENT();
    for (unsigned i = 0; i < sizeof field; i++) store_byte(&field[i], n + i);
    for (unsigned i = 0; i < sizeof field; i++) wrong += load_byte(&field[i]) != (uint8_t)(n + i);
    store_doubleword((volatile uint64_t *)&field[8], n);
    store_doubleword(&tally, n);
    if (n % 4 == 0) call_getppid();
  }
  return wrong == 0 && tally == ARRANGEMENTS - 1;
}

// Five instructions a loop, one of them a system call, between two labels.
extern const char step_begin[], step_end[];

static int stepped_child(void) {
  unsigned long calls = 0;
  NEXT_ARRANGEMENT();
  __asm__ volatile(
      "   mov  x9, %1\n"
      "   .globl step_begin, step_end\n"
      "step_begin:\n"
      "1: mov  x8, %2\n"
      "   svc  #0\n"
      "   add  %0, %0, #1\n"
      "   subs x9, x9, #1\n"
      "   b.ne 1b\n"
      "step_end:\n"
      : "+r"(calls)
      : "r"((unsigned long)loops), "i"(SYS_getppid)
      : "x0", "x8", "x9", "cc", "memory");
  return calls == loops;
}

// ---- The tracer -----------------------------------------------------------------------------

static void set_comparators(pid_t child, int kind, const struct user_hwdebug_state *state,
                            unsigned count) {
  struct iovec io = {(void *)state,
                     offsetof(struct user_hwdebug_state, dbg_regs) + 16 * (size_t)count};
  if (ptrace(PTRACE_SETREGSET, child, kind, &io) != 0)
    fail("setting the %s of a child", kind == NT_ARM_HW_BREAK ? "breakpoints" : "watchpoints");
}

static struct user_pt_regs registers_of(pid_t child) {
  struct user_pt_regs registers;
  struct iovec io = {&registers, sizeof registers};
  if (ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &io) != 0) fail("reading a child's registers");
  return registers;
}

static void skip_instruction(pid_t child) {
  struct user_pt_regs registers = registers_of(child);
  struct iovec io = {&registers, sizeof registers};
  registers.pc += 4;
  if (ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &io) != 0) fail("moving a child's PC");
}

// A stop of a child: its signal with si_code and address; signal 0 when the child has ended.
struct stop {
  int signal, code;
  uint64_t address;
};

static bool is_trap(struct stop stop, int code) {
  return stop.signal == SIGTRAP && stop.code == code;
}

static struct stop wait_for(pid_t child) {
  int status;
  siginfo_t info;
  if (waitpid(child, &status, 0) != child) fail("waiting for a child");
  if (!WIFSTOPPED(status)) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) COUNT(correct);
    return (struct stop){0};
  }
  if (ptrace(PTRACE_GETSIGINFO, child, 0, &info) != 0) fail("asking why a child stopped");
  return (struct stop){info.si_signo, info.si_code, (uint64_t)info.si_addr};
}

static struct stop resume(pid_t child, int request) {
  if (ptrace(request, child, 0, 0) != 0) fail("resuming a child");
  return wait_for(child);
}

// Steps the instruction whose breakpoint or watchpoint has just been removed.
static void step_over(pid_t child) {
  struct stop stop = resume(child, PTRACE_SINGLESTEP);
  if (is_trap(stop, TRAP_TRACE)) COUNT(steps);
  else COUNT(strays);
}

static pid_t start(int (*run)(void)) {
  pid_t child = fork();
  if (child < 0) fail("forking");
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(run() ? 0 : 1);
  }
  wait_for(child);
  if (ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL) != 0) fail("tracing a child");
  return child;
}

// user_hwdebug_state's control word: DBGBCRn/DBGWCRn's BAS, LSC, PAC (EL0) and E.
static uint32_t control(unsigned bytes, unsigned access) {
  return ((1u << bytes) - 1) << 5 | access << 3 | 2u << 1 | 1;
}

static void trace_breakpoints(void) {
  pid_t child = start(breakpoint_child);
  struct user_hwdebug_state armed = {0};
  for (int n = 0; n < TARGETS; n++) {
    armed.dbg_regs[n].addr = (uint64_t)targets[n];
    armed.dbg_regs[n].ctrl = control(4, 0);
  }

  for (;;) {
    struct stop stop = resume(child, PTRACE_CONT);
    if (stop.signal == 0) return;
    if (is_trap(stop, TRAP_BRKPT)) {
      COUNT(brks);
      skip_instruction(child);
      set_comparators(child, NT_ARM_HW_BREAK, &armed, TARGETS);
      continue;
    }
    int hit = 0;
    while (hit < TARGETS && stop.address != (uint64_t)targets[hit]) hit++;
    if (!is_trap(stop, TRAP_HWBKPT) || hit == TARGETS || registers_of(child).pc != stop.address) {
      COUNT(strays);
      continue;
    }
    COUNT(breakpoints);
    struct user_hwdebug_state disarmed = armed;
    disarmed.dbg_regs[hit].ctrl &= ~1u;
    set_comparators(child, NT_ARM_HW_BREAK, &disarmed, TARGETS);
    step_over(child);
    set_comparators(child, NT_ARM_HW_BREAK, &armed, TARGETS);
  }
}

// Watchpoint 0 takes each region with each kind of access in turn; watchpoint 1 stays on `tally`.
static struct user_hwdebug_state watch(unsigned arrangement) {
  unsigned region = arrangement / 3, access = LOAD + arrangement % 3;
  struct user_hwdebug_state armed = {0};
  armed.dbg_regs[0].addr = (uint64_t)&field[8 + regions[region].offset];
  armed.dbg_regs[0].ctrl = control(regions[region].length, access);
  armed.dbg_regs[1].addr = (uint64_t)&tally;
  armed.dbg_regs[1].ctrl = control(8, STORE);
  return armed;
}

static void trace_watchpoints(void) {
  pid_t child = start(watchpoint_child);
  static const struct user_hwdebug_state disarmed;
  struct user_hwdebug_state armed = {0};
  unsigned arrangement = 0;

  for (;;) {
    struct stop stop = resume(child, PTRACE_CONT);
    if (stop.signal == 0) return;
    if (is_trap(stop, TRAP_BRKPT) && arrangement < ARRANGEMENTS) {
      COUNT(brks);
      skip_instruction(child);
      armed = watch(arrangement++);
      set_comparators(child, NT_ARM_HW_WATCH, &armed, 2);
      continue;
    }
    bool in_field = stop.address >= (uint64_t)&field[8] && stop.address < (uint64_t)&field[16];
    bool in_tally = stop.address - (uint64_t)&tally < 8;
    if (!is_trap(stop, TRAP_HWBKPT) || !(in_field || in_tally)) {
      COUNT(strays);
      continue;
    }
    COUNT(watchpoints);
    set_comparators(child, NT_ARM_HW_WATCH, &disarmed, 2);
    step_over(child);
    set_comparators(child, NT_ARM_HW_WATCH, &armed, 2);
  }
}

// Linux reports a stepped system call twice, once as its end (SI_USER) and once as a step, with the same PC. A step
// is therefore counted when the PC has moved.
static void trace_steps(void) {
  pid_t child = start(stepped_child);
  struct stop stop = resume(child, PTRACE_CONT);
  if (!is_trap(stop, TRAP_BRKPT)) fail("a child did not reach its BRK");
  COUNT(brks);
  skip_instruction(child);

  for (uint64_t pc = registers_of(child).pc; pc != (uint64_t)step_end;) {
    stop = resume(child, PTRACE_SINGLESTEP);
    if (stop.signal == 0) return;
    if (!is_trap(stop, TRAP_TRACE) && !is_trap(stop, SI_USER)) COUNT(strays);
    uint64_t next = registers_of(child).pc;
    if (pc >= (uint64_t)step_begin && next != pc) COUNT(steps);
    pc = next;
  }
  while (resume(child, PTRACE_CONT).signal != 0) COUNT(strays);
}

// ---- The first process ----------------------------------------------------------------------

static void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("pinning a process to CPU %d", cpu);
}

// Two places for breakpoints of the debugger, which it sets before Linux starts. Neither side has to wait for the
// other.
__attribute__((noinline, used)) void stepwell_ready(uint64_t getppid_in_the_kernel) {
  __asm__ volatile("" ::"r"(getppid_in_the_kernel));
}
__attribute__((noinline, used)) void stepwell_finished(void) { __asm__ volatile(""); }

static void set_name(unsigned change) {
  char name[16];
  snprintf(name, sizeof name, "s%06u-demo", change % 1000000);
  prctl(PR_SET_NAME, name);
}

int main(int argc, char **argv) {
  if (argc != 4) fail("starting with %d arguments", argc - 1);
  rounds = strtoul(argv[1], NULL, 10);
  loops = strtoul(argv[2], NULL, 10);
  changes = strtoul(argv[3], NULL, 10);
  list_regions();

  mkdir("/proc", 0555);
  if (mount("proc", "/proc", "proc", 0, NULL) != 0) fail("mounting /proc");
  counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (counts == MAP_FAILED) fail("sharing the counters");
  int cpus = sysconf(_SC_NPROCESSORS_ONLN);
  printf("STEPWELL cpus %d\n", cpus);
  fflush(stdout);

  pin_to(0);
  set_name(0);
  const char *function = "__arm64_sys_getppid";
  uint64_t address = kernel_address(function);
  if (!address) fail("looking for %s in /proc/kallsyms", function);
  stepwell_ready(address);
  call_getppid();  // the debugger finds the name of this process here

  for (int cpu = 0; cpu < cpus; cpu++) {
    pid_t tracer = fork();
    if (tracer < 0) fail("forking");
    if (tracer > 0) continue;
    pin_to(cpu);
    trace_breakpoints();
    trace_watchpoints();
    trace_steps();
    _exit(0);
  }

  // The pause spreads the changes over the work of the tracers.
  for (unsigned change = 1; change <= changes; change++) {
    set_name(change);
    usleep(10000);
  }
  while (wait(NULL) > 0) continue;
  stepwell_finished();

  printf("STEPWELL breakpoints %lu\n", counts->breakpoints);
  printf("STEPWELL watchpoints %lu\n", counts->watchpoints);
  printf("STEPWELL steps %lu\n", counts->steps);
  printf("STEPWELL brks %lu\n", counts->brks);
  printf("STEPWELL strays %lu\n", counts->strays);
  printf("STEPWELL correct %lu\n", counts->correct);
  printf("STEPWELL end 0\n");
  fflush(stdout);
  reboot(RB_POWER_OFF);
}
