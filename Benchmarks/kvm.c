// A virtual machine monitor over KVM for the benchmark's payload, as the first process of a Linux at EL2. The
// payload finds the devices of QEMU's `virt`. The part of a debugger is played in user space, where a debugger
// would be.
//
//   kvm none|hw VCPUS PLACE WORD
//
// `hw` debugs the guest (KVM_GUESTDBG_USE_HW) with two breakpoints that it does not reach. KVM then passes the
// guest's BRK exceptions to user space, which returns them to the guest, as QEMU does.
//
// PLACE and WORD are `debugger_place` and `debugger_word` of the payload. With `hw` the operations of a debugger
// are measured when the payload is done:
//
//   benchmark: debugger NAME ROUNDS TOTAL BATCH LOWEST
//
// TOTAL is the number of ticks of ROUNDS operations, LOWEST that of the fastest BATCH.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <unistd.h>

// The addresses of `virt`, and the address that the payload is linked at.
#define RAM 0x40000000ul
#define RAM_SIZE (128ul << 20)
#define PAYLOAD 0x46000000ul
#define GICD 0x08000000ul
#define GICR 0x080a0000ul
#define PL011 0x09000000ul

#define MAXIMUM_VCPUS 8

static void power_off(void) {
  fflush(stdout);
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("benchmark: unexpected ");
  vprintf(format, arguments);
  printf(" (%s)\n", strerror(errno));
  va_end(arguments);
  power_off();
  abort();
}

static int control(int descriptor, unsigned long request, void *argument, const char *what) {
  int result = ioctl(descriptor, request, argument);
  if (result < 0) fail("%s", what);
  return result;
}

static int control_number(int descriptor, unsigned long request, unsigned long number,
                          const char *what) {
  return control(descriptor, request, (void *)number, what);
}

// MARK: Registers

#define CORE(field) \
  (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))
#define VBAR_EL1 ARM64_SYS_REG(3, 0, 12, 0, 0)
#define ESR_EL1 ARM64_SYS_REG(3, 0, 5, 2, 0)

static uint64_t get(int vcpu, uint64_t name) {
  uint64_t value = 0;
  struct kvm_one_reg reg = {.id = name, .addr = (uint64_t)&value};
  control(vcpu, KVM_GET_ONE_REG, &reg, "KVM_GET_ONE_REG");
  return value;
}

static void set(int vcpu, uint64_t name, uint64_t value) {
  struct kvm_one_reg reg = {.id = name, .addr = (uint64_t)&value};
  control(vcpu, KVM_SET_ONE_REG, &reg, "KVM_SET_ONE_REG");
}

// MARK: The machine

static struct {
  int vm;
  size_t run_size;
  bool debugs;
  unsigned count;
  struct vcpu {
    int descriptor;
    struct kvm_run *run;
    pthread_t thread;
  } vcpus[MAXIMUM_VCPUS];
} machine;

static void load_payload(uint8_t *memory) {
  int file = open("/benchmark.image", O_RDONLY);
  if (file < 0) fail("/benchmark.image");
  uint8_t *at = memory + (PAYLOAD - RAM);
  for (ssize_t count; (count = read(file, at, 1 << 20)) > 0;) at += count;
  close(file);
}

