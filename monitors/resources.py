"""The driver's resources: the u-driver's memory, descriptors, CPU time; the k-driver's references, slab, interrupts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultkit.kit import Buffer, Driver, Event, Kind, Split, Watcher

try:
    import psutil
except ImportError:  # a host without it can still describe and decode
    psutil = None


@dataclass(frozen=True, slots=True)
class Resources:
    """Samples of resources at the freeze and at the end; the difference has leaked."""

    def attach(self, driver: Driver) -> Watcher:
        return Samples(driver)

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        del names
        return events(raw)


class Samples:
    """Samples of one driver's resources."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._first = sample(driver)

    def reset(self) -> None:
        self._first = sample(self._driver)

    def collect(self) -> bytes:
        return json.dumps([self._first, sample(self._driver)]).encode()

    def lost(self) -> int:
        return 0

    def buffer(self) -> Buffer | None:
        return None

    def error(self) -> str | None:
        return None


def sample(driver: Driver) -> tuple[int, dict[str, Any]]:
    """The time and what is held now."""
    return time.monotonic_ns(), {
        "module_refs": {name: references(name) for name in driver.modules},
        "slab_bytes": slab_bytes(),
        "interrupt_handlers": interrupt_handlers(),
        "agent_fds": len([*os.scandir("/proc/self/fd")]),
        **(process(driver) if isinstance(driver, Split) else {}),
    }


def references(module: str) -> int | None:
    """How often a module is in use; None if it is not loaded."""
    try:
        return int(Path(f"/sys/module/{module.replace('-', '_')}/refcnt").read_text())
    except OSError:
        return None


def interrupt_handlers() -> int:
    """The number of handlers of all interrupts: each has a folder in that of its interrupt."""
    interrupts = [entry.path for entry in os.scandir("/proc/irq") if entry.is_dir()]
    return sum(entry.is_dir() for path in interrupts for entry in os.scandir(path))


def slab_bytes() -> int:
    """Unreclaimable slab of the whole kernel."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("SUnreclaim"))
    return int(line.split()[1]) * 1024


def process(driver: Split) -> dict[str, Any]:
    """The u-driver's share; None where it is gone."""
    try:
        udriver = psutil.Process(driver.udriver_pid())
        with udriver.oneshot():
            cpu = udriver.cpu_times()
            return {"rss_bytes": udriver.memory_info().rss, "fds": udriver.num_fds(), "cpu_s": cpu.user + cpu.system}
    except (OSError, psutil.Error):
        return {"rss_bytes": None, "fds": None, "cpu_s": None}


def events(raw: bytes) -> Iterator[Event]:
    """`resources.sampled`, first and last."""
    for t_ns, held in json.loads(raw):
        yield Event(t_ns, "resources", Kind.RESOURCES_SAMPLED, held)
