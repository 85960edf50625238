"""The actions of recovery, and the steps that they are made of: one table for the agent, the policies and the oracle.

A step is a method of the driver. Recovery ends each action but "give_up" with the step "probe".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from faultkit.model.errors import HarnessError
from faultkit.model.parts import Action, Driver, Split

GIVE_UP = Action("give_up")
PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of recovery; its time counts as time of `phase`."""

    name: str
    phase: str
    of_udriver: bool = False


@dataclass(frozen=True, slots=True)
class Remedy:
    """The steps of an action, in order, and their effect."""

    effect: str
    steps: tuple[str, ...]


STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step("detach", "quiesced"),
        Step("stop_udriver", "quiesced", of_udriver=True),
        Step("unload", "unloaded"),
        Step("load", "loaded"),
        Step("start_udriver", "loaded", of_udriver=True),
        Step("attach", "state_back"),
        Step("reattach", "state_back", of_udriver=True),
        Step("restore", "state_back"),
        Step(PROBE, "answering"),
    )
}
REMEDIES: Mapping[str, Remedy] = {
    "restart": Remedy("a new u-driver joins the running k-driver", ("stop_udriver", "start_udriver", "reattach")),
    "reload": Remedy(
        "the k-driver is unloaded and loaded, the service rebuilt on it", ("detach", "unload", "load", "attach")
    ),
    "reload_with_state": Remedy(
        "the same, and the configuration is restored", ("detach", "unload", "load", "attach", "restore")
    ),
    "both": Remedy(
        "the u-driver is replaced and the k-driver reloaded",
        ("detach", "unload", "stop_udriver", "load", "start_udriver", "attach"),
    ),
}
PHASES: Mapping[str, str] = {  # the phases of steps, in the order of a recovery -> the state at the end of each
    "quiesced": "the service is detached, the u-driver stopped",
    "unloaded": "the k-driver is out",
    "loaded": "the k-driver, or a new u-driver, is there",
    "state_back": "attached or reattached, and configured as before",
    "answering": "the probe was answered",
}


def steps(action: str, driver: Driver, state: Any = None) -> Iterator[tuple[str, Callable[[], None]]]:
    """The calls that an action makes, by step, in order. Raises: HarnessError if the driver has no such part."""
    if action not in REMEDIES:
        raise HarnessError(f"no recovery action is called {action!r}: there are {', '.join(REMEDIES)} and give_up")
    names = REMEDIES[action].steps
    if not isinstance(driver, Split) and any(STEPS[name].of_udriver for name in names):
        raise HarnessError(f"{type(driver).__name__} has no u-driver: a policy that wants {action!r} does not fit it")
    for name in names:
        yield name, partial(getattr(driver, name), state) if name == "restore" else getattr(driver, name)


def phase_of(step: str) -> str:
    """The phase that a step belongs to; a step of another time is a phase of its own."""
    return STEPS[step].phase if step in STEPS else step
