"""Counts of a campaign, from SQL alone, also while it runs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from faultkit import store as store_module
from faultkit.errors import UsageError
from faultkit.model import Outcome
from faultkit.policies import Nothing, RestartUDriver
from faultkit.stats import rate
from faultkit.store import Store
from faultkit.summary import (
    OutcomeTable,
    accounting,
    accounting_line,
    as_json,
    by,
    false_positives,
    outcomes,
    survival,
)
from tests.records import EVENTS_OF, CallError, Hang, Kill, Text, a_golden_row, a_row, at
from tests.synthetic import campaign, meta


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Of 16 planned: one kill per outcome, a hang, two golden trials, a void one."""
    with Store.create(tmp_path / "run", meta(16)) as store:
        store.add_many(a_row(n, *events) for n, events in enumerate(EVENTS_OF.values()))
        store.add(a_row(8, *EVENTS_OF["HUNG"], fault=Hang()))
        store.add(a_golden_row(9))
        store.add(a_golden_row(10))
        store.add(a_row(11, void="QEMU ended with status 1"))
        yield store


def test_the_accounting_leaves_golden_and_void_trials_out(store: Store) -> None:
    expected = {"planned": 16, "injected": 9, "activated": 8, "manifested": 7, "void": 1}
    assert accounting(store) == expected
    assert list(accounting(store)) == list(expected)


def test_the_accounting_is_a_line(store: Store) -> None:
    line = "planned 16 · injected 9 · activated 8 · manifested 7 · void 1"
    assert accounting_line(accounting(store)) == line
    assert line in printed(store, 80)


def test_a_failure_whose_activation_went_unseen_stays_in_the_denominator(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        store.add(a_row(0, at(10, "workload.gave_up")))
        assert accounting(store) == {"planned": 1, "injected": 1, "activated": 1, "manifested": 1, "void": 0}
        assert survival(outcomes(store)) == rate(0, 1)


def test_a_trigger_that_never_fired_injected_nothing(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        store.add(a_row(0))
        assert accounting(store) == {"planned": 1, "injected": 0, "activated": 0, "manifested": 0, "void": 0}
        assert outcomes(store)["INACTIVE"] == 1


def test_without_a_plan_what_is_there_was_planned(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", {}) as store:
        store.add(a_row(0))
        assert accounting(store)["planned"] == 1


def test_outcomes_are_counted_mildest_first(store: Store) -> None:
    assert list(outcomes(store)) == [outcome.name for outcome in Outcome]
    assert outcomes(store) == dict.fromkeys(EVENTS_OF, 1) | {"HUNG": 2}


def test_groups_add_up(store: Store) -> None:
    groups = by(store)
    assert sum(groups["golden"].values()) == groups["golden"]["MASKED"] == 2
    assert groups["hang"] == dict.fromkeys(EVENTS_OF, 0) | {"HUNG": 1}
    assert groups["kill"] == dict.fromkeys(EVENTS_OF, 1)
    assert by(store, "policy") == {"restart_udriver": outcomes(store)}
    assert by(store, "driver") == {"nbd": outcomes(store)}


def test_trials_cannot_be_grouped_by_just_anything(store: Store) -> None:
    with pytest.raises(UsageError, match="cannot be grouped by 'events'"):
        by(store, "events")


@pytest.mark.parametrize("kind", ["error.detected", "recovery.started", "request.failed"])
def test_a_golden_trial_that_is_not_clean_is_a_false_positive(store: Store, kind: str) -> None:
    assert false_positives(store) == 0
    store.add(a_golden_row(12, at(1, kind, by="heartbeat")))
    assert false_positives(store) == 1
    assert "1 of 3 golden trials were not clean" in printed(store, 80)


def test_scripts_get_exactly_these_keys(store: Store) -> None:
    assert as_json(store) == {
        "experiment": "kill_under_load",
        "seed": 7,
        "accounting": accounting(store),
        "outcomes": outcomes(store),
        "by": by(store, "injector"),
    }
    assert json.loads(json.dumps(as_json(store))) == as_json(store)


def test_no_event_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "unpack_events", lambda blob: pytest.fail("events were read"))
    assert as_json(store)["accounting"]["activated"] == 8
    assert "TOTAL" in printed(store, 100)


def test_it_counts_while_the_campaign_runs(store: Store) -> None:
    with Store.open(store.path) as reader:
        assert accounting(reader)["activated"] == 8
        store.add(a_row(12, *EVENTS_OF["CRASHED"]))
        assert accounting(reader)["activated"] == 9
        assert outcomes(reader)["CRASHED"] == 2
        assert "13 of 16 planned trials have ended so far" in printed(reader, 80)


def printed(store: Store, width: int) -> str:
    """The outcome table as a terminal of some width without colours shows it."""
    text = io.StringIO()
    Console(file=text, width=width, no_color=True, force_terminal=False).print(OutcomeTable.of(store))
    return text.getvalue()


def test_a_row_states_its_rate_with_the_exact_interval(store: Store) -> None:
    shown = printed(store, 120)
    assert re.search(rf"kill +8 +7 .* {re.escape(str(rate(2, 7)))}", shown)
    assert re.search(rf"hang +1 +1 .* {re.escape(str(rate(0, 1)))}", shown)
    assert re.search(rf"TOTAL +9 +8 .* {re.escape(str(rate(2, 8)))}", shown)
    assert re.search(r"golden +2 +· +2[ ·]+$", shown, re.MULTILINE), "apart, and without a rate"


def test_outcomes_that_did_not_occur_have_no_column(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        store.add(a_row(0, *EVENTS_OF["LOST"]))
        shown = printed(store, 120)
    assert "LOST" in shown
    assert "CRASHED" not in shown and "HUNG" not in shown


def test_several_policies_have_a_row_each(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(3)) as store:
        store.add(a_row(0, *EVENTS_OF["RECOVERED"], fault=Kill(), policy=RestartUDriver()))
        store.add(a_row(1, *EVENTS_OF["LOST"], fault=Kill(), policy=Nothing()))
        store.add(a_row(2, *EVENTS_OF["LOST"], fault=Text(), policy=Nothing()))
        words = [line.split()[0] for line in printed(store, 120).splitlines() if line.strip()]
        shown = words[words.index("kill") : words.index("TOTAL") + 1]
    assert shown == ["kill", "nothing", "restart_udriver", "text", "nothing", "TOTAL"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_table_fits(tmp_path: Path, width: int) -> None:
    with Store.open(campaign(tmp_path / "run", 200, seed=1)) as store:
        shown = printed(store, width)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    assert shown.count("TOTAL") == (1 if width > 80 else 2), "rates stand below where they do not fit beside"


def test_nothing_has_ended_yet(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(5)) as store:
        assert accounting(store) == {"planned": 5, "injected": 0, "activated": 0, "manifested": 0, "void": 0}
        assert "0/0 n/a" in printed(store, 80)


def test_a_target_can_be_grouped_by(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        store.add(a_row(0, *EVENTS_OF["LOST"], fault=CallError("nbd_open")))
        store.add(a_row(1, *EVENTS_OF["LOST"], fault=Kill()))
        assert {name: counts["LOST"] for name, counts in by(store, "target").items()} == {"": 1, "nbd_open": 1}
