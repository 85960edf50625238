"""Calls of the k-driver's functions: entry, return, latency."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Driver, Event, Kind, Watcher, processor
from monitors.bpf import BpfProgram, records

SOURCE = Path(__file__).with_suffix(".bpf.c")
FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
EVENT = struct.Struct("<QQQ")


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of all functions of the k-driver that kprobes can reach, as loaded at the freeze.

    A reloaded k-driver is not traced: its functions are new ones.
    """

    def files(self) -> Mapping[str, Path]:
        return {f"monitors/{SOURCE.name}": SOURCE}

    def attach(self, driver: Driver) -> Watcher:
        program = CallProbes(SOURCE)
        with program.aside():
            found = sum(program.on_function(name, "on_entry", "on_return") for name in functions(driver.modules))
        if not found:
            raise OSError(f"no function of {driver.modules} can be probed: is the module loaded?")
        return program

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        return events(raw, names)


class CallProbes(BpfProgram):
    """Probes on many functions of one module."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Probes are set one by one, and an unloaded module's are taken off one by one. Each time the kernel walks
        all of its functions: seconds for a large driver. With ftrace switched off there is nothing to walk.
        """
        FTRACE.write_text("0")
        try:
            yield
        finally:
            FTRACE.write_text("1")


def functions(modules: tuple[str, ...]) -> list[str]:
    """The names of the modules' functions, as /proc/kallsyms has them.

    Left out are compiler-made parts (.cold), the padding before functions, and trampolines of static calls.
    """
    lines = (line.split() for line in Path("/proc/kallsyms").read_text().splitlines())
    ours = {f"[{module}]" for module in modules}
    names = {f[2] for f in lines if len(f) == 4 and f[3] in ours and f[1] in "tT"}
    return sorted(name for name in names if "." not in name and not name.startswith(processor.NO_FUNCTIONS))


def events(raw: bytes, names: Mapping[int, str]) -> Iterator[Event]:
    """`call.entered` and `call.returned`, by function."""
    for record in records(raw):
        t_ns, address, latency_ns = EVENT.unpack(record)
        function = names.get(address, f"{address:#x}")
        if latency_ns:
            yield Event(t_ns, "calls", Kind.CALL_RETURNED, {"function": function, "latency_ns": latency_ns})
        else:
            yield Event(t_ns, "calls", Kind.CALL_ENTERED, {"function": function})
