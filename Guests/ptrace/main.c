// The first process. It runs topics on every CPU at once, then writes the transcripts, one CPU after the other, with
// "cpu <n>: " before each line. "end" is the last line.
//
// Arguments: the names of topics, or none for all of them; "brief" (is_brief). Linux also passes on the words of its
// command line that it does not know, which are ignored.

#include "suite.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
  const char *name;
  void (*run)(void);
} topics[] = {
  {"breakpoints", topic_breakpoints},
  {"watchpoints", topic_watchpoints},
  {"steps", topic_steps},
  {"processes", topic_processes},
  {"compat", topic_compat},
  {"kernel", topic_kernel},
};

bool is_brief;

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("failed ");
  vprintf(format, arguments);
  printf(": %s\n", strerror(errno));
  fflush(stdout);
  _exit(1);
}

static void name_transcript(char *path, size_t size, int cpu) {
  snprintf(path, size, "/transcript.%d", cpu);
}

static bool is_among(char **names, const char *name) {
  while (*names && strcmp(*names, name) != 0) names++;
  return *names;
}

// Waits until all CPUs have reached this point. The breakpoints of a process on any CPU leave fewer for the
// breakpoints of all processes on one CPU (perf's in the kernel), so the two must not meet.
static unsigned *arrivals;

static void wait_for_others(unsigned cpus) {
  unsigned turn = (__atomic_fetch_add(arrivals, 1, __ATOMIC_ACQ_REL) / cpus + 1) * cpus;
  while (__atomic_load_n(arrivals, __ATOMIC_ACQUIRE) < turn) usleep(1000);
}

// Runs the chosen topics, or all, on one CPU. The transcript goes to a file.
static void run_topics(int cpu, int cpus, char **chosen) {
  char path[32];
  name_transcript(path, sizeof path, cpu);
  if (!freopen(path, "w", stdout)) fail("making %s", path);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("pinning a process to CPU %d", cpu);
  bool any = false;
  for (unsigned n = 0; n < COUNT_OF(topics); n++) any |= is_among(chosen, topics[n].name);
  for (unsigned n = 0; n < COUNT_OF(topics); n++) {
    if (any && !is_among(chosen, topics[n].name)) continue;
    wait_for_others(cpus);
    printf("topic %s\n", topics[n].name);
    topics[n].run();
    fflush(stdout);
  }
  _exit(0);
}

int main(int argc, char **argv) {
  mkdir("/proc", 0555);
  if (mount("proc", "/proc", "proc", 0, NULL) != 0) fail("mounting /proc");
  int cpus = sysconf(_SC_NPROCESSORS_ONLN);
  char **names = argv + (argc > 0);
  is_brief = is_among(names, "brief");
  arrivals = mmap(
    NULL, sizeof *arrivals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (arrivals == MAP_FAILED) fail("sharing a counter");
  // A debugger beneath Linux may look around from now on.
  printf("start\n");
  fflush(stdout);

  for (int cpu = 0; cpu < cpus; cpu++) {
    pid_t worker = fork();
    if (worker < 0) fail("forking");
    if (worker == 0) run_topics(cpu, cpus, names);
  }
  while (wait(NULL) > 0) continue;

  for (int cpu = 0; cpu < cpus; cpu++) {
    char path[32], line[4096];
    name_transcript(path, sizeof path, cpu);
    FILE *transcript = fopen(path, "r");
    if (!transcript) fail("reading %s", path);
    while (fgets(line, sizeof line, transcript)) printf("cpu %d: %s", cpu, line);
    fclose(transcript);
  }
  printf("end\n");
  fflush(stdout);
  reboot(RB_POWER_OFF);
}
