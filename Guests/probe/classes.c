// The guest steps every class of instruction, at EL1 as kgdb does and at EL0 as ptrace does, and says
// what each step exception told it: where it came (ELR, SPSR), ISV (bit 24) and EX (bit 6).

#include "events.h"
#include "gic.h"

#define TIMER_PPI 27

static void make_interrupt_pending(void) {
  start_distributor();
  start_cpu_interface();
  set_bit(ISENABLER, TIMER_PPI);
  WRITE(cntv_cval_el0, 0);
  WRITE(cntv_ctl_el0, 1);
  // The line has to reach the CPU interface.
  while (READ(ICC_HPPIR1_EL1) != TIMER_PPI) pause_a_moment();
}

static void run_at_el1(void) {
  begin_events();
  my_events()->origin = event_classes;
  static const uint64_t controls[] = {MDSCR_KDE, MDSCR_BOTH};
  for (unsigned n = 0; n < 2; n++) {
    make_interrupt_pending();
    say("MDSCR_EL1 %x", controls[n]);
    WRITE(mdscr_el1, controls[n]);
    unmask_debug();
    ((function)event_classes)();
    mask_debug();
    WRITE(mdscr_el1, 0);
    meet_debugger();
  }
}

const struct topic steps_at_el1 = {"steps-el1", run_at_el1};

static void run_at_el0(void) {
  begin_events();
  my_events()->origin = event_classes_el0;
  // At EL0 neither KDE nor D masks. The handlers at EL1 are stepped too, where they unmask D, with KDE.
  static const uint64_t controls[] = {0, MDSCR_MDE, MDSCR_KDE, MDSCR_BOTH};
  for (unsigned n = 0; n < 4; n++)
    for (uint64_t spsr = EL0_MASKED; spsr <= (EL0_MASKED | SPSR_D); spsr += SPSR_D) {
      say("MDSCR_EL1 %x SPSR_EL1 %x", controls[n] | MDSCR_SS, spsr | SPSR_SS);
      WRITE(mdscr_el1, controls[n] | MDSCR_SS);
      call_at_el0((function)event_classes_el0, spsr | SPSR_SS);
      WRITE(mdscr_el1, 0);
      meet_debugger();
    }
}

const struct topic steps_at_el0 = {"steps-el0", run_at_el0};
