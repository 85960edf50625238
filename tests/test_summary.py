"""Counts of a campaign, from SQL alone, also while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.results.summary import (
    about,
    accounting,
    accounting_by,
    accounting_line,
    by,
    complete,
    cost,
    counts_json,
    false_positives,
    outcomes,
    replay_totals,
    survival,
)
from faultkit.running.judging import keep
from faultkit.statistics.rates import rate
from faultkit.store import queries
from faultkit.store import store as store_module
from faultkit.store.columns import GROUPS
from faultkit.store.store import Store
from faultkit.tables.outcome_table import OutcomeTable
from tests.records import EVENTS_OF, USUAL, CallError, Kill, Typed, a_golden_row, a_row, at
from tests.synthetic import campaign, meta, one_of_each
from tests.terminal import printed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One trial per outcome, and some more."""
    with one_of_each(tmp_path / "run") as store:
        yield store


def test_the_accounting_leaves_golden_and_void_trials_out(store: Store) -> None:
    expected = {"planned": 16, "injected": 9, "activated": 8, "manifested": 7, "void": 1}
    assert accounting(store) == expected
    assert list(accounting(store)) == list(expected)


def test_the_accounting_is_a_line(store: Store) -> None:
    line = "planned 16 · injected 9 · activated 8 · manifested 7 · void 1"
    assert accounting_line(accounting(store)) == line
    assert line in printed(OutcomeTable.of(store), 80)


def test_a_failure_whose_activation_went_unseen_stays_in_the_denominator(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_row(0, at(10, "workload.gave_up")))
        assert accounting(store) == {"planned": 1, "injected": 1, "activated": 1, "manifested": 1, "void": 0}
        assert survival(outcomes(store)) == rate(0, 1)


def test_a_trigger_that_never_fired_injected_nothing(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_row(0))
        assert accounting(store) == {"planned": 1, "injected": 0, "activated": 0, "manifested": 0, "void": 0}
        assert outcomes(store)["INACTIVE"] == 1


