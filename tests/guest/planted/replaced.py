"""A function of a u-driver that Python replaces, while the driver works. gdb runs this script in its own Python:

gdb -p PID -x replaced.py
"""

import gdb


class Replacement(gdb.Breakpoint):
    """Stops where a function begins, behind its prologue: its arguments are there, and nothing is done yet."""


def mix(seed: int) -> int:
    """In place of planted_mix()."""
    return seed + 41


place = Replacement("planted_mix")
try:
    while True:
        gdb.execute("continue")
        value = mix(int(gdb.selected_frame().read_var("seed")))
        gdb.execute(f"return (unsigned int){value}")
except gdb.error:  # the process has ended
    pass