static void create_vcpu(unsigned index) {
  struct vcpu *vcpu = &machine.vcpus[index];
  vcpu->descriptor = control_number(machine.vm, KVM_CREATE_VCPU, index, "KVM_CREATE_VCPU");
  struct kvm_vcpu_init init;
  control(machine.vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
  init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
  if (index) init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
  control(vcpu->descriptor, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
  vcpu->run = mmap(NULL, machine.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->descriptor, 0);
  if (vcpu->run == MAP_FAILED) fail("a vCPU's run structure");
}

static void set_attribute(int device, uint32_t group, uint64_t name, void *value) {
  struct kvm_device_attr attribute = {.group = group, .attr = name, .addr = (uint64_t)value};
  control(device, KVM_SET_DEVICE_ATTR, &attribute, "the interrupt controller");
}

static void create_machine(void) {
  int kvm = open("/dev/kvm", O_RDWR);
  if (kvm < 0) fail("/dev/kvm");
  machine.run_size = (size_t)control_number(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "the run size");
  machine.vm = control_number(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");

  uint8_t *memory = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("the guest's memory");
  load_payload(memory);
  struct kvm_userspace_memory_region region = {
      .guest_phys_addr = RAM, .memory_size = RAM_SIZE, .userspace_addr = (uint64_t)memory};
  control(machine.vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");

  struct kvm_create_device gic = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
  control(machine.vm, KVM_CREATE_DEVICE, &gic, "the interrupt controller");
  for (unsigned n = 0; n < machine.count; n++) create_vcpu(n);
  uint64_t distributor = GICD, redistributors = GICR;
  set_attribute((int)gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor);
  set_attribute((int)gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST,
                &redistributors);
  set_attribute((int)gic.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
  set(machine.vcpus[0].descriptor, CORE(regs.pc), PAYLOAD);
}

// MARK: Exits

static void emulate_pl011(struct kvm_run *run) {
  static char line[256];
  static size_t length;
  if (run->mmio.phys_addr < PL011 || run->mmio.phys_addr >= PL011 + 4096) {
    fail("an access to %#llx", run->mmio.phys_addr);
  }
  // The payload reads UARTFR only: there is always room.
  if (!run->mmio.is_write) {
    memset(run->mmio.data, 0, sizeof run->mmio.data);
    return;
  }
  line[length++] = (char)run->mmio.data[0];
  if (run->mmio.data[0] == '\n' || length == sizeof line) {
    fwrite(line, 1, length, stdout);
    fflush(stdout);
    length = 0;
  }
}

#define EC_SHIFT 26
#define EC_BRK 0x3c

// Injects an exception from EL1 to EL1 as the processor takes it. The payload has no others.
static void return_exception(const struct vcpu *vcpu) {
  const int d = vcpu->descriptor;
  const uint64_t el1h_masked = 0x3c5;
  set(d, CORE(elr_el1), get(d, CORE(regs.pc)));
  set(d, CORE(spsr[KVM_SPSR_EL1]), get(d, CORE(regs.pstate)));
  set(d, ESR_EL1, vcpu->run->debug.arch.hsr);
  set(d, CORE(regs.pstate), el1h_masked);
  set(d, CORE(regs.pc), get(d, VBAR_EL1) + 0x200);
}

static void run(const struct vcpu *vcpu) {
  while (ioctl(vcpu->descriptor, KVM_RUN, 0) < 0) {
    if (errno != EINTR) fail("KVM_RUN");
  }
}

// Runs a vCPU until it switches the machine off.
static void run_to_the_end(const struct vcpu *vcpu) {
  for (;;) {
    run(vcpu);
    switch (vcpu->run->exit_reason) {
      case KVM_EXIT_MMIO: emulate_pl011(vcpu->run); break;
      case KVM_EXIT_SYSTEM_EVENT: return;
      case KVM_EXIT_DEBUG:
        if (vcpu->run->debug.arch.hsr >> EC_SHIFT != EC_BRK) {
          fail("a debug exception, syndrome %#x", vcpu->run->debug.arch.hsr);
        }
        return_exception(vcpu);
        break;
      default: fail("exit reason %u", vcpu->run->exit_reason);
    }
  }
}

static void *secondary(void *argument) {
  run_to_the_end(argument);
  return NULL;
}

// A vCPU stays on the processor of its number.
static void pin(unsigned processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) fail("sched_setaffinity");
}

static void start_secondaries(void) {
  for (unsigned n = 1; n < machine.count; n++) {
    // A thread inherits the affinity of the one that makes it.
    pin(n);
    if (pthread_create(&machine.vcpus[n].thread, NULL, secondary, &machine.vcpus[n])) fail("a thread");
  }
  pin(0);
}

// MARK: Debugging

// EL0 and EL1, four bytes; stores of eight bytes.
#define BREAKPOINT (0xf << 5 | 3 << 1 | 1)
#define WATCHPOINT (0xff << 5 | 2 << 3 | 3 << 1 | 1)

static void debug(const struct vcpu *vcpu, const struct kvm_guest_debug *request) {
  control(vcpu->descriptor, KVM_SET_GUEST_DEBUG, (void *)request, "KVM_SET_GUEST_DEBUG");
}

static void debug_idly(const struct vcpu *vcpu) {
  struct kvm_guest_debug request = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW};
  for (unsigned n = 0; n < 2; n++) {
    request.arch.dbg_bcr[n] = BREAKPOINT;
    // Above all code of the payload.
    request.arch.dbg_bvr[n] = RAM + RAM_SIZE - 4096 + 16 * n;
  }
  debug(vcpu, &request);
}

static void expect_debug_exit(const struct vcpu *vcpu) {
  if (vcpu->run->exit_reason != KVM_EXIT_DEBUG) fail("exit reason %u", vcpu->run->exit_reason);
}

static const struct kvm_guest_debug step = {
    .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};
static struct kvm_guest_debug at_place = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW};
static struct kvm_guest_debug at_word = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW};

static void step_once(const struct vcpu *vcpu) {
  run(vcpu);
  expect_debug_exit(vcpu);
}

static void step_thousand(const struct vcpu *vcpu) {
  for (unsigned n = 0; n < 1000; n++) step_once(vcpu);
}

// The guest stops, a register is compared, the instruction is stepped without the point that stopped it, and the
// guest continues.
static void pass(const struct vcpu *vcpu, const struct kvm_guest_debug *request) {
  debug(vcpu, request);
  run(vcpu);
  expect_debug_exit(vcpu);
  if (get(vcpu->descriptor, CORE(regs.regs[0])) == ~0ul) fail("a condition that is never true");
  debug(vcpu, &step);
  run(vcpu);
  expect_debug_exit(vcpu);
}

static void pass_breakpoint(const struct vcpu *vcpu) { pass(vcpu, &at_place); }
static void pass_watchpoint(const struct vcpu *vcpu) { pass(vcpu, &at_word); }

static uint64_t now(void) {
  uint64_t ticks;
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
  return ticks;
}

static void measure(const char *name, const struct vcpu *vcpu, void (*operation)(const struct vcpu *),
                    unsigned batches, unsigned batch) {
  uint64_t total = 0, lowest = ~0ul;
  for (unsigned b = 0; b < batches; b++) {
    const uint64_t start = now();
    for (unsigned n = 0; n < batch; n++) operation(vcpu);
    const uint64_t ticks = now() - start;
    total += ticks;
    if (ticks < lowest) lowest = ticks;
  }
  printf("benchmark: debugger %s %u %lu %u %lu\n", name, batches * batch, total, batch, lowest);
}

static void measure_debugger(uint64_t place, uint64_t word) {
  const struct vcpu *vcpu = &machine.vcpus[0];
  at_place.arch.dbg_bcr[0] = BREAKPOINT;
  at_place.arch.dbg_bvr[0] = place;
  at_word.arch.dbg_wcr[0] = WATCHPOINT;
  at_word.arch.dbg_wvr[0] = word;
  // The vCPU has switched itself off.
  struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
  control(vcpu->descriptor, KVM_SET_MP_STATE, &runnable, "KVM_SET_MP_STATE");
  // In the loop that the payload has for a debugger, one instruction before its branch back.
  set(vcpu->descriptor, CORE(regs.pc), place);
  set(vcpu->descriptor, CORE(regs.regs[0]), 0);
  set(vcpu->descriptor, CORE(regs.regs[1]), word);
  set(vcpu->descriptor, CORE(regs.pstate), 0x3c5);
  debug(vcpu, &step);
  measure("step", vcpu, step_once, 20, 100);
  measure("range_step", vcpu, step_thousand, 2, 1);
  measure("false_breakpoint", vcpu, pass_breakpoint, 20, 100);
  measure("false_watchpoint", vcpu, pass_watchpoint, 20, 100);
}

int main(int count, char **words) {
  if (count != 5) fail("%d words on the command line", count);
  machine.debugs = !strcmp(words[1], "hw");
  machine.count = (unsigned)atoi(words[2]);
  struct utsname system;
  uname(&system);
  printf("benchmark: kvm %s %s %s\n", system.sysname, system.release, system.version);
  create_machine();
  if (machine.debugs) {
    for (unsigned n = 0; n < machine.count; n++) debug_idly(&machine.vcpus[n]);
  }
  start_secondaries();
  run_to_the_end(&machine.vcpus[0]);
  if (machine.debugs && machine.count == 1) {
    measure_debugger(strtoul(words[3], NULL, 16), strtoul(words[4], NULL, 16));
  }
  power_off();
}
