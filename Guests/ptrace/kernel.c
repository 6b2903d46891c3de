// perf's breakpoints and watchpoints in the kernel's own code and data, counted while system calls are
// made. Linux meets these in EL1 (MDSCR_EL1.KDE = 1) and steps past each with its own single-step.
//
// An interrupt between such a breakpoint and the end of its step makes Linux take the breakpoint once
// more, on any machine (docs/nested-debugging.md, "An interrupt in Linux's step"). Exact counts are
// therefore possible only where interrupts are masked: changing a process's signal mask calls
// recalc_sigpending and writes task_struct.blocked under such a lock. Elsewhere each interrupt may add one.

#include "suite.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include "../common/kallsyms.h"

#define CALLS 40

// ---- Addresses ---------------------------------------------------------------------------------

static uint64_t kernel_function(const char *name) {
  uint64_t address = kernel_address(name);
  if (!address) fail("looking for %s in /proc/kallsyms", name);
  return address;
}

static void set_mask(uint64_t mask) {
  if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask) != 0)
    fail("blocking signals");
}

// The task_struct of this process: a note in /proc/kcore has a copy of its reader's.
static size_t read_task(uint64_t *task, size_t size) {
  int file = open("/proc/kcore", O_RDONLY);
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  if (file < 0 || read(file, &header, sizeof header) != sizeof header) fail("reading /proc/kcore");
  for (unsigned n = 0; n < header.e_phnum; n++) {
    off_t place = header.e_phoff + n * sizeof segment;
    if (pread(file, &segment, sizeof segment, place) != sizeof segment) break;
    if (segment.p_type != PT_NOTE) continue;
    char notes[32768];
    ssize_t length = pread(file, notes, sizeof notes, segment.p_offset);
    for (ssize_t at = 0; at + (ssize_t)sizeof(Elf64_Nhdr) <= length;) {
      const Elf64_Nhdr *note = (const Elf64_Nhdr *)(notes + at);
      ssize_t contents = at + sizeof *note + (note->n_namesz + 3) / 4 * 4;
      if (note->n_type == NT_TASKSTRUCT && contents + note->n_descsz <= length) {
        size_t count = note->n_descsz < size ? note->n_descsz : size;
        memcpy(task, notes + contents, count);
        close(file);
        return count / 8;
      }
      at = contents + (note->n_descsz + 3) / 4 * 4;
    }
  }
  fail("looking for a task_struct in /proc/kcore");
}

// The address of this process's signal mask in the kernel. Empty lists point to themselves, which gives the address
// of the structure. The mask is the word that has each value to which the mask is set.
static uint64_t address_of_mask(void) {
  static uint64_t first[2048], second[2048];
  set_mask(0x5a5a00000000);
  size_t words = read_task(first, sizeof first);
  set_mask(0xa5a500000000);
  read_task(second, sizeof second);
  set_mask(0);

  uint64_t task = 0;
  unsigned most = 0;
  for (size_t n = 0; n + 1 < words; n++) {
    if (first[n] != first[n + 1] || first[n] < 8 * n || first[n] >> 48 != 0xffff) continue;
    unsigned votes = 0;
    for (size_t m = 0; m + 1 < words; m++)
      votes += first[m] == first[m + 1] && first[m] - 8 * m == first[n] - 8 * n;
    if (votes > most) most = votes, task = first[n] - 8 * n;
  }
  for (size_t n = 0; n < words && most > 2; n++)
    if (first[n] == 0x5a5a00000000 && second[n] == 0xa5a500000000) return task + 8 * n;
  fail("looking for the signal mask in a task_struct (%u votes)", most);
}

// ---- Events ------------------------------------------------------------------------------------

// A breakpoint or watchpoint for this process, or, with a CPU, for all processes there. Linux offers breakpoints in
// the kernel for all processes only.
static int open_event(unsigned kind, uint64_t address, uint64_t length, int cpu) {
  struct perf_event_attr attributes = {
    .type = PERF_TYPE_BREAKPOINT, .size = sizeof attributes, .bp_type = kind, .bp_addr = address,
    .bp_len = length, .disabled = 1};
  int event = syscall(SYS_perf_event_open, &attributes, cpu < 0 ? 0 : -1, cpu, -1, 0);
  if (event < 0) fail("opening a perf event");
  return event;
}

static void start_counting(int event) {
  if (ioctl(event, PERF_EVENT_IOC_RESET, 0) != 0 || ioctl(event, PERF_EVENT_IOC_ENABLE, 0) != 0)
    fail("starting a perf event");
}

static uint64_t read_count(int event) {
  uint64_t count;
  if (read(event, &count, sizeof count) != sizeof count) fail("reading a perf event");
  return count;
}

static uint64_t stop_counting(int event) {
  if (ioctl(event, PERF_EVENT_IOC_DISABLE, 0) != 0) fail("stopping a perf event");
  uint64_t count = read_count(event);
  close(event);
  return count;
}

// The address that is counted, and the number of accesses.
static void change_masks(unsigned calls) {
  for (unsigned n = 1; n <= calls; n++) set_mask((uint64_t)n << 33);
}

