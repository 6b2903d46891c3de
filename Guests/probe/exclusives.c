// Results of exclusives when a debugger comes between load and store: see exclusives.S.
//
// Exclusives need cached Normal memory (Arm ARM B2.9.2), so the MMU is on here. The first gigabytes of addresses are
// devices, RAM, read-only RAM, and RAM that is not dirty yet.

#include "secondaries.h"

extern uint64_t exclusive_code(uint64_t *words, uint64_t *statuses);
extern uint64_t exclusive_store(uint64_t *word, uint64_t value);
extern void exclusive_add(uint64_t *word, uint64_t count);
extern void exclusive_add_own(uint64_t *word, uint64_t count);

#define GIGABYTE 0x40000000ul
#define READ_ONLY (1 * GIGABYTE)
#define CLEAN (2 * GIGABYTE)

// Descriptors (Arm ARM D8.3): a block, with its access flag; attribute index 1, inner shareable.
#define BLOCK (1ul << 10 | 1)
#define NORMAL (3ul << 8 | 1 << 2)
#define NEVER_EXECUTED (3ul << 53)
#define NOT_WRITABLE (1ul << 7)
#define DIRTY_BIT_MANAGED (1ul << 51)

static uint64_t table[512] __attribute__((aligned(4096))) = {
    BLOCK | NEVER_EXECUTED,
    GIGABYTE | BLOCK | NORMAL,
    GIGABYTE | BLOCK | NORMAL | NEVER_EXECUTED | NOT_WRITABLE,
    GIGABYTE | BLOCK | NORMAL | NEVER_EXECUTED | NOT_WRITABLE | DIRTY_BIT_MANAGED,
};

// FEAT_HAFDBS with the dirty state: the processor makes a clean page writable when it is written.
static bool manages_dirty_state(void) { return (READ(id_aa64mmfr1_el1) & 0xf) >= 2; }

static void enable_mmu(void) {
  // 39 bits of addresses, 4 KiB granule, walks inner shareable and write-back; 40 bits of output.
  uint64_t tcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1ul << 23 | 2ul << 32;
  if (manages_dirty_state()) tcr |= 1ul << 39 | 1ul << 40;
  WRITE(mair_el1, 0xff00);
  WRITE(tcr_el1, tcr);
  WRITE(ttbr0_el1, (uint64_t)table);
  __asm__ volatile("tlbi vmalle1\n dsb nsh\n isb" : : : "memory");
  // M, C, I.
  WRITE(sctlr_el1, READ(sctlr_el1) | 1 | 1 << 2 | 1 << 12);
}

#define WORD_COUNT 64

uint64_t exclusive_words[WORD_COUNT] __attribute__((aligned(512)));
static uint64_t statuses[8];

static void run_code(const char *name, uint64_t mdscr) {
  for (unsigned n = 0; n < WORD_COUNT; n++) exclusive_words[n] = 0xffff00000000 + n;
  WRITE(mdscr_el1, mdscr);
  uint64_t rounds = exclusive_code(exclusive_words, statuses);
  WRITE(mdscr_el1, 0);
  // Not the same for all: a store may fail that need not.
  say("rounds %d", rounds);
  for (unsigned n = 0; n < WORD_COUNT; n++)
    say("%s %d %x", name, (uint64_t)n, exclusive_words[n]);
  for (unsigned n = 0; n < 4; n++) say("%s status %d %x", name, (uint64_t)n, statuses[n]);
}

static void run_forms(void) {
  enable_mmu();
  run_code("word", 0);
}

const struct topic exclusives_forms = {"exclusives-forms", run_forms};

// Events that the guest masks: a watchpoint of its own on the words, at EL1 with PSTATE.D = 1; and its
// own single step.
static void run_masked(void) {
  enable_mmu();
  WRITE(oslar_el1, 0);
  // 512 bytes, loads and stores, EL1 and EL0.
  WRITE(dbgwvr0_el1, (uint64_t)exclusive_words);
  WRITE(dbgwcr0_el1, 9ul << 24 | 0xff << 5 | 3 << 3 | 3 << 1 | 1);
  wait_at_gate("masked");
  run_code("watched", 1 << 15 | 1 << 13);  // MDE, KDE
  WRITE(dbgwcr0_el1, 0);
  run_code("stepped", 1);  // SS, with KDE = 0
}

const struct topic exclusives_masked = {"exclusives-masked", run_masked};

static void note(unsigned vector, struct frame *frame) {
  say("vector %x esr %x far %x spsr %x", (uint64_t)vector * 128, frame->esr, frame->far, frame->spsr);
  frame->elr += 4;
}

// Stores that depend on the page tables.
static void run_pages(void) {
  enable_mmu();
  this_cpu()->on_exception = note;
  uint64_t *word = &exclusive_words[5];
  *word = 1;
  say("read-only: status %d", exclusive_store((uint64_t *)((uint64_t)word + READ_ONLY), 2));
  say("word %d", *word);
  uint64_t status = exclusive_store((uint64_t *)((uint64_t)word + CLEAN), 3);
  say("clean: status %d", status);
  say("word %d, %s", *word, table[3] & NOT_WRITABLE ? "clean" : "dirty");
}

const struct topic exclusives_pages = {"exclusives-pages", run_pages};

#define OWN_COUNT 64
#define OTHER_COUNT 20000

static volatile uint64_t other_runs;

static void add_on_other(void) {
  enable_mmu();
  other_runs = 1;
  for (unsigned n = 0; n < OTHER_COUNT; n++) {
    exclusive_add(&exclusive_words[0], 1);
    for (unsigned pause = 0; pause < 100; pause++) pause_a_moment();
  }
  other_runs = 2;
}

static void run_shared(void) {
  start_cpu(1, add_on_other);
  enable_mmu();
  while (!other_runs) pause_a_moment();
  exclusive_add_own(&exclusive_words[0], OWN_COUNT);
  while (other_runs != 2) pause_a_moment();
  wait_until_off(1);
  say("sum %d", exclusive_words[0]);
}

const struct topic exclusives_shared = {"exclusives-shared", run_shared};
