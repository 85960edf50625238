"""Kernel messages of trouble, from kmsg while the kernel lives; later the console has them (`machine.console`)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from faultkit.kit import Buffer, Driver, Event, Kind, Watcher, is_trouble, printk_lag_ns


@dataclass(frozen=True, slots=True)
class Kernel:
    """Kernel messages of level warning and worse; reports oopses, WARNs and stalls to the recovery controller."""

    def attach(self, driver: Driver) -> Watcher:
        del driver
        return Messages()

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        del names
        return events(raw)


class Messages:
    """/dev/kmsg, read from now on."""

    def __init__(self) -> None:
        self._fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._lost = 0
        self._lines: list[tuple[int, int, str]] = []
        self._lag_ns = 0
        self.reset()

    def reset(self) -> None:
        self._lag_ns = printk_lag_ns()
        os.lseek(self._fd, 0, os.SEEK_END)
        self._lines, self._lost = [], 0

    def collect(self) -> bytes:
        self._drain()
        return json.dumps(self._lines).encode()

    def lost(self) -> int:
        return self._lost

    def buffer(self) -> Buffer | None:
        return None  # a crashed kernel's last words are on the console

    def error(self) -> str | None:
        start = len(self._lines)
        self._drain()
        return next((text for _, _, text in self._lines[start:] if is_trouble(text)), None)

    def _drain(self) -> None:
        while True:
            try:
                head, _, text = os.read(self._fd, 8192).decode(errors="replace").partition(";")
            except BlockingIOError:
                return
            except BrokenPipeError:  # older messages were overwritten before they were read
                self._lost += 1
                continue
            level, _, t_us = (int(field) for field in head.split(",")[:3])
            if level & 7 <= 4:
                self._lines.append((t_us * 1000 + self._lag_ns, level & 7, text.split("\n")[0]))


def events(raw: bytes) -> Iterator[Event]:
    """`kernel.message` with its level (0 emergency ... 4 warning)."""
    for t_ns, level, text in json.loads(raw):
        yield Event(t_ns, "kernel", Kind.KERNEL_MESSAGE, {"level": level, "text": text})
