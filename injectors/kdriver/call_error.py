"""A kernel function fails for the k-driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal, Self

from faultkit.kit import Bench, CallSites, Driver, KernelModule, ModuleCode, NotPlaced, Side
from injectors.tools.call_values import FAILURES
from injectors.tools.calls import ANY, FILES, called, check_counts, drawn, options, tamper_with_calls
from injectors.tools.driver_code import module_of

ORDERS = {"instead": "fail", "after": "after"}


@dataclass(frozen=True, slots=True)
class CallError:
    """Let a kernel function fail with `value` when the k-driver calls it; other callers are spared.

    `how`: "instead", the function does not run; or "after", it runs with all its effects and then reports failure,
    so that the driver never learns of what it was given (a leak is the point).
    Without a value, one is drawn that the kernel documents for that function (injectors/tools/call_values.py).
    Without a function, one of all known (function, value, call) that the k-driver calls is drawn, uniformly, by
    `draw` (64 random bits).
    `at`: "any" call of the function, "one" of its calls (drawn), one that a golden trial has "executed" (drawn, also
    among those of all functions), or a given one ("cp_start_xmit+0x1f"). From
    the k-driver's `nth` such call after the arming on, each with `probability` (seeded by `draw`), `times` times
    (0: for ever), also after a reload of the k-driver unless `survives_reload` is False.

    Activation: each such call, by the kernel's own time stamp.
    Data: `function`, `site`, `how` (`fail`, `after`), `value`, `nth`, `times`, `probability`; in `fault.activated`
    `call` (its number), `site`, and with "after" the result as it `was` and is `now`.
    Undo: disarmed.
    """

    side: ClassVar[Side] = "k-driver"

    function: str | None = None
    value: int | None = None
    nth: int = 1
    times: int = 1
    how: Literal["instead", "after"] = "instead"
    at: str = ANY
    probability: float = 1.0
    draw: int = 0
    survives_reload: bool = True
    site: CallSites | None = None  # settled by `place`

    @property
    def fault_type(self) -> str:
        return "call error after" if self.how == "after" else "call error"

    def foresee(self, driver: Driver) -> None:
        del driver
        self._check()

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        self._check()
        (function, value, at), site = drawn(self, module_of(code), partial(values, self.function, self.value))
        return replace(self, function=function, value=value, at=at, site=site)

    def _check(self) -> None:
        if self.how not in ORDERS:
            raise NotPlaced(f"a call cannot fail {self.how!r}: there are {', '.join(ORDERS)}")
        check_counts(self)

    def files(self) -> Mapping[str, KernelModule]:
        return FILES

    def inject(self, bench: Bench) -> AbstractContextManager[None]:
        return tamper_with_calls(bench, self, ORDERS[self.how], self.value or 0)


def values(asked: str | None, value: int | None, function: str) -> tuple[int, ...]:
    """The values that a function may fail with: if it was asked for, the one that was, too.

    Raises: NotPlaced if it was asked for, without a value, and none is known.
    """
    known = FAILURES[function].values if function in FAILURES else ()
    if asked and value is not None:
        return (value,)
    if asked and not known:
        raise NotPlaced(f"what {function} returns when it fails is not known: give CallError a value")
    return tuple(v for v in known if value in (None, v))


def sweep(module: ModuleCode, at: str = ANY) -> Iterator[CallError]:
    """Every failure of every function that a module calls, as far as they are known; with "one", at each call."""
    known = (name for name in called(module) if name in FAILURES)
    for name in known:
        for function, value, call in options(module, name, at, partial(values, None, None)):
            yield CallError(function, value, at=call)
