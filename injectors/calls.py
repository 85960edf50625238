"""Arming the kernel module that tampers with calls of kernel functions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from faultkit.errors import NotPlaced
from faultkit.protocols import Bench, KernelModule, ModuleCode

NODE = "/dev/faultkit_calls"
MODULE = KernelModule(Path(__file__).with_name("kcalls"), "faultkit_calls")
FOR_EVER = 0


def text_bytes(code: Mapping[str, ModuleCode]) -> int:
    """How far the k-driver's text reaches beyond its first function."""
    functions = next(iter(code.values())).functions
    last = functions[-1]
    return last.address + len(last.code) - functions[0].address


@contextmanager
def tamper(bench: Bench, function: str, size: int, nth: int, times: int, how: str, value: int) -> Iterator[None]:
    """Calls of `function` by the k-driver, from the n-th on, `times` in all (0: for ever), fail or take long.

    Activation: each call that was tampered with, with the kernel's own time stamp. Disarmed on exit.
    """
    name = bench.driver.modules[0].replace("-", "_")
    try:
        low = int(Path(f"/sys/module/{name}/sections/.text").read_text(), 16)
        fd = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as reason:
        raise NotPlaced(f"calls by {name} cannot be tampered with: {reason}") from None
    try:
        os.write(fd, f"{function} {low:x} {low + size:x} {nth} {times} {how} {value}".encode())
    except OSError as reason:
        os.close(fd)
        raise NotPlaced(f"the kernel function {function!r} cannot be probed: {reason.strerror}") from None
    bench.report("injector", "fault.injected", function=function, nth=nth, times=times, **{how: value})
    bench.watch(fd, partial(witness, bench, fd))
    try:
        yield
    finally:
        witness(bench, fd)
        bench.unwatch(fd)
        os.close(fd)


def witness(bench: Bench, fd: int) -> None:
    """Report the calls that were tampered with since the last look."""
    with suppress(BlockingIOError):
        while True:
            bench.report("injector", "fault.activated", int(os.read(fd, 32)))
