"""Calls of kernel functions: the choice of those that are tampered with, and the arming of the kernel module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from faultkit.kit import Bench, CallSite, CallSites, Kind, ModuleCode, NotPlaced, missed_by, processor
from injectors.tools.arming import armed, fault_module, shipped
from injectors.tools.driver_code import nearest
from injectors.tools.witness import stamps

MODULE = fault_module("calls")
FILES = shipped(MODULE)
ANY, ONE, EXECUTED = "any", "one", "executed"
MILLION = 1_000_000
CHANGES = ("after", "set", "add", "flip")  # tamperings that change an existing value
NOT_DRAWN = (
    *(*processor.COMPILERS_CALLS, "__fentry__", "__SCT__"),  # how the compiler calls, not what the driver calls
    *(
        "__stack_chk_fail",
        "__fortify_panic",
        "__ubsan_",
        "__list_add_valid",
        "__list_del_entry_valid",
    ),  # its own checks
    *("_printk", "__warn_printk", "_dev_", "__dynamic_", "netdev_printk", "netdev_err", "netdev_warn", "netdev_info"),
    *("___ratelimit", "trace_", "__trace_", "perf_trace_", "bpf_trace_"),  # telling and tracing
    *("refcount_warn_saturate", "rcu_read_", "__rcu_read_"),
)
"""Beginnings of the names of functions that no fault is drawn to: what they do is not the driver's work."""


class CallFault(Protocol):
    """The fields that all faults of calls share."""

    @property
    def function(self) -> str | None: ...
    @property
    def nth(self) -> int: ...
    @property
    def times(self) -> int: ...
    @property
    def at(self) -> str: ...
    @property
    def probability(self) -> float: ...
    @property
    def draw(self) -> int: ...
    @property
    def survives_reload(self) -> bool: ...
    @property
    def site(self) -> CallSites | None: ...


Option = tuple[str, int, str]


def options(module: ModuleCode, function: str | None, at: str, values: Callable[[str], Iterable[int]]) -> list[Option]:
    """All (function, value, call) that a fault may stand for, in order.

    Without a function: of every one that is called, at each of its calls. `values`: the ways a function may go wrong.
    Raises: NotPlaced if a call is asked for that is not there.
    """
    if at == EXECUTED:
        module, at = executed(module), ONE
    named = [function] if function else called(module)
    each = at if function or at != ANY else ONE
    return [
        (name, value, call) for name in named for value in values(name) for call in chosen_calls(module, name, each)
    ]


def executed(module: ModuleCode) -> ModuleCode:
    """The module, with those of its calls alone that a golden trial executes. Raises: NotPlaced."""
    if module.executed is None:
        raise NotPlaced(f"it is not known what a golden trial executes of {module.name}: use --accel tcg")
    return replace(module, calls=tuple(call for call in module.calls if call.address in module.executed))


def called(module: ModuleCode) -> list[str]:
    """The functions of the kernel that a module calls, but for those that no fault is drawn to."""
    callees = {call.callee for call in module.calls if not call.tail}
    return sorted(name for name in callees if not name.startswith(NOT_DRAWN))


def chosen_calls(module: ModuleCode, function: str, at: str) -> list[str]:
    """`at`, if it is "any" or names a call of the function; the names of all calls for "one". Raises: NotPlaced."""
    named = [name for name, _ in calls_of(module, function)]
    if not named and any(call.callee == function for call in module.calls):
        raise NotPlaced(f"{module.name} calls {function} by a jump alone, and such calls cannot be told from others'")
    if at == ONE and named:
        return named
    if at != ANY and at not in named:
        raise NotPlaced(f"{module.name} has no call of {function} at {at!r}: there are {', '.join(named) or 'none'}")
    return [at]


def calls_of(module: ModuleCode, function: str) -> list[tuple[str, int]]:
    """The calls of a function: name, and the offset in the module's text that the call returns to."""
    calls = (call for call in module.calls if call.callee == function and not call.tail)
    return [(call_name(call), call.address + call.size - module.base) for call in calls]


def call_name(call: CallSite) -> str:
    """The name of a call: "cp_start_xmit+0x1f"."""
    return f"{call.function}+{call.offset:#x}"


def drawn(fault: CallFault, module: ModuleCode, values: Callable[[str], Iterable[int]]) -> tuple[Option, CallSites]:
    """One of the options of a fault, drawn uniformly. Raises: NotPlaced."""
    check_counts(fault)
    check_function(module, fault.function)
    found = options(module, fault.function, fault.at, values)
    if not found:
        where = " in what a golden trial executes" if fault.at == EXECUTED else ""
        raise NotPlaced(f"{module.name} calls no function that this fault is known for{where}: name one, with a value")
    option = found[fault.draw * len(found) >> 64]
    name, _, at = option
    known = tuple(call for call in calls_of(module, name) if at in (ANY, call[0]))
    return option, CallSites(text_bytes=text_bytes(module), returns=known, among=len(found))


