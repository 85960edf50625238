"""The calls that a guest may ask of the host: a closed list, made from the guest's own trial, with checked arguments.

A guest under test may be taken over. A call names one of these host sides by its class; nothing that it names is ever
imported, looked up or built. Its fields must be those of the trial, but for the few that only the guest knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

from faultkit.model.codec import class_path, encode
from faultkit.model.parts import CallsHost, FromGuest, HostSide, iter_parts
from faultkit.model.received import LARGEST, in_short, loads_plain
from faultkit.model.trial import Trial

CALL_BYTES = 1 << 20
TEXT = 200  # the most characters of a text that only the guest knows
LABELS = 8
SCALARS = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class HostCall:
    """A call that the host allows: the host side, and the label for its events."""

    fault: HostSide
    label: Mapping[str, Any]


def host_sides(trial: Trial) -> tuple[HostSide, ...]:
    """The host sides that a trial's guest may call: those among its parts, and those that its parts list."""
    parts = list(iter_parts(trial))
    listed = (each for part in parts if isinstance(part, CallsHost) for each in part.host_calls)
    return tuple(part for part in (*parts, *listed) if isinstance(part, HostSide))


def call_of(text: str, sides: Iterable[HostSide]) -> HostCall:
    """The call that a guest asks for. Raises: ValueError if it is none of the list, or its arguments do not fit."""
    if len(text) > CALL_BYTES:
        raise ValueError(f"the call has {len(text)} characters")
    asked = loads_plain(text)
    if not isinstance(asked, dict) or asked.keys() != {"fault", "label"} or not isinstance(asked["fault"], dict):
        raise ValueError("it is no host call")
    name = asked["fault"].get("is")
    named = [side for side in sides if class_path(type(side)) == name]
    if not named:
        raise ValueError(f"{in_short(name)} is no host side of this trial")
    found = next((given for side in named if (given := given_to(side, asked["fault"])) is not None), None)
    if found is None:
        raise ValueError(f"the fields of {in_short(name)} are not those of this trial")
    return HostCall(found, label_of(asked["label"]))


def given_to(side: HostSide, fields: Mapping[str, Any]) -> HostSide | None:
    """The host side with the fields that only the guest knows; None if another field differs, or one does not fit."""
    own: dict[str, Any] = encode(side)
    if fields.keys() != own.keys():
        return None
    free = side.from_guest if isinstance(side, FromGuest) else ()
    if any(fields[name] != own[name] for name in own if name not in free):
        return None
    hints = get_type_hints(type(side)) if free else {}
    if not all(fits(fields[name], hints.get(name)) for name in free):
        return None
    given: HostSide = replace(side, **{name: fields[name] for name in free})  # type: ignore[type-var]
    return given


def fits(value: Any, kind: Any) -> bool:
    """True if a guest may give this value to a field of this type."""
    if kind is str:
        return isinstance(value, str) and len(value) <= TEXT
    if kind is int:
        return type(value) is int and 0 <= value < LARGEST
    return kind in (bool, float) and type(value) is kind


def label_of(asked: Any) -> dict[str, Any]:
    """The label of a call. Raises: ValueError."""
    if not isinstance(asked, dict) or len(asked) > LABELS or not all(map(str.isidentifier, asked)):
        raise ValueError("its label is no few names with values")
    if not all(value is None or isinstance(value, SCALARS) for value in asked.values()):
        raise ValueError("its label holds more than numbers and texts")
    return asked
