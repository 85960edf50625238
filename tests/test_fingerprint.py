"""A campaign's fingerprint changes with any outcome and any event, and with nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import fingerprint as published
from faultkit.cli import cli
from faultkit.model.events import Outcome
from faultkit.results.fingerprint import fingerprint
from faultkit.running.judging import keep_all
from faultkit.store import queries
from faultkit.store.store import Row, Store
from tests.records import RESTORED, a_row, at
from tests.synthetic import meta

ROWS = (a_row(0, *RESTORED), a_row(1, *RESTORED[:2]), a_row(2, void="gone"))
LATER = (RESTORED[0], replace(RESTORED[1], t_ns=RESTORED[1].t_ns + 1), *RESTORED[2:])


def stored(place: Path, *rows: Row) -> str:
    """The fingerprint of a campaign of these trials."""
    with Store.create(place, meta(len(rows))) as store:
        keep_all(store, rows)
        return fingerprint(store)


def test_the_same_trials_have_one_fingerprint_in_whatever_order_they_ended(tmp_path: Path) -> None:
    one = stored(tmp_path / "one", *ROWS)
    assert one == stored(tmp_path / "two", *reversed(ROWS)) and len(one) == 16


def test_what_takes_another_time_on_the_host_is_the_same(tmp_path: Path) -> None:
    record = ROWS[0].record
    assert record is not None
    slower = replace(ROWS[0], record=replace(record, wall_s=99.0, guest_s=98.0), attempts=2, template="elsewhere")
    assert stored(tmp_path / "one", ROWS[0]) == stored(tmp_path / "two", slower)


@pytest.mark.parametrize(
    "other",
    [
        a_row(0, *LATER),
        a_row(0, *RESTORED[:-1]),
        a_row(0, *RESTORED, at(999, "trial.finished")),
        a_row(0, void="gone"),
        a_row(3, *RESTORED),
    ],
    ids=["a nanosecond later", "without its last event", "with one more event", "void", "another number"],
)
def test_any_difference_is_another_fingerprint(tmp_path: Path, other: Row) -> None:
    assert stored(tmp_path / "one", *ROWS) != stored(tmp_path / "two", other, *ROWS[1:])


def test_another_outcome_of_the_same_events_is_another_fingerprint(tmp_path: Path) -> None:
    before = stored(tmp_path / "one", *ROWS)
    with Store.open(tmp_path / "one", readonly=False) as store:
        assert [trial.outcome for trial in queries.ended(store)] == [Outcome.RECOVERED, Outcome.MASKED, None]
        store.update(1, {"outcome": "HUNG"})
        store._db.commit()
        assert fingerprint(store) != before


def test_show_tells_it(tmp_path: Path) -> None:
    found = stored(tmp_path / "one", *ROWS)
    asked = ["show", str(tmp_path / "one"), "--fingerprint"]
    assert CliRunner().invoke(cli, asked).stdout == f"{found}\n"
    assert json.loads(CliRunner().invoke(cli, [*asked, "--json"]).stdout) == {"fingerprint": found}


def run_of(place: Path, **facts: object) -> Path:
    """A stored campaign with some facts."""
    with Store.create(place, {**meta(len(ROWS)), "image_packages": {"bash": "5.2-1"}, **facts}) as store:
        keep_all(store, ROWS)
    return place


def test_a_run_is_compared_with_the_published_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "FILE", tmp_path / "published.json")
    first = run_of(tmp_path / "first")
    assert published.compared(published.found(first)).endswith("; none is published for it")
    published.write([first])
    assert published.compared(published.found(first)).endswith(", the same as published")
    other_list = run_of(tmp_path / "other_list", list_hash="another")
    assert published.compared(published.found(other_list)).endswith("; the published one is of other trials")


def test_a_run_that_differs_tells_what_else_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "FILE", tmp_path / "published.json")
    published.write([run_of(tmp_path / "first", image="i1", qemu="7.2")])
    there = run_of(tmp_path / "there", image="i2", image_packages={"bash": "5.2-2"}, qemu="8.0")
    with Store.open(there, readonly=False) as store:
        store.update(0, {"outcome": "HUNG"})
        store._db.commit()
    text = published.compared(published.found(there))
    assert "ANOTHER than the published" in text
    assert "qemu 7.2 there, 8.0 here" in text and "bash: 5.2-1 then, 5.2-2 now" in text