def check_function(module: ModuleCode, name: str | None) -> None:
    """Refuse a name that no function of the kernel has. Raises: NotPlaced with the nearest names."""
    if name and module.kernel and name not in module.kernel:
        near = nearest(name, {call.callee for call in module.calls}) or nearest(name, module.kernel)
        raise NotPlaced(f"the kernel has no function {name!r}: it may be a macro, or inlined{near}")


def check_counts(fault: CallFault) -> None:
    """Refuse numbers out of range. Raises: NotPlaced."""
    for name, sound in (("nth", fault.nth >= 1), ("times", fault.times >= 0), ("draw", 0 <= fault.draw < 1 << 64),
                        ("probability", 0 < fault.probability <= 1)):  # fmt: skip
        if not sound:
            raise NotPlaced(f"{name}={getattr(fault, name)} of a call fault means nothing: see docs/fault-models.md")


def text_bytes(module: ModuleCode) -> int:
    """The length of the k-driver's text, from its base on."""
    last = module.functions[-1]
    return last.address + len(last.code) - module.base


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsOrder:
    """The words that arm injectors/kmod/calls."""

    fault: ClassVar[str] = "calls"

    function: str
    module: str
    low: int  # of the module's text
    high: int
    site: int  # the offset in the text that the call returns to; 0: any
    nth: int
    times: int
    chance: int  # in a million
    seed: int
    reloads: int  # 1: the fault follows the module to where it is loaded next
    how: str
    value: int
    argument: int


@contextmanager
def tamper_with_calls(bench: Bench, fault: CallFault, how: str, value: int, argument: int = 0) -> Iterator[None]:
    """Make the fault's calls fail, take long, or get another argument; injectors/kmod/calls/calls.c explains `how`.

    Activation: each call that was tampered with, with the kernel's own time stamp. Disarmed on exit.
    """
    name = bench.driver.modules[0].replace("-", "_")
    if fault.site is None:
        raise NotPlaced(f"the calls of {fault.function} by {name} were not settled: use place()")
    fd = armed(order(fault, name, fault.site, how, value, argument), f"the kernel function {fault.function!r}")
    bench.report(
        "injector", Kind.FAULT_INJECTED, function=fault.function, site=fault.at, how=how, value=value,
        nth=fault.nth, times=fault.times, probability=fault.probability,
    )  # fmt: skip
    tell = partial(witness, bench, fd, {at: call for call, at in fault.site.returns}, changes=how in CHANGES)
    bench.watch(fd, tell)
    try:
        yield
    finally:
        tell()
        if missed := missed_by(fd):
            bench.report("injector", Kind.FAULT_MISSED, calls=missed)
        bench.unwatch(fd)
        os.close(fd)


def order(fault: CallFault, name: str, calls: CallSites, how: str, value: int, argument: int) -> CallsOrder:
    """The arming of a fault in the calls by a loaded module. Raises: NotPlaced if it is not loaded."""
    low = text_base(name)
    return CallsOrder(
        function=fault.function or "", module=name, low=low, high=low + calls.text_bytes,
        site=0 if fault.at == ANY else calls.returns[0][1], nth=fault.nth, times=fault.times,
        chance=round(fault.probability * MILLION), seed=fault.draw, reloads=int(fault.survives_reload),
        how=how, value=signed(value), argument=argument,
    )  # fmt: skip


def text_base(name: str) -> int:
    """The address at which a loaded module's text begins. Raises: NotPlaced if it is not loaded."""
    for line in Path("/proc/modules").read_text().splitlines():
        if line.startswith(f"{name} "):
            return int(line.split()[5], 16)
    raise NotPlaced(f"calls by {name} cannot be tampered with: it is not loaded")


def signed(value: int) -> int:
    """A 64-bit register's content as C's long."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def witness(bench: Bench, fd: int, names: Mapping[int, str], *, changes: bool) -> None:
    """Report the calls that were tampered with since the last look; if a value `changes`, as it was and is."""
    for t_ns, words in stamps(fd):
        hit = {name: int(value) for name, _, value in (word.partition("=") for word in words.split())}
        values = {key: hit[key] for key in ("was", "now")} if changes else {}
        site = names.get(hit["site"], f"+{hit['site']:#x}")
        bench.report("injector", Kind.FAULT_ACTIVATED, t_ns, call=hit["call"], site=site, **values)
