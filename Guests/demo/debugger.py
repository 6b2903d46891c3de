# The debugger of the demo: GDB debugs the kernel while the kernel's programs debug themselves.
#
# GDB is attached before the guest's first instruction. $ready and $finished are the addresses of two functions of
# the guest program. Output: one line "STEPWELL <what> <count>" for each counter.

import struct

import gdb

GETPPID = 173  # the system call's number, in x8
STEP_EVERY = 10  # stops of the breakpoint between two at which it steps
STEPS = 4
MONITOR_AT = 100  # the stop at which it asks Stepwell who holds which comparator


def hardware_breakpoint(address):
    return gdb.Breakpoint(f"*{address:#x}", gdb.BP_HARDWARE_BREAKPOINT)


def register(name):
    return int(gdb.parse_and_eval(f"${name}")) & 0xFFFF_FFFF_FFFF_FFFF


def memory(address, length):
    return bytes(gdb.selected_inferior().read_memory(address, length))


def vcpu():
    return gdb.selected_thread().ptid[1] - 1


class Stops:
    """Resumes the guest and tells what stopped it."""

    def __init__(self):
        self.breakpoints = ()
        gdb.events.stop.connect(self.stopped)

    def stopped(self, event):
        self.breakpoints = event.breakpoints if isinstance(event, gdb.BreakpointEvent) else ()

    def resume(self, command):
        self.breakpoints = ()
        gdb.execute(command, to_string=True)
        return self.breakpoints

    def run_to(self, address):
        breakpoint = hardware_breakpoint(address)
        if breakpoint not in self.resume("continue"):
            raise gdb.GdbError(f"stopped at {register('pc'):#x}, not at {address:#x}")
        breakpoint.delete()


def name_of_current_task():
    """Where the kernel keeps the name of the task that it runs: Linux's `current` is in SP_EL0."""
    task = register("SP_EL0")
    offset = memory(task, 8192).find(b"s000000-demo")
    if offset < 0:
        raise gdb.GdbError(f"no task's name near {task:#x}")
    return task + offset


def registers_are_right(function, vectors):
    """A stop at the system call: its arguments are on the kernel's stack, and x0 points there."""
    number = struct.unpack("<Q", memory(register("x0") + 8 * 8, 8))[0]
    return register("pc") == function and number == GETPPID and register("VBAR_EL1") == vectors


def step(stops):
    """Steps this vCPU alone. Tells whether that led where the instruction leads."""
    before = register("pc")
    instruction = struct.unpack("<I", memory(before, 4))[0]
    if stops.resume("stepi"):
        return False
    is_hint = instruction & 0xFFFFF01F == 0xD503201F
    may_branch = instruction & 0x1C000000 == 0x14000000 and not is_hint
    after = register("pc")
    return after != before if may_branch else after == before + 4


def show_comparators(breakpoint):
    # GDB removes its points at each stop by default. A change of the setting takes effect at the next change of a
    # point.
    gdb.execute("set breakpoint always-inserted on")
    breakpoint.enabled = False
    breakpoint.enabled = True
    for line in gdb.execute("monitor debug", to_string=True).splitlines():
        print(f"STEPWELL monitor {line}")
    gdb.execute("set breakpoint always-inserted off")


def main():
    gdb.execute("set pagination off")
    gdb.execute("set confirm off")
    gdb.execute("set scheduler-locking step")
    stops = Stops()

    # This is before the guest's first instruction: the program with this address does not exist yet.
    stops.run_to(register("ready"))
    function = register("x0")

    # The first process calls getppid once, so that its name can be found in the kernel's memory.
    on_function = hardware_breakpoint(function)
    if on_function not in stops.resume("continue"):
        raise gdb.GdbError(f"stopped at {register('pc'):#x}, not in getppid")
    vectors = register("VBAR_EL1")
    # Four bytes that hold the digits that change: "s000000-demo" is at the start of a doubleword.
    name = name_of_current_task() + 4
    on_name = gdb.Breakpoint(f"*(unsigned int *){name:#x}", gdb.BP_WATCHPOINT, gdb.WP_WRITE)
    at_end = hardware_breakpoint(register("finished"))

    hits = {vcpu(): 1}
    right = int(registers_are_right(function, vectors))
    changes = steps = strays = 0
    while at_end not in (hit := stops.resume("continue")):
        if on_function in hit:
            hits[vcpu()] = hits.get(vcpu(), 0) + 1
            right += registers_are_right(function, vectors)
            stop = sum(hits.values())
            if stop == MONITOR_AT:
                show_comparators(on_function)
            if stop % STEP_EVERY == 0:
                steps += sum(step(stops) for _ in range(STEPS))
        if on_name in hit:
            changes += 1
        if not hit:
            strays += 1

    for cpu, count in sorted(hits.items()):
        print(f"STEPWELL debugger.breakpoints.{cpu} {count}")
    print(f"STEPWELL debugger.watchpoints {changes}")
    print(f"STEPWELL debugger.steps {steps}")
    print(f"STEPWELL debugger.registers {right}")
    print(f"STEPWELL debugger.strays {strays}")
    gdb.execute("detach")


main()
