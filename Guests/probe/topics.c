// What the command line may name.

#include "probe.h"

#define TOPICS(X)         \
  X(interrupts_pending)   \
  X(interrupts_nested)    \
  X(interrupts_triggers)  \
  X(interrupts_latch)     \
  X(interrupts_late)      \
  X(interrupts_unwoken)   \
  X(interrupts_views)     \
  X(interrupts_sgi)       \
  X(interrupts_timer)     \
  X(hidden_registers)     \
  X(hidden_spin)          \
  X(hidden_writes)        \
  X(psci_calls)           \
  X(psci_arguments)       \
  X(psci_refused)         \
  X(firmware_calls)       \
  X(psci_race)            \
  X(psci_cycles)          \
  X(psci_suspend)         \
  X(registers_access)     \
  X(registers_values)     \
  X(registers_modes)      \
  X(nested_breakpoints)   \
  X(nested_brk)           \
  X(nested_steps)         \
  X(nested_watched_bytes) \
  X(nested_watchpoints)   \
  X(nested_same)          \
  X(nested_locked)        \
  X(nested_full)          \
  X(nested_accesses)      \
  X(nested_contexts)      \
  X(nested_locks)         \
  X(nested_cpus)          \
  X(nested_mapped)        \
  X(nested_interrupted)   \
  X(nested_conversations) \
  X(steps_at_el1)         \
  X(steps_at_el0)         \
  X(stepped_acknowledge)  \
  X(stepped_instructions) \
  X(stepped_interrupted)  \
  X(memory_hidden)        \
  X(memory_bare)          \
  X(memory_code)          \
  X(aarch32_coprocessor)  \
  X(exclusives_forms)     \
  X(exclusives_masked)    \
  X(exclusives_pages)     \
  X(exclusives_shared)

#define DECLARE(name) extern const struct topic name;
#define REFER(name) &name,

TOPICS(DECLARE)

const struct topic *const all_topics[] = {TOPICS(REFER) NULL};
