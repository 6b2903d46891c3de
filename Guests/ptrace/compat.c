// A 32-bit program (compat.S), debugged by a 64-bit one: A32 and T32 stepped, hardware breakpoints of
// two and of four bytes, watchpoints, and coprocessor 14 as a program sees it.

#include "suite.h"

#define MAXIMUM 160
static struct code pieces[MAXIMUM];
static char names[MAXIMUM][64];

// The table of the program's pieces of code, read from its memory.
static unsigned read_pieces(struct tracee *tracee) {
  struct {
    uint32_t begin, end;
  } table;
  read_memory(tracee, tracee->ready.narrow[0] + 16, &table, sizeof table);
  unsigned count = (table.end - table.begin) / 12;
  if (count > MAXIMUM) fail("reading %u pieces of code", count);
  for (unsigned n = 0; n < count; n++) {
    struct {
      uint32_t address, name, flags;
    } piece;
    read_memory(tracee, table.begin + 12 * n, &piece, sizeof piece);
    read_memory(tracee, piece.name, names[n], sizeof names[n]);
    names[n][sizeof names[n] - 1] = 0;
    pieces[n] = (struct code){piece.address, names[n], piece.flags};
  }
  return count;
}

static const struct code *find(unsigned count, const char *name) {
  for (unsigned n = 0; n < count; n++)
    if (strcmp(pieces[n].name, name) == 0) return &pieces[n];
  fail("looking for the code \"%s\"", name);
}

static bool is_t32(const struct code *code) { return code->address & 1; }

static void set_breakpoint(struct tracee *tracee, unsigned n, uint64_t address, bool is_t32) {
  struct user_hwdebug_state state = {0};
  state.dbg_regs[n].addr = address;
  state.dbg_regs[n].ctrl = control_word(is_t32 ? 0x3 : 0xf, 0);
  int error = set_comparators(tracee, NT_ARM_HW_BREAK, &state, n + 1);
  if (error) printf(" refused: %s", strerror(error));
}

static void clear_breakpoints(struct tracee *tracee) {
  static const struct user_hwdebug_state none;
  set_comparators(tracee, NT_ARM_HW_BREAK, &none, 0);
}

static void step(struct tracee *tracee, const struct code *code, bool delivers) {
  struct code stepped = *code;
  if (!delivers) stepped.flags &= ~DELIVERS;
  printf("step %s%s:", code->name, (code->flags & DELIVERS) && !delivers ? ", skipped" : "");
  aim(tracee, code, 0, 0, 0);
  run_to_end(tracee, &stepped, PTRACE_SINGLESTEP, 40);
}

// A breakpoint on the first instruction, which is then stepped, and the rest run.
static void break_at(struct tracee *tracee, unsigned n, const struct code *code) {
  printf("breakpoint %u, %s:", n, code->name);
  aim(tracee, code, 0, 0, 0);
  set_breakpoint(tracee, n, code->address & ~1ULL, is_t32(code));
  print_stop(tracee, code, resume(tracee, PTRACE_CONT, 0));
  clear_breakpoints(tracee);
  print_stop(tracee, code, resume(tracee, PTRACE_SINGLESTEP, 0));
  run_to_end(tracee, code, PTRACE_CONT, 40);
}

// A breakpoint on each halfword or word of a piece of code in turn. A breakpoint on code that is not executed, or on
// the second half of an instruction, never hits.
static void break_along(struct tracee *tracee, const struct code *code, unsigned bytes, bool is_t32) {
  for (unsigned offset = 0, n = 0; offset < bytes; offset += is_t32 ? 2 : 4, n++) {
    uint64_t address = (code->address & ~1ULL) + offset;
    printf("breakpoint at %s+%x:", code->name, offset);
    aim(tracee, code, 0, 0, 0);
    set_breakpoint(tracee, n % comparator_count(tracee, NT_ARM_HW_BREAK), address, is_t32);
    struct stop stop = resume(tracee, PTRACE_CONT, 0);
    clear_breakpoints(tracee);
    if (is_end(tracee, stop)) {
      printf(" not hit\n");
      continue;
    }
    print_stop(tracee, code, stop);
    run_to_end(tracee, code, PTRACE_CONT, 10);
  }
}

static void watch(struct tracee *tracee, const struct code *code, unsigned n, unsigned length,
                  unsigned place, unsigned kind) {
  uint64_t field = tracee->layout.data + 512;
  struct user_hwdebug_state state = {0};
  state.dbg_regs[n].addr = field + place;
  state.dbg_regs[n].ctrl = control_word((1u << length) - 1, kind);
  printf("watchpoint %u, %u bytes at %u, kind %u, %s:", n, length, place, kind, code->name);
  aim(tracee, code, field, 0, 0);
  int error = set_comparators(tracee, NT_ARM_HW_WATCH, &state, n + 1);
  if (error) {
    printf(" refused: %s\n", strerror(error));
    return;
  }
  for (;;) {
    struct stop stop = resume(tracee, PTRACE_CONT, 0);
    if (stop.signal == 0 || is_end(tracee, stop)) break;
    print_stop(tracee, code, stop);
    // The accesses are stepped over: skipping one would leave an IT block behind.
    set_comparators(tracee, NT_ARM_HW_WATCH, &state, 0);
    stop = resume(tracee, PTRACE_SINGLESTEP, 0);
    if (!is_trap(stop, TRAP_TRACE)) print_stop(tracee, code, stop);
    set_comparators(tracee, NT_ARM_HW_WATCH, &state, n + 1);
  }
  set_comparators(tracee, NT_ARM_HW_WATCH, &state, 0);
  printf("\n");
}

void topic_compat(void) {
  struct tracee tracee = start_compat_tracee("/compat");
  unsigned count = read_pieces(&tracee);
  unsigned breakpoints = comparator_count(&tracee, NT_ARM_HW_BREAK);
  unsigned watchpoints = comparator_count(&tracee, NT_ARM_HW_WATCH);
  printf("%u breakpoints, %u watchpoints\n", breakpoints, watchpoints);

  for (unsigned n = 0; n < count; n++) {
    const struct code *code = &pieces[n];
    if (strstr(code->name, "accesses")) continue;
    step(&tracee, code, true);
    if (code->flags & DELIVERS) step(&tracee, code, false);
    break_at(&tracee, n % breakpoints, code);
  }
  break_along(&tracee, find(count, "A32 straight"), 36, false);
  break_along(&tracee, find(count, "A32 conditional"), 32, false);
  break_along(&tracee, find(count, "T32 straight"), 20, true);
  break_along(&tracee, find(count, "T32 IT blocks"), 36, true);
  break_along(&tracee, find(count, "A32 to T32 and back"), 24, true);

  unsigned arrangement = 0;
  for (unsigned length = 1; length <= 8; length *= 2)
    for (unsigned place = 0; place < 8; place++, arrangement++) {
      static const char *const sets[] = {"A32 accesses", "T32 accesses"};
      for (unsigned set = 0; set < 2; set++)
        watch(&tracee, find(count, sets[set]), arrangement % watchpoints, length, place,
              1 + arrangement % 3);
    }
  end_tracee(&tracee);
}
