"""Trials are stored before they are judged: an oracle that raises loses nothing, and can be mended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import pytest
from click.testing import CliRunner

from faultkit.cli import cli
from faultkit.cli.campaigns import conclude
from faultkit.gate.assess import trouble
from faultkit.gate.facts import facts_of
from faultkit.model.errors import HarnessError
from faultkit.model.events import Outcome
from faultkit.model.trial import Record
from faultkit.results.analysis import load
from faultkit.results.compare import between
from faultkit.results.summary import accounting
from faultkit.running import judging
from faultkit.running.judging import judge_missing, keep, keep_all, rejudge
from faultkit.store import queries
from faultkit.store.columns import COLUMNS, FAULT, FLAGS, VERDICT, Role, of_verdict
from faultkit.store.database import FILE
from faultkit.store.store import Store
from faultkit.verdict.judge import LATER, Verdict, judge
from faultkit.verdict.strata import Stratum
from tests.records import EVENTS_OF, RESTORED, a_golden_row, a_row
from tests.synthetic import meta
from tests.test_stopping import carried_out

BROKEN = 3  # the oracle raises at this trial


def at_fault(record: Record) -> Verdict:
    """An oracle with a bug that one kind of trial meets."""
    if record.trial.seed == BROKEN:
        raise KeyError("latency_ns")
    return judge(record)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The oracle has that bug."""
    monkeypatch.setattr(judging, "judge", at_fault)
    yield
    monkeypatch.undo()


@pytest.fixture
def directory(tmp_path: Path, broken: None) -> Path:
    """Six trials, one of which the oracle could not judge."""
    with Store.create(tmp_path / "run", meta(6)) as store:
        for n in range(5):
            keep(store, a_row(n, *RESTORED, seed=n))
        keep(store, a_golden_row(5))
    return tmp_path / "run"


def command(*words: object) -> str:
    """The output of a command that succeeds."""
    done = CliRunner(env={"COLUMNS": "200"}).invoke(cli, [*map(str, words)], standalone_mode=False)
    assert done.exception is None, done.output
    return done.output


def test_a_trial_that_cannot_be_judged_is_stored_and_is_not_void(directory: Path) -> None:
    with Store.open(directory) as store:
        assert store.done() == set(range(6))
        assert store.events(BROKEN) == RESTORED
        assert queries.without_verdict(store) == {BROKEN: "KeyError: 'latency_ns'"}
        assert accounting(store)["void"] == 0
        assert store.some(BROKEN, ("injector", "side", "fault_type", "outcome")) == ("kill", "u-driver", "kill", None)


def test_show_says_so_and_why(directory: Path) -> None:
    assert "1 trial has no verdict (trial 3: KeyError: 'latency_ns'): `faultkit judge" in command("show", directory)
    assert "no verdict (KeyError: 'latency_ns')" in command("show", directory, BROKEN)
    assert json.loads(command("show", directory, "--json"))["unjudged"] == {"3": "KeyError: 'latency_ns'"}


def test_judge_mends_it_once_the_oracle_is_mended(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "0 of 6 verdicts changed\n1 trial has no verdict" in command("judge", directory)
    monkeypatch.undo()
    assert command("judge", directory) == "1 of 6 verdicts changed\n"
    with Store.open(directory) as store:
        assert not queries.without_verdict(store)
        assert store.one(BROKEN, "outcome") == "RECOVERED"
        assert store.one(BROKEN, "unjudged") is None
    assert "no verdict" not in command("show", directory)


def test_a_verdict_that_a_worse_oracle_cannot_give_again_is_gone_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.create(tmp_path / "run", meta(5)) as store:
        keep_all(store, [a_row(n, *RESTORED, seed=n) for n in range(5)])
        monkeypatch.setattr(judging, "judge", at_fault)
        rejudge(store)
        assert [*queries.without_verdict(store)] == [BROKEN]
        monkeypatch.undo()
        assert rejudge(store) == 1
        assert not queries.without_verdict(store)


def test_a_campaign_goes_on_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))

    def sometimes(record: Record) -> Verdict:
        if next(calls) == 1:
            raise ZeroDivisionError("division by zero")
        return judge(record)

    monkeypatch.setattr(judging, "judge", sometimes)
    with Store.create(tmp_path / "run", meta(6)) as store:
        carried_out(store, ["LOST"] * 6)
        assert store.done() == set(range(6))
        assert [*queries.without_verdict(store).values()] == ["ZeroDivisionError: division by zero"]


def test_a_run_ends_with_an_error_that_names_the_remedy(directory: Path) -> None:
    with pytest.raises(HarnessError, match=r"1 trial has no verdict .* `faultkit judge"):
        conclude(directory)


