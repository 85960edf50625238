"""The tables of the published evaluations: counted right, and the same in the page as in results/published/."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.literature import lines, publish, tables
from faultkit.model.errors import UsageError
from faultkit.model.events import Event, Outcome
from faultkit.results.causes import cause, causes
from faultkit.running.judging import keep_all
from faultkit.statistics.rates import rate
from faultkit.store.store import Row, Store
from tests.records import EVENTS_OF, Hang, Rtl8139, a_golden_row, a_row, at
from tests.synthetic import meta, one_of_each

DETECTED, STARTED = at(5, "error.detected", by="pidfd", what="x"), at(6, "recovery.started", action="reload_kdriver")
WHY: list[tuple[Outcome, list[Event], str]] = [
    (Outcome.CRASHED, [], "the kernel died without a report"),
    (Outcome.CRASHED, [at(1, "kernel.lockup", function="f")], "the kernel was caught in a loop or waited for a lock"),
    (Outcome.CRASHED, [at(1, "kernel.oops", function="f", module="nbd")], "the kernel faulted in the driver's code"),
    (Outcome.CRASHED, [at(1, "kernel.oops", function="f", module=None)],
     "the kernel faulted elsewhere, on what the driver had left or passed"),
    (Outcome.CRASHED, [at(1, "kernel.oops")], "the driver jumped to where there is no code"),
    (Outcome.CORRUPT, [DETECTED], "wrong data, acknowledged as right"),
    (Outcome.HUNG, [], "no detector told of it"),
    (Outcome.HUNG, [DETECTED], "detected, and nobody acted"),
    (Outcome.LOST, [DETECTED, STARTED], "recovery began, and did not bring the service back"),
    (Outcome.HUNG, [DETECTED, STARTED, at(9, "service.restored")],
     "the service was restored, but requests from before never ended, or it failed again"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "events", "why"), WHY, ids=[why for _, _, why in WHY])
def test_why_a_service_did_not_come_back(outcome: Outcome, events: list[Event], why: str) -> None:
    assert cause(outcome, events, ["nbd"]) == why


def test_causes_are_told_of_unrecovered_trials_only(tmp_path: Path) -> None:
    with one_of_each(tmp_path / "run") as store:
        frame = causes(store)
    assert set(frame["outcome"]) == {"LOST", "HUNG", "CRASHED", "CORRUPT"}


def pairs(*outcomes: tuple[str | None, str | None]) -> list[Row]:
    """A golden trial, and pairs of trials that ended so; None: void."""
    ends = [end for pair in outcomes for end in pair]
    faulty = [a_row(n, *(EVENTS_OF[end] if end else ()), void=None if end else "gone") for n, end in enumerate(ends, 1)]
    return [a_golden_row(0), *faulty]


def stored(place: Path, rows: list[Row], **facts: object) -> Store:
    """A finished campaign of these rows."""
    store = Store.create(place, meta(len(rows)) | facts)
    keep_all(store, rows)
    return store


def test_crashes_are_counted_in_pairs(tmp_path: Path) -> None:
    rows = pairs(("CRASHED", "RECOVERED"), ("CRASHED", "CRASHED"), ("MASKED", "CRASHED"), (None, "CRASHED"))
    with stored(tmp_path / "run", rows) as store:
        ((driver, found),) = tables.crash_pairs(store)
        table = tables.eliminated(store)
        (line,) = lines.nooks_400(store)
    assert (driver, found.n, found.without, found.both, found.gone) == ("nbd", 3, 2, 1, rate(1, 2))
    assert table.iloc[0].tolist() == ["nbd", 3, 2, 1, str(rate(1, 2))]
    assert not line.met and line.theirs.startswith("313/317 98.7 %")


def test_failures_are_hidden_mended_or_neither(tmp_path: Path) -> None:
    with one_of_each(tmp_path / "run") as store:
        table = tables.shadowed(store)
    everything, detected = table.to_dict("records")
    assert everything["n"] == 7 and everything["automatic"] == str(rate(1, 7)) == everything["manual"]
    assert everything["failed"] == 5
    assert detected["n"] < everything["n"], "of some failures nobody tells"


def test_manifested_faults_are_counted_by_model(tmp_path: Path) -> None:
    rows = [a_row(0, *EVENTS_OF["RECOVERED"]), a_row(1, *EVENTS_OF["CRASHED"]), a_row(2, *EVENTS_OF["MASKED"]),
            a_row(3, *EVENTS_OF["CRASHED"], driver=Rtl8139())]  # fmt: skip
    with stored(tmp_path / "run", rows) as store:
        table = tables.manifested(store).set_index("driver")
    assert table.loc["nbd", "recovered"] == str(rate(1, 2))
    assert table.loc["both", "recovered"] == str(rate(1, 3))


def test_an_alarm_in_a_healthy_trial_is_counted(tmp_path: Path) -> None:
    rows = [a_golden_row(0), a_golden_row(1, DETECTED), a_golden_row(2)]
    with stored(tmp_path / "run", rows) as store:
        table = tables.alarms(store).set_index("driver")
        (line,) = lines.false_positive(store)
    assert table.loc["both", "detected"] == str(rate(1, 3)) and table.loc["both", "restarted"] == str(rate(0, 3))
    assert (line.ours, line.met) == (str(rate(1, 3)), False)


def test_accounts_leave_nothing_out(tmp_path: Path) -> None:
    with one_of_each(tmp_path / "run") as store:
        (row,) = tables.accounts(store).to_dict("records")
    assert row["planned"] == 10 and row["void"] == 1, "golden trials are apart"
    assert sum(row[outcome.name] for outcome in Outcome) == row["planned"] - row["void"]
    assert row["HUNG"] == 2


def test_types_are_told_apart(tmp_path: Path) -> None:
    rows = [a_row(0, *EVENTS_OF["CRASHED"]), a_row(1, *EVENTS_OF["MASKED"], fault=Hang()), a_row(2, fault=Hang())]
    with stored(tmp_path / "run", rows) as store:
        table = tables.by_type(store).set_index("fault_type")
    assert table.loc["kill", "CRASHED"] == 1 and table.loc["hang", ["activated", "MASKED"]].tolist() == [1, 1]


def test_a_table_in_markdown() -> None:
    frame = pd.DataFrame({"driver": ["nbd"], "trials": [3]})
    assert publish.markdown(frame) == "| driver | trials |\n| --- | ---: |\n| nbd | 3 |\n"


@pytest.mark.parametrize(
    ("facts", "message"),
    [({"experiment": "mine"}, "is of mine: there are tables for"), ({"planned": 9}, "has 1 of 9 trials")],
)
def test_what_cannot_be_published_is_refused(tmp_path: Path, facts: dict[str, object], message: str) -> None:
    rows = [a_golden_row(0)]
    campaign = stored(tmp_path / "run", rows, **({"experiment": "shadow"} | facts))
    with campaign as store, pytest.raises(UsageError, match=message):
        publish.publish(store)


def test_the_page_shows_the_tables_as_they_were_published() -> None:
    page = publish.PAGE.read_text()
    assert publish.with_tables(page) == page
    shown = {found["name"] for found in publish.INCLUDED.finditer(page)}
    assert shown == {path.stem for path in publish.PUBLISHED.glob("*.md")}
    assert shown == {"lines", *tables.TABLES}


def test_lines_and_tables_are_of_the_same_experiments() -> None:
    assert list(lines.LINES) == list(tables.TABLES)
