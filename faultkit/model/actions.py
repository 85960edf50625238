"""The actions of recovery, and the steps that they are made of: one table for the agent, the policies and the oracle.

A step is a method of the driver. Recovery ends each action but "give_up" with the step "probe". A driver may have
actions of its own (`faultkit.model.parts.Offers`), with steps of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from faultkit.model.errors import HarnessError
from faultkit.model.parts import Action, Driver, Offers, Remedy, Split

GIVE_UP = Action("give_up")
PROBE = "probe"
STARTS = frozenset({"start_udriver", "start_beside"})  # steps after which a new u-driver is watched
OWN = "mended"  # the phase of steps that a driver has for itself


@dataclass(frozen=True, slots=True)
class Step:
    """One step of recovery; its time counts as time of `phase`."""

    name: str
    phase: str
    of_udriver: bool = False


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
    OWN: "the steps of the driver's own are done",
    "state_back": "attached or reattached, and configured as before",
    "answering": "the probe was answered",
}


def steps(action: str, driver: Driver, state: Any = None) -> Iterator[tuple[str, Callable[[], None]]]:
    """The calls that an action makes, by step, in order. Raises: HarnessError if the driver does not offer it."""
    if words := misfit(action, driver):
        raise HarnessError(words)
    for name in offered(driver)[action].steps:
        yield name, partial(getattr(driver, name), state) if name == "restore" else getattr(driver, name)


def offered(driver: Driver) -> Mapping[str, Remedy]:
    """The actions that a driver can take, by name: those of all drivers that fit it, and its own."""
    own = driver.remedies if isinstance(driver, Offers) else {}
    fit = {name: each for name, each in REMEDIES.items() if isinstance(driver, Split) or not wants_udriver(each)}
    return {**fit, **own}


def wants_udriver(remedy: Remedy) -> bool:
    """Say if an action acts on a u-driver."""
    return any(STEPS[name].of_udriver for name in remedy.steps if name in STEPS)


def misfit(action: str, driver: Driver) -> str | None:
    """The reason why a driver cannot take an action, in one line; None if it can."""
    name, there = type(driver).__name__, offered(driver)
    if action in REMEDIES and action not in there:
        return f"{name} has no u-driver: a policy that wants {action!r} does not fit it"
    if action not in there:
        return f"{name} has no recovery action {action!r}: it has {', '.join(there)} and {GIVE_UP.name}"
    missing = next((step for step in there[action].steps if not callable(getattr(driver, step, None))), None)
    return f"{name} has no method {missing!r}, a step of its recovery action {action!r}" if missing else None


def phase_of(step: str) -> str:
    """The phase that a step belongs to."""
    return STEPS[step].phase if step in STEPS else OWN