def test_no_gate_passes_without_the_verdict(directory: Path) -> None:
    with Store.open(directory) as store:
        facts = facts_of(store)
    assert facts.unjudged == (BROKEN,) and facts.ended == 6 and not facts.unfinished
    assert "1 of 6 trials have no verdict" in trouble(facts)


def test_frames_and_comparisons_leave_it_out(directory: Path) -> None:
    trials = load(directory).trials.set_index("trial")
    assert list(trials.index[trials["outcome"].isna()]) == [BROKEN]
    assert trials.loc[BROKEN, "unjudged"] == "KeyError: 'latency_ns'"
    with Store.open(directory) as one, Store.open(directory) as two:
        assert between(one, two).left_out == {"golden": 1, "no verdict": 1}


def test_a_trial_that_was_stored_and_not_yet_judged_when_the_campaign_was_killed(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        store.add(a_row(0, *RESTORED))
        store.add(a_row(1, void="gone"))
        assert "trial 0: not judged yet" in command("show", tmp_path / "run")
        judge_missing(store)
        assert store.one(0, "outcome") == "RECOVERED"
        assert store.some(1, ("outcome", "fault_type")) == (None, "kill")


def test_the_writer_asks_no_oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the oracle is asked, the whole trial is on the disk."""
    found = []

    def looks(record: Record) -> Verdict:
        with closing(sqlite3.connect(tmp_path / "run" / FILE)) as db:
            found.append(db.execute("SELECT n, outcome, length(events) > 0 FROM trials").fetchall())
        return judge(record)

    monkeypatch.setattr(judging, "judge", looks)
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_row(0, *RESTORED))
    assert found == [[(0, None, 1)]]


def test_the_table_of_columns_has_every_field_of_a_verdict_and_of_a_stratum() -> None:
    assert list(VERDICT) == [field.name for field in fields(Verdict)]
    assert set(FAULT) == {field.name for field in fields(Stratum)}
    assert set(FLAGS) == {field.name for field in fields(Verdict) if str(field.type).startswith("Annotated[bool,")}
    assert all(column.doc for column in COLUMNS if column.role is Role.VERDICT)
    assert [column.name for column in COLUMNS if column.groups and column.role is Role.VERDICT] == ["detected_by"]
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)


@pytest.mark.parametrize("outcome", Outcome)
def test_typed_rows_are_the_verdicts(tmp_path: Path, outcome: Outcome) -> None:
    row = a_row(0, *EVENTS_OF[outcome.name])
    with Store.create(tmp_path / "run", meta(1)) as store:
        verdict = keep(store, row).verdict
        [judged] = queries.judged(store)
    assert verdict is not None and judged.outcome is verdict.outcome is outcome
    assert judged.flags == {name for name in FLAGS if getattr(verdict, name)}
    assert judged.intervals["recovery_ns"] == verdict.recovery_ns
    assert judged.groups["injector"] == "kill" and judged.groups["target"] == ""
    assert judged.recoveries == verdict.recoveries


def test_only_new_rows_are_read(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(9)) as store:
        keep_all(store, [a_row(n, *RESTORED) for n in range(9)])
        assert [trial.n for trial in queries.judged(store, first=3, below=6)] == [3, 4, 5]


def test_every_column_of_a_verdict_is_written_by_the_oracle_alone() -> None:
    raw = {column.name for column in COLUMNS if column.role in (Role.TRIAL, Role.RUN)}
    assert not raw & {*VERDICT, *FAULT}


@pytest.mark.parametrize(("later", "count"), [(frozenset[str](), 2), (frozenset({"warned"}), 0)])
def test_a_column_that_is_new_is_filled_and_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: frozenset[str], count: int
) -> None:
    monkeypatch.setattr(judging, "OPTIONAL", later)
    with Store.create(tmp_path / "run", meta(2)) as store:
        keep_all(store, [a_row(n, *RESTORED) for n in range(2)])
    with sqlite3.connect(tmp_path / "run" / FILE) as db:
        db.execute("UPDATE trials SET warned = NULL")
    with Store.open(tmp_path / "run", readonly=False) as store:
        assert rejudge(store) == count
        assert [warned for (warned,) in store.select("SELECT warned FROM trials")] == [0, 0]


def test_a_field_that_is_marked_as_later_may_be_missing_in_a_file() -> None:
    hints = {"old": Annotated[bool, "text"], "new": Annotated[bool, "text", LATER]}
    assert {column.name: column.optional for column in of_verdict(hints)} == {"old": False, "new": True}
