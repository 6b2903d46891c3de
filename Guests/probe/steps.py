# Steps through the probe's code from $begin to $end. Prints each instruction and the target of its step: the next
# instruction, a number of bytes, or a vector. Exception handlers are not stepped.

import gdb


def register(name):
    return int(gdb.parse_and_eval(f"${name}")) & 0xFFFF_FFFF_FFFF_FFFF


def address(symbol):
    return int(gdb.parse_and_eval(f"(unsigned long) &{symbol}"))


def run_to(place):
    breakpoint = gdb.Breakpoint(f"*{place:#x}", gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    gdb.execute("continue", to_string=True)
    breakpoint.delete()
    if register("pc") != place:
        raise gdb.GdbError(f"stopped at {register('pc'):#x}, not at {place:#x}")


def where(before, after, vectors):
    if after == before + 4:
        return "next"
    if vectors <= after < vectors + 0x800:
        return f"vector {after - vectors:x}"
    return f"{after - before:+d}"


def describe(instruction):
    """Without addresses of the code, which change with it, and comments."""
    words = instruction.split("//")[0].split()
    return " ".join(word for word in words if not word.startswith(("0x4", "<")))


def main():
    vectors = address("vectors")
    end = register("end")
    run_to(register("begin"))
    while (before := register("pc")) != end:
        instruction = gdb.selected_inferior().architecture().disassemble(before)[0]["asm"]
        gdb.execute("stepi", to_string=True)
        led = where(before, register("pc"), vectors)
        print(f"STEP {describe(instruction)}: {led}")
        if led.startswith("vector"):
            run_to(before + 4)
    gdb.execute("continue")


main()
