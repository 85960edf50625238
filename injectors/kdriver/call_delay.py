"""A kernel function takes long for the k-driver."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from faultkit.kit import Bench, CallSites, Driver, KernelModule, ModuleCode, NotPlaced, Side
from injectors.tools.calls import ANY, FILES, check_counts, drawn, tamper_with_calls
from injectors.tools.driver_code import module_of

LONGEST_US = 1_000_000


@dataclass(frozen=True, slots=True)
class CallDelay:
    """Delay a kernel function by a busy wait of `delay_us` when the k-driver calls it; other callers are spared.

    The wait holds the processor: only interrupts run meanwhile. Without a function, `draw` (64 random bits) draws
    one of all (function, call) that the k-driver calls, uniformly.
    `at`, `nth`, `times`, `probability`, `survives_reload`: as for CallError.

    Activation: each such call, by the kernel's own time stamp.
    Data: `function`, `site`, `how` (`delay`), `value`, `nth`, `times`, `probability`; in `fault.activated` `call`
    (its number), `site`.
    Undo: disarmed.
    """

    side: ClassVar[Side] = "k-driver"

    function: str | None
    delay_us: int
    nth: int = 1
    times: int = 1
    at: str = ANY
    probability: float = 1.0
    draw: int = 0
    survives_reload: bool = True
    site: CallSites | None = None  # settled by `place`

    @property
    def fault_type(self) -> str:
        return "call delay"

    def foresee(self, driver: Driver) -> None:
        del driver
        self._check()

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        self._check()
        (function, _, at), site = drawn(self, module_of(code), lambda _: (self.delay_us,))
        return replace(self, function=function, at=at, site=site)

    def _check(self) -> None:
        if not 1 <= self.delay_us <= LONGEST_US:
            raise NotPlaced(f"a call cannot be delayed by {self.delay_us} us: between 1 and {LONGEST_US}")
        check_counts(self)

    def files(self) -> Mapping[str, KernelModule]:
        return FILES

    def inject(self, bench: Bench) -> AbstractContextManager[None]:
        return tamper_with_calls(bench, self, "delay", self.delay_us)
