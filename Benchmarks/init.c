// The first and only process of a Linux whose boot is counted. It steps a child with ptrace, reports the cost
// of a step, and switches the machine off.
//
//   benchmark: boot FREQUENCY TICKS
//   benchmark: debugger ptrace_step ROUNDS TOTAL BATCH LOWEST
//   benchmark: end
//
// FREQUENCY is the frequency of the virtual counter, TICKS its value when the process began.

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

enum { batches = 20, batch = 100 };

static uint64_t now(void) {
  uint64_t ticks;
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
  return ticks;
}

static void child(void) {
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(1);
  raise(SIGSTOP);
  for (;;) __asm__ volatile("nop\n nop\n nop\n nop");
}

static void stop(const char *what) {
  if (what) printf("benchmark: unexpected %s\n", what);
  fflush(stdout);
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

static void wait_for_stop(pid_t pid, int signal) {
  int status;
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != signal) {
    stop("status of the stepped child");
  }
}

int main(void) {
  const uint64_t boot = now();
  uint64_t frequency;
  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
  printf("benchmark: boot %lu %lu\n", frequency, boot);
  fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) stop("fork");
  if (pid == 0) child();
  wait_for_stop(pid, SIGSTOP);
  uint64_t total = 0, lowest = ~0ul;
  for (unsigned b = 0; b < batches; b++) {
    const uint64_t start = now();
    for (unsigned n = 0; n < batch; n++) {
      if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0) stop("PTRACE_SINGLESTEP");
      wait_for_stop(pid, SIGTRAP);
    }
    const uint64_t ticks = now() - start;
    total += ticks;
    if (ticks < lowest) lowest = ticks;
  }
  printf("benchmark: debugger ptrace_step %u %lu %u %lu\n", batches * batch, total, batch, lowest);
  printf("benchmark: end\n");
  kill(pid, SIGKILL);
  stop(NULL);
}