static void count_all(const char *name, const int *events, unsigned count) {
  for (unsigned n = 0; n < count; n++) start_counting(events[n]);
  change_masks(CALLS);
  printf("%s:", name);
  uint64_t counts[8];
  // Reading the last counters must not add to the first.
  for (unsigned n = 0; n < count; n++) counts[n] = stop_counting(events[n]);
  for (unsigned n = 0; n < count; n++) printf(" %llu", (unsigned long long)counts[n]);
  printf("\n");
}

// The number of interrupts that a CPU has taken.
static uint64_t interrupts_of(int cpu) {
  char line[1024];
  FILE *table = fopen("/proc/interrupts", "r");
  if (!table) fail("opening /proc/interrupts");
  uint64_t sum = 0;
  // The first line has a column for each CPU. Each further line has a name and the numbers.
  while (fgets(line, sizeof line, table)) {
    char *next = strchr(line, ':');
    for (int n = 0; next && n <= cpu; n++) {
      char *number = next + (n == 0), *end;
      uint64_t count = strtoull(number, &end, 10);
      if (end == number) break;
      if (n == cpu) sum += count;
      next = end;
    }
  }
  fclose(table);
  return sum;
}

// A kernel function that interrupts may come into. Each call counts once, and at most once more for an interrupt.
static void count_interrupted(int cpu) {
  int event = open_event(HW_BREAKPOINT_X, kernel_function("__arm64_sys_getppid"), 4, cpu);
  start_counting(event);
  unsigned lost = 0, invented = 0;
  for (unsigned n = 0; n < CALLS; n++) {
    uint64_t interrupts = interrupts_of(cpu), before = read_count(event);
    syscall(SYS_getppid);
    uint64_t counted = read_count(event) - before;
    interrupts = interrupts_of(cpu) - interrupts;
    lost += counted == 0;
    invented += counted > 1 + interrupts;
  }
  stop_counting(event);
  printf("a system call: %u of %u calls lost, %u counted too often\n", lost, CALLS, invented);
}

static _Alignas(8) volatile uint64_t own[4];

__attribute__((noinline)) static uint64_t own_function(uint64_t x) {
  __asm__ volatile("add %0, %0, #1" : "+r"(x));
  return x;
}

// Points in the code and data of this process, and in data that the kernel reads and writes for it, where the kernel
// steps past its own accesses and does not count them.
static void count_own(void) {
  int events[] = {
    open_event(HW_BREAKPOINT_X, (uint64_t)own_function, 4, -1),
    open_event(HW_BREAKPOINT_W, (uint64_t)&own[0], 8, -1),
    open_event(HW_BREAKPOINT_RW, (uint64_t)&own[1], 4, -1)};
  for (unsigned n = 0; n < 3; n++) start_counting(events[n]);
  uint64_t sum = 0;
  for (unsigned n = 0; n < CALLS; n++) {
    sum = own_function(sum);
    own[0] = n;
    own[1] = own[1] + 1;
  }
  int pipes[2];
  if (pipe(pipes) != 0) fail("making a pipe");
  for (unsigned n = 0; n < CALLS; n++) {
    if (write(pipes[1], (void *)own, sizeof own) != sizeof own) fail("writing a pipe");
    if (read(pipes[0], (void *)own, sizeof own) != sizeof own) fail("reading a pipe");
  }
  printf("own:");
  for (unsigned n = 0; n < 3; n++) printf(" %llu", (unsigned long long)stop_counting(events[n]));
  printf(", sum %llu, words %llu %llu\n", (unsigned long long)sum, (unsigned long long)own[0],
         (unsigned long long)own[1]);
  own[1] = 0;
  close(pipes[0]);
  close(pipes[1]);
}

void topic_kernel(void) {
  uint64_t function = kernel_function("recalc_sigpending"), mask = address_of_mask();
  int cpu = sched_getcpu(), events[8];

  for (unsigned n = 0; n < 3; n++) {
    events[0] = open_event(HW_BREAKPOINT_X, function + 4 * n, 4, cpu);
    count_all("a function's instruction", events, 1);
  }
  for (unsigned n = 0; n < 4; n++)
    events[n] = open_event(HW_BREAKPOINT_X, function + 4 * (n % 3), 4, cpu);
  count_all("instructions side by side, and one twice", events, 4);

  for (unsigned length = 1; length <= 8; length *= 2)
    for (unsigned place = 0; place < 8; place += length) {
      events[0] = open_event(HW_BREAKPOINT_W, mask + place, length, cpu);
      count_all("bytes of a word", events, 1);
    }
  events[0] = open_event(HW_BREAKPOINT_X, function, 4, cpu);
  events[1] = open_event(HW_BREAKPOINT_W, mask, 8, cpu);
  events[2] = open_event(HW_BREAKPOINT_X, function + 8, 4, cpu);
  events[3] = open_event(HW_BREAKPOINT_W, mask + 64, 8, cpu);
  count_all("code and data", events, 4);

  count_interrupted(cpu);
  count_own();
  set_mask(0);
}
