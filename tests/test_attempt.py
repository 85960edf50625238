"""A recovery attempt, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from faultkit.guest.clock import CLOCK, Clock
from faultkit.guest.recovery import Attempt
from faultkit.model.actions import REMEDIES, steps
from faultkit.model.errors import HarnessError
from faultkit.model.parts import Remedy
from tests.records import Rtl8139


@dataclass(slots=True)
class Stuck:
    """A driver that notes what is done to it; unloading it takes so long that it is given up meanwhile."""

    meanwhile: Callable[[], None] = lambda: None
    done: list[str] = field(default_factory=list)
    fails: bool = False
    udriver: str = "stuck"

    def udriver_pid(self) -> int:
        return 1

    def detach(self) -> None:
        self.done.append("detach")

    def unload(self) -> None:
        self.done.append("unload")
        self.meanwhile()
        if self.fails:
            raise OSError(16, "Device or resource busy")

    def load(self) -> None:
        self.done.append("load")

    def attach(self) -> None:
        self.done.append("attach")

    def stop_udriver(self) -> None:
        self.done.append("stop_udriver")

    def start_udriver(self) -> None:
        self.done.append("start_udriver")

    def reattach(self) -> None:
        self.done.append("reattach")

    def probe(self) -> None:
        self.done.append("probe")

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        return {"shake": Remedy("who knows", ("detach", "shake", "attach"))}

    def shake(self) -> None:
        self.done.append("shake")

    def save(self) -> None: ...

    def restore(self, state: Any) -> None:
        self.done.append(f"restore {state}")


@dataclass(slots=True)
class Notes:
    """A bench that keeps what is reported."""

    driver: Stuck
    clock: Clock = CLOCK
    told: list[str] = field(default_factory=list)

    def report(self, source: str, kind: str, /, **data: Any) -> None:
        assert (source, kind) == ("recovery", "recovery.step")
        self.told.append(data["step"])


def attempt(driver: Stuck, action: str, **parts: Any) -> tuple[Attempt, Notes]:
    """An attempt that has not begun."""
    notes = Notes(driver)
    return Attempt(notes, action, (), lambda _: driver.done.append("(told)"), **parts), notes  # type: ignore[arg-type]


def test_steps_are_done_and_told_in_order() -> None:
    driver = Stuck()
    made, notes = attempt(driver, "reload_with_state", state="MTU 1400")
    made.run()
    assert driver.done == ["detach", "unload", "load", "attach", "restore MTU 1400", "probe"]
    assert notes.told == [*REMEDIES["reload_with_state"].steps, "probe"] and made.error is None


def test_an_action_of_the_drivers_own_has_its_steps_in_order_and_the_probe_at_the_end() -> None:
    driver = Stuck()
    made, notes = attempt(driver, "shake")
    made.run()
    assert driver.done == notes.told == ["detach", "shake", "attach", "probe"] and made.error is None


def test_a_new_udriver_is_told_of_before_anything_is_asked_of_it() -> None:
    driver = Stuck()
    made, _ = attempt(driver, "restart")
    made.run()
    assert driver.done == ["stop_udriver", "start_udriver", "(told)", "reattach", "probe"]


def test_watchers_step_aside_for_an_unload_and_for_nothing_else() -> None:
    driver = Stuck()

    class Probes:
        @contextmanager
        def aside(self) -> Iterator[None]:
            driver.done.append("(aside")
            yield
            driver.done.append("aside)")

    made = Attempt(Notes(driver), "reload", (Probes(), object()), lambda _: None)  # type: ignore[arg-type]
    made.run()
    assert driver.done == ["detach", "(aside", "unload", "aside)", "load", "attach", "probe"] and made.error is None


def test_an_attempt_that_was_given_up_does_not_go_on_beneath_its_successor() -> None:
    driver = Stuck()
    made, notes = attempt(driver, "reload")
    driver.meanwhile = lambda: setattr(made, "abandoned", True)
    made.run()
    assert driver.done == notes.told == ["detach", "unload"]


def test_a_step_that_fails_ends_the_attempt_with_its_error() -> None:
    made, notes = attempt(Stuck(fails=True), "reload")
    made.run()
    assert made.error == "Device or resource busy" and notes.told == ["detach", "unload"]


def test_an_action_that_does_not_fit_is_the_experiments_fault() -> None:
    with pytest.raises(HarnessError, match="Rtl8139 has no u-driver"):
        list(steps("restart", Rtl8139()))
    words = "^Rtl8139 has no recovery action 'pray': it has reload, reload_with_state and give_up$"
    with pytest.raises(HarnessError, match=words):
        list(steps("pray", Rtl8139()))