def test_without_a_plan_what_is_there_was_planned(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", {}) as store:
        keep(store, a_row(0))
        assert accounting(store)["planned"] == 1


def test_outcomes_are_counted_mildest_first(store: Store) -> None:
    assert list(outcomes(store)) == [outcome.name for outcome in Outcome]
    assert outcomes(store) == complete(dict.fromkeys(USUAL, 1) | {"HUNG": 2})


def test_groups_add_up(store: Store) -> None:
    groups = by(store)
    assert sum(groups["golden"].values()) == groups["golden"]["MASKED"] == 2
    assert groups["hang"] == complete({"HUNG": 1})
    assert groups["kill"] == complete(dict.fromkeys(USUAL, 1))
    assert by(store, "policy") == {"restart_udriver": outcomes(store)}
    assert by(store, "driver") == {"nbd": outcomes(store)}


def test_trials_cannot_be_grouped_by_just_anything(store: Store) -> None:
    with pytest.raises(UsageError, match="cannot be grouped by 'events'"):
        by(store, "events")


@pytest.mark.parametrize("kind", ["error.detected", "recovery.started", "request.failed"])
def test_a_golden_trial_that_is_not_clean_is_a_false_positive(store: Store, kind: str) -> None:
    assert false_positives(store) == 0
    keep(store, a_golden_row(12, at(1, kind, by="heartbeat")))
    assert false_positives(store) == 1
    assert "1 of 3 golden trials were not clean" in printed(OutcomeTable.of(store), 80)


def test_scripts_get_exactly_these_keys(store: Store) -> None:
    assert counts_json(store) == {
        "experiment": "kill_under_load",
        "seed": 7,
        "accounting": accounting(store),
        "outcomes": outcomes(store),
        "grouped_by": "injector",
        "by": by(store, "injector"),
        "accounting_by": accounting_by(store, "injector"),
        "unjudged": {},
        "cost": cost(store),
        "replays": replay_totals(store),
        "interference": None,
        "about": about(store),
    }
    assert about(store)["git_revision"] == "0" * 40
    assert json.loads(json.dumps(counts_json(store))) == counts_json(store)


def test_no_event_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (store_module, queries):
        monkeypatch.setattr(module, "unpack_events", lambda blob: pytest.fail("events were read"))
    assert counts_json(store)["accounting"]["activated"] == 8
    assert "TOTAL" in printed(OutcomeTable.of(store), 100)


def test_it_counts_while_the_campaign_runs(store: Store) -> None:
    with Store.open(store.path) as reader:
        assert accounting(reader)["activated"] == 8
        keep(store, a_row(12, *EVENTS_OF["CRASHED"]))
        assert accounting(reader)["activated"] == 9
        assert outcomes(reader)["CRASHED"] == 2
        assert "13 of 16 planned trials have ended so far" in printed(OutcomeTable.of(reader), 80)


def test_a_target_can_be_grouped_by(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        keep(store, a_row(0, *EVENTS_OF["LOST"], fault=CallError("nbd_open")))
        keep(store, a_row(1, *EVENTS_OF["LOST"], fault=Kill()))
        assert {name: counts["LOST"] for name, counts in by(store, "target").items()} == {"": 1, "nbd_open": 1}


def test_each_group_has_its_accounting(store: Store) -> None:
    groups = accounting_by(store)
    assert groups["kill"] == {"planned": 9, "injected": 8, "activated": 7, "manifested": 6, "void": 1}
    assert groups["hang"] == {"planned": 1, "injected": 1, "activated": 1, "manifested": 1, "void": 0}
    assert groups["golden"] == {"planned": 2, "injected": 0, "activated": 0, "manifested": 0, "void": 0}


@pytest.mark.parametrize("column", GROUPS)
def test_the_accounting_of_the_groups_adds_up(tmp_path: Path, column: str) -> None:
    with Store.open(campaign(tmp_path / "run", 200, seed=3)) as store:
        groups, whole = accounting_by(store, column), accounting(store)
        assert accounting_by(store)["golden"]["void"] == 0, "else golden ones would be missing below"
        for name in ("injected", "activated", "manifested", "void"):
            assert sum(group[name] for group in groups.values()) == whole[name]
        for value, counts in by(store, column).items():
            if value != "golden":
                assert survival(counts).n == groups[value]["activated"]
                assert sum(counts.values()) == groups[value]["planned"] - groups[value]["void"]


def test_faults_are_told_apart_by_side_type_and_function(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(4)) as store:
        keep(store, a_row(0, *EVENTS_OF["LOST"], fault=CallError("nbd_open")))
        keep(store, a_row(1, *EVENTS_OF["LOST"], fault=Kill()))
        keep(store, a_row(2, void="QEMU ended", fault=Typed("nop", "nbd_open")))
        keep(store, a_golden_row(3))
        assert {name: sum(counts.values()) for name, counts in by(store, "side").items()} == {"u-driver": 2}
        assert {name: group["planned"] for name, group in accounting_by(store, "side").items()} == {
            "k-driver": 1,
            "u-driver": 2,
        }
        assert set(accounting_by(store, "fault_type")) == {"call_error", "kill", "typed: nop"}
        assert {name: group["planned"] for name, group in accounting_by(store, "function").items()} == {
            "": 1,
            "nbd_open": 2,
        }


def test_a_trial_costs_less_the_more_there_are(tmp_path: Path) -> None:
    short, long = (campaign(tmp_path / str(n), n, prepare_s=20.0, wall_s=0.5 * n) for n in (10, 100))
    with Store.open(short) as few, Store.open(long) as many:
        assert cost(few)["campaign_s_per_trial"] > cost(many)["campaign_s_per_trial"] > 0.5
        assert cost(many)["trial_s"] > cost(many)["guest_s"] > 0


def test_nothing_is_made_up_of_what_a_trial_cost(store: Store) -> None:
    store.set_meta("wall_s", 3.0)
    assert cost(store)["campaign_s_per_trial"] is None, "it is not known how long preparing took"
