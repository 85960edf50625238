"""Calls of the k-driver's functions: entry, return, latency."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Driver, Event, Kind, Watcher, processor, run
from monitors.bpf import BpfProgram, records

SOURCE = Path(__file__).with_suffix(".bpf.c")
FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
KALLSYMS = "/proc/kallsyms"
SYMBOLS_S = 30.0  # the kernel takes seconds of virtual time for all lines
EVENT = struct.Struct("<QQQ")


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of all functions of the k-driver that kprobes can reach, as loaded at the freeze.

    A reloaded k-driver is not traced: its functions are new ones.
    """

    def files(self) -> Mapping[str, Path]:
        return {f"monitors/{SOURCE.name}": SOURCE}

    def attach(self, driver: Driver) -> Watcher:
        return CallProbes(driver.modules)

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        return events(raw, names)


class CallProbes(BpfProgram):
    """Probes on all functions of modules."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        super().__init__(SOURCE)
        self._modules = modules

    def start(self) -> None:
        """Load the program and set the probes. Raises: OSError if no function can be probed."""
        super().start()
        with self.aside():
            found = sum(self.on_function(name, "calls_entry", "calls_return") for name in functions(self._modules))
        if not found:
            raise OSError(f"no function of {self._modules} can be probed: is the module loaded?")

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
    ours = [argument for module in modules for argument in ("-e", f"[tT] .*\\[{module.replace('-', '_')}\\]$")]
    lines = run("grep", *ours, KALLSYMS, timeout_s=SYMBOLS_S).splitlines()  # 200 000 lines are much for Python here
    names = {line.split()[2] for line in lines}
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
