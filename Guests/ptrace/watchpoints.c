// Watchpoints through ptrace: each length at each place in a doubleword, for loads, stores and both,
// against accesses of each size that touch it or just miss it. Linux offers no masked ones (WCR.MASK).

#include "suite.h"

#include <unistd.h>

// The description of each access in code.S; see there.
extern const struct access {
  uint8_t kind, size;
  int8_t offset;
  uint8_t reserved;
} accesses[], accesses_end[];
extern const char accesses_code[];

enum { LOAD = 1, STORE = 2 };  // DBGWCRn_EL1.LSC

// The watched doubleword: enough of `data` before and behind it for the largest DC ZVA block.
static uint64_t field(void) { return layout.data + 2048; }

static void print_hit(struct tracee *tracee, struct stop stop) {
  unsigned n = (get_pc(tracee) - (uint64_t)accesses_code) / 8;
  if (!is_trap(stop, TRAP_HWBKPT) || n >= (size_t)(accesses_end - accesses)) {
    print_stop(tracee, find_code("accesses"), stop);
    return;
  }
  const struct access *access = &accesses[n];
  printf(" %c%u%+d:%lld", access->kind == LOAD ? 'l' : access->kind == STORE ? 's' : '-',
         access->size, access->offset, (long long)(stop.address - field()));
}

// Runs all accesses. Accesses that hit are skipped, or stepped over with the watchpoints off.
static void watch(struct tracee *tracee, const struct user_hwdebug_state *state, unsigned count,
                  bool steps_over) {
  static const struct user_hwdebug_state none;
  aim(tracee, find_code("accesses"), field(), 0, 0);
  if (set_comparators(tracee, NT_ARM_HW_WATCH, state, count) != 0) {
    printf(" refused: %s\n", strerror(errno));
    return;
  }
  for (;;) {
    struct stop stop = resume(tracee, PTRACE_CONT, 0);
    if (stop.signal == 0 || is_end(tracee, stop)) break;
    print_hit(tracee, stop);
    if (steps_over) {
      set_comparators(tracee, NT_ARM_HW_WATCH, &none, 0);
      stop = resume(tracee, PTRACE_SINGLESTEP, 0);
      if (!is_trap(stop, TRAP_TRACE)) print_stop(tracee, find_code("accesses"), stop);
      set_comparators(tracee, NT_ARM_HW_WATCH, state, count);
    } else {
      set_pc(tracee, get_pc(tracee) + 4);
    }
  }
  set_comparators(tracee, NT_ARM_HW_WATCH, &none, 0);
  printf("\n");
}

// All watchpoints at once, with different lengths, on adjacent doublewords.
static void watch_many(struct tracee *tracee, unsigned count, bool steps) {
  const struct code *code = find_code("separate accesses");
  struct user_hwdebug_state state = {0};
  static const unsigned bytes[] = {0xff, 0x0f, 0x03, 0x80};
  static const unsigned kinds[] = {STORE, LOAD, LOAD | STORE, STORE};
  for (unsigned n = 0; n < count; n++) {
    state.dbg_regs[n].addr = field() + 8 * (n % 4);
    state.dbg_regs[n].ctrl = control_word(bytes[n % 4], kinds[n % 4]);
  }
  printf("%u watchpoints%s:", count, steps ? ", stepped" : "");
  aim(tracee, code, field(), 0, 0);
  if (set_comparators(tracee, NT_ARM_HW_WATCH, &state, count) != 0) fail("setting watchpoints");
  for (;;) {
    struct stop stop = resume(tracee, steps ? PTRACE_SINGLESTEP : PTRACE_CONT, 0);
    if (stop.signal == 0 || is_end(tracee, stop)) break;
    print_stop(tracee, code, stop);
    if (is_trap(stop, TRAP_HWBKPT)) set_pc(tracee, get_pc(tracee) + 4);
  }
  set_comparators(tracee, NT_ARM_HW_WATCH, &state, 0);
  printf("\n");
}

// A watched buffer that Linux reads and writes for the process. Linux then hits the watchpoint (LDTR, STTR), steps
// past it with its own single-step, and reports nothing.
static void watch_call(struct tracee *tracee, const char *name) {
  const struct code *code = find_code(name);
  struct user_hwdebug_state state = {
    .dbg_regs[0] = {.addr = field(), .ctrl = control_word(0xff, LOAD | STORE)},
    .dbg_regs[1] = {.addr = field() + 16, .ctrl = control_word(0x0f, LOAD | STORE)}};
  printf("watched %s:", name);
  for (unsigned round = 0; round < 8; round++) {
    aim(tracee, code, 3, field(), 16 + 8 * round);
    set_comparators(tracee, NT_ARM_HW_WATCH, &state, 2);
    print_stop(tracee, code, resume(tracee, PTRACE_CONT, 0));
    printf(" = %lld", (long long)get_register(tracee, 0));
  }
  set_comparators(tracee, NT_ARM_HW_WATCH, &state, 0);
  printf("\n");
}

static void watch_calls(void) {
  char path[] = "/watched.XXXXXX";
  int file = mkstemp(path);
  if (file != 3) fail("%s is file %d", path, file);
  struct tracee tracee = start_tracee();
  watch_call(&tracee, "write");
  lseek(file, 0, SEEK_SET);
  watch_call(&tracee, "read");
  end_tracee(&tracee);
  close(file);
}

void topic_watchpoints(void) {
  struct tracee tracee = start_tracee();
  unsigned count = comparator_count(&tracee, NT_ARM_HW_WATCH);
  unsigned arrangement = 0;
  for (unsigned length = 1; length <= 8; length++)
    for (unsigned place = 0; place < 8; place++)
      for (unsigned kind = LOAD; kind <= (LOAD | STORE); kind++, arrangement++) {
        // Linux cuts off the part beyond the doubleword, which one kind of access shows. If time is short, one kind
        // has to do for everything.
        if ((is_brief || length + place > 8) && kind != 1 + (length + place / 2) % 3) continue;
        unsigned n = arrangement % count;
        struct user_hwdebug_state state = {0};
        state.dbg_regs[n].addr = field() + place;
        state.dbg_regs[n].ctrl = control_word((1u << length) - 1, kind);
        printf("watchpoint %u, %u bytes at %u, %s:", n, length, place,
               kind == LOAD ? "loads" : kind == STORE ? "stores" : "both");
        // Stepping over takes three times as long, so only some accesses are stepped over.
        watch(&tracee, &state, n + 1, arrangement % 16 == 5);
      }
  for (unsigned n = 1; n <= count && n <= 4; n++) {
    watch_many(&tracee, n, false);
    watch_many(&tracee, n, true);
  }
  end_tracee(&tracee);
  watch_calls();
}
