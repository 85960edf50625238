"""Tables of `interface_faults`: the outcome of each wrong field of each message.

A wrong value is "refused" if the k-driver expelled its sender at once, "late" if it did so when the call's time was up,
since the message was not told for what it is; "an error" if a request failed with an ordinary error; else "taken". "not
met": no message had the field, as one has that did not change. In CORRUPT trials a taken value was wrong data.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from faultkit import Record
from faultkit.kit import Kind, name_of
from faultkit.store.store import Store
from faultkit.verdict.judge import judge
from injectors.channel.channel import Channel

REACTIONS = ("refused", "late", "an error", "taken", "not met")
EXPELLED = "is expelled"
WHY = {"-EPROTO": "refused", "-ETIMEDOUT": "late"}


def rows(store: Store) -> Iterator[dict[str, str]]:
    """A row per wrong value."""
    for n in sorted(store.done()):
        record = store.record(n)
        if isinstance(fault := record.trial.fault, Channel):
            yield {
                "driver": name_of(record.trial.driver),
                "message": f"{fault.direction} {fault.message}",
                "field": fault.field,
                "reaction": reaction(record),
                "outcome": judge(record).outcome.name,
            }


def reaction(record: Record) -> str:
    """The k-driver's reaction to the message."""
    kinds = {event.kind for event in record.events}
    if Kind.FAULT_ACTIVATED not in kinds:
        return "not met"
    for text in (str(e.data["text"]) for e in record.events if e.kind == Kind.KERNEL_MESSAGE):
        if EXPELLED in text:
            return WHY.get(text.rpartition(": ")[2], "refused")
    return "an error" if Kind.REQUEST_FAILED in kinds else "taken"


def by(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """How many values, the k-driver's reactions, and the trials' outcomes."""
    keys = [frame[column] for column in columns]
    reactions = pd.crosstab(keys, frame["reaction"]).reindex(columns=list(REACTIONS), fill_value=0)
    return reactions.join(pd.crosstab(keys, frame["outcome"]))


def interface_text(store: Store) -> Iterator[str]:
    """The tables by message and by field as text."""
    frame = pd.DataFrame(list(rows(store)))
    for columns in (("driver", "message"), ("driver", "field")):
        yield by(frame, *columns).to_string()
