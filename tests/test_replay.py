"""The stored results of replays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faultkit.model.errors import UsageError
from faultkit.model.events import Event
from faultkit.results.summary import counts_json, replay_totals
from faultkit.running.interference import as_meta
from faultkit.running.judging import keep, keep_all
from faultkit.running.replay import Replay, as_row, first_difference, replay_summary, spread
from faultkit.store.store import Store
from faultkit.tables.outcome_table import OutcomeTable
from tests.records import RESTORED, a_row, at
from tests.synthetic import meta
from tests.terminal import printed

SAME = Replay(3, "RECOVERED", True, True)
OTHER = Replay(4, "LOST", False, False, (at(1, "service.restored"), None))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Twenty trials, two of them void."""
    with Store.create(tmp_path / "run", meta(20)) as store:
        keep_all(store, [a_row(n, *RESTORED, void="gone" if n in (0, 7) else None) for n in range(20)])
        yield store


def test_replays_are_kept_and_counted(store: Store) -> None:
    assert replay_totals(store) == {"trials": 0, "runs": 0, "outcome_agrees": 0, "events_agree": 0}
    assert "run again" not in printed(OutcomeTable.of(store), 120)
    for found in (SAME, SAME, OTHER):
        store.add_replay(as_row(found, jobs=2))
    assert replay_totals(store) == {"trials": 2, "runs": 3, "outcome_agrees": 2, "events_agree": 2}
    assert "run again 3 times: the same outcome in 2, all events in 2" in printed(OutcomeTable.of(store), 120)
    assert counts_json(store)["replays"]["runs"] == 3
    rows = list(store.select("SELECT n, jobs, outcome, difference FROM replays ORDER BY n"))
    assert rows[0] == (3, 2, "RECOVERED", None)
    assert rows[2] == (4, 2, "LOST", "  then: 1000000 ns service.restored {}\n  now:  nothing")


def test_a_replay_is_a_line_and_a_difference_three() -> None:
    assert replay_summary(SAME) == "trial 3: RECOVERED, the same outcome, bit for bit the same"
    first, *more = replay_summary(OTHER).splitlines()
    assert first == "trial 4: LOST, ANOTHER OUTCOME, other events"
    assert more == ["  then: 1000000 ns service.restored {}", "  now:  nothing"]


def test_a_sample_is_spread_over_the_valid_trials(store: Store) -> None:
    assert spread(store, 1) == [1]
    assert spread(store, 3) == [1, 8, 14]
    assert spread(store, 99) == [n for n in range(20) if n not in (0, 7)]


def test_of_nothing_there_is_no_sample(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_row(0, void="gone"))
        with pytest.raises(UsageError, match="no valid trial to run again"):
            spread(store, 1)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (RESTORED, RESTORED[:2], (RESTORED[2], None)),
        (RESTORED[:1], RESTORED, (None, RESTORED[1])),
        (RESTORED, (RESTORED[0], at(11, "other"), *RESTORED[2:]), (RESTORED[1], at(11, "other"))),
    ],
)
def test_the_first_difference_is_where_time_lines_part(
    then: tuple[Event, ...], now: tuple[Event, ...], expected: tuple[Event | None, Event | None]
) -> None:
    assert first_difference(then, now) == expected


def test_what_is_kept_of_running_together() -> None:
    assert as_meta([SAME, OTHER, SAME], jobs=4) == {
        "jobs": 4,
        "trials": 3,
        "outcome_agrees": 2,
        "events_agree": 2,
        "differing": [4],
    }
