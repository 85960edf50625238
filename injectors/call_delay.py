"""A kernel function takes long for the k-driver."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from faultkit.protocols import Bench, KernelModule, ModuleCode, Side
from injectors.calls import MODULE, tamper, text_bytes


@dataclass(frozen=True, slots=True)
class CallDelay:
    """A kernel function that the k-driver calls first waits busily for `delay_us`; other callers are spared.

    From the k-driver's `nth` call after the arming on, `times` times (0: for ever).
    Activation: each such call, by the kernel's own time stamp. Undo: disarms.
    """

    side: ClassVar[Side] = "k-driver"

    function: str
    delay_us: int
    nth: int = 1
    times: int = 1
    text_bytes: int = 0  # settled by `place`

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        return replace(self, text_bytes=text_bytes(code))

    def files(self) -> Mapping[str, KernelModule]:
        return {"preload/faultkit_calls.ko": MODULE}

    def inject(self, bench: Bench) -> AbstractContextManager[None]:
        return tamper(bench, self.function, self.text_bytes, self.nth, self.times, "delay", self.delay_us)
