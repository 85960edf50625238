"""A kernel function is given a wrong argument by the k-driver."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from faultkit.kit import Bench, CallSites, Driver, KernelModule, ModuleCode, NotPlaced, Side, processor
from injectors.tools.calls import ANY, FILES, check_counts, drawn, tamper_with_calls
from injectors.tools.driver_code import module_of

ORDERS = {"value": "set", "zero": "set", "off_by_one": "add", "bit_flip": "flip"}


@dataclass(frozen=True, slots=True)
class CallArgument:
    """Give a kernel function a wrong `argument` (1 to 6) when the k-driver calls it; other callers are spared.

    `change`: "value" (the argument becomes `value`), "zero", "off_by_one" (one more or one less) or "bit_flip" (one
    of the lowest `bits`: give 32 for an int, whose upper half nobody reads). `draw` (64 random bits) draws the
    change uniformly. Pointers are arguments, too.
    `at`, `nth`, `times`, `probability`, `survives_reload`: as for CallError.

    Activation: each such call, by the kernel's own time stamp.
    Data: `function`, `site`, `how` (`set`, `add`, `flip`), `value`, `nth`, `times`, `probability`; in
    `fault.activated` `call` (its number), `site`, and the argument as it `was` and is `now`.
    Undo: disarmed.
    """

    side: ClassVar[Side] = "k-driver"

    function: str
    argument: int
    change: Literal["value", "zero", "off_by_one", "bit_flip"]
    value: int = 0
    bits: int = 64
    nth: int = 1
    times: int = 1
    at: str = ANY
    probability: float = 1.0
    draw: int = 0
    survives_reload: bool = True
    operand: int = 0  # the value that is set, added or flipped; this and the rest is settled by `place`
    site: CallSites | None = None

    @property
    def fault_type(self) -> str:
        return "call argument"

    def foresee(self, driver: Driver) -> None:
        del driver
        self._check()

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        self._check()
        (_, operand, at), site = drawn(self, module_of(code), lambda _: self.operands())
        return replace(self, operand=operand, at=at, site=site)

    def _check(self) -> None:
        if not 1 <= self.argument <= len(processor.CALL_ARGUMENTS):
            raise NotPlaced(
                f"argument {self.argument} is in no register: there are 1 to {len(processor.CALL_ARGUMENTS)}"
            )
        if self.change not in ORDERS or not 1 <= self.bits <= 64:
            raise NotPlaced(f"an argument cannot be changed by {self.change!r} ({self.bits} bits): {', '.join(ORDERS)}")
        check_counts(self)

    def operands(self) -> tuple[int, ...]:
        """The values that may be set, added or flipped."""
        return {
            "value": (self.value,),
            "zero": (0,),
            "off_by_one": (1, -1),
            "bit_flip": tuple(1 << bit for bit in range(self.bits)),
        }[self.change]

    def files(self) -> Mapping[str, KernelModule]:
        return FILES

    def inject(self, bench: Bench) -> AbstractContextManager[None]:
        return tamper_with_calls(bench, self, ORDERS[self.change], self.operand, self.argument)
