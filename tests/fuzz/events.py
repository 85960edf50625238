"""A fuzzer of what a guest sends: from lines of a log to a verdict, a stored row, and that row read again."""

from __future__ import annotations

import json
import random
import tempfile
from functools import cache
from pathlib import Path

from faultkit.machine.console import kernel_events
from faultkit.model.errors import FaultkitError
from faultkit.model.events import Ending, Event
from faultkit.model.received import Intake, complaint_of, lost_of
from faultkit.model.trial import Record
from faultkit.model.vocabulary import problems
from faultkit.running.evidence import missing
from faultkit.running.judging import keep
from faultkit.running.trial import timeline
from faultkit.store.store import Row, Store
from tests.fuzz.logs import a_log
from tests.fuzz.mutation import as_line, changed, torn
from tests.records import a_trial
from tests.synthetic import meta

SENT = Path(__file__).with_name("corpus") / "events.jsonl"  # of real trials: a line each, a list of events


@cache
def trials() -> list[list[list[object]]]:
    """The events of real trials."""
    return [json.loads(line) for line in SENT.read_text().splitlines()]


def a_case(draw: random.Random) -> bytes:
    """The log of a real trial, changed."""
    events = list(draw.choice(trials()))
    others = draw.choice(trials())
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        at = draw.randrange(len(events))
        match draw.randrange(5):
            case 0:
                del events[at : at + draw.choice((1, 1, 10))]
                events = events or list(others)
            case 1:
                events.insert(at, draw.choice(others))
            case _:
                events[at] = changed(events[at], draw, others)
    lines = [as_line(event, draw) if draw.random() < 0.2 else json.dumps(event).encode() for event in events]
    return b"\n".join(lines)


def check(case: bytes, draw: random.Random) -> None:
    """Bring a log to a verdict, or to a void trial. Raises: AssertionError, and whatever should not come up."""
    intake = Intake()
    intake.take_lines(case.split(b"\n"), reserved={"host", "kernel"})
    for event in kernel_events(a_log(draw), draw.choice((0, 1, -5, 10**12))):
        intake.take(event, "the console")
    events = timeline(intake.end())
    assert [found for event in events for found in problems(event)] == []
    record = Record(trial=a_trial(), ending=draw.choice([*Ending]), events=events, console=a_log(draw))
    reason = missing(record)
    row = Row(n=0, trial=record.trial, template="t", attempts=1, record=None if reason else record, void=reason)
    with tempfile.TemporaryDirectory() as folder, Store.create(Path(folder) / "run", meta(1)) as store:
        finding = keep(store, row)
        assert finding.problem is None, finding.problem
        if not reason:
            assert same(store.events(0), events)
    final_words(torn(b'{"lost": {"monitors.calls:Calls": 3, "agent": 1}}', draw).decode(errors="replace"))


def same(stored: object, events: tuple[Event, ...]) -> bool:
    """True if the stored events are those that were seen."""
    return json.dumps([[e.t_ns, e.source, e.kind, dict(e.data)] for e in stored]) == json.dumps(  # type: ignore[attr-defined]
        [[e.t_ns, e.source, e.kind, dict(e.data)] for e in events]
    )


def final_words(text: str) -> None:
    """Read a final message, and a complaint."""
    try:
        lost_of(text, ["monitors.calls:Calls"])
    except ValueError as reason:
        assert not isinstance(reason, FaultkitError)
    assert all(words.isprintable() for words in complaint_of(text))
