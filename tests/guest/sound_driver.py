"""Debian's snd-dummy as a driver under test: its module, and those that it needs, are not in the guest's root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Bench, Check, run, unload_module

CARDS = Path("/proc/asound/cards")


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound card that plays into nothing."""

    modules: tuple[str, ...] = ("snd-dummy",)

    @property
    def device(self) -> str:
        return ""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ()

    def load(self) -> None:
        run("modprobe", self.modules[0], "pcm_devs=2")

    def unload(self) -> None:
        unload_module("snd_dummy")

    def attach(self) -> None:
        """Nothing to do."""

    def detach(self) -> None:
        """Nothing to do."""

    def probe(self) -> None:
        if "Dummy" not in CARDS.read_text():
            raise OSError("there is no card")


@dataclass(frozen=True, slots=True)
class Listing:
    """The card is listed, with as many devices as `load` asked for."""

    deadline_s: float = 5.0
    late_s: float = 1.0

    def run(self, bench: Bench) -> Check:
        for _ in range(3):
            with bench.request("list"):
                bench.driver.probe()
        devices = len(Path("/proc/asound/pcm").read_text().splitlines())
        return lambda: bench.report("workload", "check.passed") if devices == 2 else None
