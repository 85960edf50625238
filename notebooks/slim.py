"""`python -m notebooks.slim RESULT OUT [TRIALS]`: a campaign small enough for git, with the same verdicts.

Left out are events of the monitors `calls` and `requests`, requests issued, kernel messages, consoles, and facts that
name places on the machine. A store with them is 7 times as large.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from faultkit.model.events import Event
from faultkit.model.trial import Record
from faultkit.running.judging import keep_all
from faultkit.store.store import Row, Store
from faultkit.verdict.judge import judge

BULKY_SOURCES = frozenset({"calls", "requests"})
BULKY_KINDS = frozenset({"kernel.message", "request.issued"})
LEFT_OUT = frozenset({"command", "file", "question", "version"})  # the store writes its version itself


def main(arguments: Sequence[str]) -> None:
    """Write a small campaign from the command line's arguments."""
    source, target, *count = arguments
    with Store.open(Path(source)) as full:
        rows = list(slimmed(full, int(count[0]) if count else None))
        with Store.create(Path(target), facts(full.meta().as_dict(), len(rows))) as small:
            keep_all(small, rows)
            small.as_one_file()


def facts(meta: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The facts of the campaign, except for places on the machine."""
    return {key: value for key, value in meta.items() if key not in LEFT_OUT} | {"planned": count}


def slimmed(store: Store, count: int | None) -> Iterator[Row]:
    """The first `count` trials (None: all) without bulky events. Raises: ValueError if that changed a verdict."""
    for n in sorted(store.done())[:count]:
        row = store.row(n)
        yield replace(row, record=without_bulk(row.record)) if row.record else row


def without_bulk(record: Record) -> Record:
    """The record without bulky events. Raises: ValueError if that changes its verdict."""
    slim = replace(record, events=tuple(filter(kept, record.events)), console="")
    if judge(slim) != judge(record):
        raise ValueError(f"without its bulky events, {judge(record)} is {judge(slim)}")
    return slim


def kept(event: Event) -> bool:
    """True for events that stay."""
    return event.source not in BULKY_SOURCES and event.kind not in BULKY_KINDS


if __name__ == "__main__":
    main(sys.argv[1:])
