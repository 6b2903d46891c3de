// Hardware breakpoints through ptrace: every number, on each class of instruction, several at once.

#include "suite.h"

// Breakpoint `n` on the first instruction, which then runs, first by a step, then without.
static void break_at(struct tracee *tracee, unsigned n, const struct code *code) {
  struct user_hwdebug_state state = {0};
  state.dbg_regs[n].addr = code->address;
  state.dbg_regs[n].ctrl = control_word(0xf, 0);
  printf("breakpoint %u, %s:", n, code->name);
  for (unsigned round = 0; round < 2; round++) {
    aim(tracee, code, 0, 0, 0);
    if (set_comparators(tracee, NT_ARM_HW_BREAK, &state, n + 1) != 0)
      fail("setting breakpoint %u", n);
    print_stop(tracee, code, resume(tracee, PTRACE_CONT, 0));
    set_comparators(tracee, NT_ARM_HW_BREAK, &state, 0);
    if (round == 0) print_stop(tracee, code, resume(tracee, PTRACE_SINGLESTEP, 0));
    else run_to_end(tracee, code, PTRACE_CONT, 40);
  }
}

// Breakpoints 0 … count-1 on consecutive instructions. Each is removed when it is hit.
static void break_along(struct tracee *tracee, const struct code *code, unsigned count, int request) {
  struct user_hwdebug_state state = {0};
  for (unsigned n = 0; n < count; n++) {
    state.dbg_regs[n].addr = code->address + 4 * n;
    state.dbg_regs[n].ctrl = control_word(0xf, 0);
  }
  printf("%u breakpoints, %s, %s:", count, code->name,
         request == PTRACE_CONT ? "continued" : "stepped");
  aim(tracee, code, 0, 0, 0);
  for (unsigned stops = 0; stops < 40; stops++) {
    if (set_comparators(tracee, NT_ARM_HW_BREAK, &state, count) != 0)
      fail("setting %u breakpoints", count);
    struct stop stop = resume(tracee, request, 0);
    if (stop.signal == 0 || is_end(tracee, stop)) break;
    print_stop(tracee, code, stop);
    for (unsigned n = 0; n < count; n++)
      if (is_trap(stop, TRAP_HWBKPT) && state.dbg_regs[n].addr == stop.address)
        state.dbg_regs[n].ctrl &= ~1u;
  }
  set_comparators(tracee, NT_ARM_HW_BREAK, &state, 0);
  printf(" end = %llx\n", (unsigned long long)get_register(tracee, 0));
}

// One breakpoint that is hit in each round of a loop and stepped over there.
static void break_in_loop(struct tracee *tracee) {
  const struct code *code = find_code("branches");
  struct user_hwdebug_state state = {
    .dbg_regs[1] = {.addr = code->address + 4, .ctrl = control_word(0xf, 0)}};
  printf("breakpoint in a loop:");
  aim(tracee, code, 0, 0, 0);
  for (;;) {
    set_comparators(tracee, NT_ARM_HW_BREAK, &state, 2);
    struct stop stop = resume(tracee, PTRACE_CONT, 0);
    if (stop.signal == 0 || is_end(tracee, stop)) break;
    print_stop(tracee, code, stop);
    set_comparators(tracee, NT_ARM_HW_BREAK, &state, 0);
    print_stop(tracee, code, resume(tracee, PTRACE_SINGLESTEP, 0));
  }
  set_comparators(tracee, NT_ARM_HW_BREAK, &state, 0);
  printf("\n");
}

// Breakpoints that Linux refuses, and the values that it returns for those that it accepts.
static void set(struct tracee *tracee, int kind, const char *name, uint64_t address, uint32_t control) {
  struct user_hwdebug_state state = {.dbg_regs[0] = {.addr = address, .ctrl = control}};
  int error = set_comparators(tracee, kind, &state, 1);
  struct iovec io = {&state, sizeof state};
  if (ptrace(PTRACE_GETREGSET, tracee->pid, kind, &io) != 0) fail("reading a child's comparators");
  printf("%s, control %x: %s, reads %x ", name, control, error ? strerror(error) : "taken",
         state.dbg_regs[0].ctrl);
  print_address(tracee, find_code("straight"), state.dbg_regs[0].addr);
  printf("\n");
  set_comparators(tracee, kind, &state, 0);
}

void topic_breakpoints(void) {
  struct tracee tracee = start_tracee();
  unsigned count = comparator_count(&tracee, NT_ARM_HW_BREAK);
  printf("%u breakpoints, %u watchpoints\n", count, comparator_count(&tracee, NT_ARM_HW_WATCH));

  static const char *const elsewhere[] = {"clone", "execve", "exit", "write", "read", "accesses"};
  unsigned n = 0;
  for (const struct code *code = codes; code < codes_end; code++) {
    bool is_here = true;
    for (unsigned i = 0; i < COUNT_OF(elsewhere); i++)
      is_here &= strcmp(code->name, elsewhere[i]) != 0;
    if (is_here) break_at(&tracee, n++ % count, code);
  }
  for (unsigned n = 0; n < count; n++) {
    break_at(&tracee, n, find_code("straight"));
    break_at(&tracee, n, find_code("BRK"));
    break_along(&tracee, find_code("straight"), n + 1, PTRACE_CONT);
    break_along(&tracee, find_code("straight"), n + 1, PTRACE_SINGLESTEP);
  }
  break_in_loop(&tracee);

  uint64_t code = find_code("straight")->address, data = layout.data;
  for (unsigned low = 0; low < 4; low++)
    set(&tracee, NT_ARM_HW_BREAK, "unaligned breakpoint", code + low, control_word(0xf, 0));
  for (unsigned bas = 0; bas < 16; bas++)
    set(&tracee, NT_ARM_HW_BREAK, "bytes of a breakpoint", code, control_word(bas, 0));
  for (unsigned bits = 0; bits < 8; bits++)
    set(&tracee, NT_ARM_HW_BREAK, "level of a breakpoint", code, 0xf << 5 | bits);
  set(&tracee, NT_ARM_HW_BREAK, "kernel's breakpoint", 0xffff800008000000, control_word(0xf, 0));
  for (unsigned access = 0; access < 4; access++)
    set(&tracee, NT_ARM_HW_WATCH, "access of a watchpoint", data, control_word(0xff, access));
  for (unsigned bas = 0; bas < 256; bas += 5)
    set(&tracee, NT_ARM_HW_WATCH, "bytes of a watchpoint", data, control_word(bas, 3));
  end_tracee(&tracee);
}
