"""Results that earlier versions wrote: they load, show, report, compare, and are judged again to the same verdicts."""

from __future__ import annotations

import importlib
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import faultkit
from faultkit.cli import main
from faultkit.model.codec import decode, encode
from faultkit.model.events import Outcome
from faultkit.model.known import known
from faultkit.results.compare import between
from faultkit.results.trial_diff import TrialDiff
from faultkit.running.judging import rejudge
from faultkit.running.rerun import Changes, experiment_of
from faultkit.store import moved
from faultkit.store.store import FILE, Store

HERE = Path(__file__).parent
PLACES = [*sorted((HERE / "stores").glob("*/")), *sorted((HERE.parent / "notebooks" / "data").glob("*/"))]
NAMES = (HERE / "stores" / "names.txt").read_text().split()
JUDGED = (
    "outcome, injected, activated, manifested, detected_by, udriver_died, recoveries, recovery_ns, outage_ns, leaked"
)
SORTED = "driver, injector, trigger, policy, workload, target, side, fault_type, function"
OLD, NEW = "injectors.kill:Kill", "injectors.udriver.kill:Kill"


@pytest.fixture(params=PLACES, ids=lambda place: place.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a store that an earlier version wrote."""
    place: Path = request.param
    return Path(shutil.copytree(place, tmp_path / place.name))


def rows(place: Path, columns: str) -> list[Any]:
    """Some columns of all trials, as they are in the file."""
    with closing(sqlite3.connect(place / FILE)) as db:
        return db.execute(f"SELECT {columns} FROM trials ORDER BY n").fetchall()  # noqa: S608


def said(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """The standard output of a command that succeeds."""
    monkeypatch.setattr(sys, "argv", ["faultkit", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    assert not ended.value.code, err
    return out


def test_stores_of_each_kind_are_there() -> None:
    held = {place.name: rows(place, "n, void, injector") for place in PLACES}
    assert {"census", "several", "interrupted", "parts", "rtl8139", "mutants"} <= held.keys()
    assert any(void for _, void, _ in held["parts"])
    assert [n for n, _, _ in held["interrupted"]] == [0, 2, 3]
    with closing(sqlite3.connect(HERE / "stores" / "census" / FILE)) as db:
        assert db.execute("SELECT COUNT(*) FROM replays").fetchone() == (5,)


def test_every_class_that_could_be_stored_is_in_one_of_them() -> None:
    stored = set[str]()
    for place in PLACES:
        for (plan,) in rows(place, "plan"):
            stored |= set(moved.class_names(json.loads(plan)))
    parts = {name for name in NAMES if not name.startswith(("faultkit.gate", "faultkit.statistics"))}
    assert parts - stored == NEVER_STORED


NEVER_STORED = {"faultkit.protocols:Register", "faultkit.protocols:Tampering"}


@pytest.mark.parametrize("name", NAMES)
def test_the_class_of_an_old_name_is_there(name: str) -> None:
    module, _, cls = moved.name_today(name).partition(":")
    assert isinstance(getattr(importlib.import_module(module), cls), type)


@pytest.mark.parametrize("name", [*moved.MODULES.values(), *moved.CLASSES.values(), *moved.SHAPES])
def test_the_table_leads_to_what_is_there(name: str) -> None:
    module, _, cls = name.partition(":")
    found = importlib.import_module(module)
    assert not cls or isinstance(getattr(found, cls), type)


def test_every_name_in_a_store_is_found(old: Path) -> None:
    with Store.open(old) as store:
        names = set(moved.class_names(store.meta().as_dict())) | {
            n for t in store.done() for n in moved.class_names(store.plan(t))
        }
    assert names
    for name in names:
        module, _, cls = name.partition(":")
        assert isinstance(getattr(importlib.import_module(module), cls), type)


def test_every_plan_is_a_trial_again_and_stays_so(old: Path) -> None:
    with Store.open(old) as store:
        for n in store.done():
            trial = decode(store.plan(n), known)
            assert decode(encode(trial), known) == trial


def test_the_recipe_of_every_template_can_be_read(old: Path) -> None:
    with Store.open(old) as store:
        recipes = store.meta().templates.values()
    for recipe in recipes:
        assert decode(recipe["first"], known).driver.modules is not None
        assert decode(recipe["parts"], known)


def test_its_frame_has_what_the_file_has(old: Path) -> None:
    frame = faultkit.load(old).trials
    assert [row[0] for row in rows(old, "outcome")] == list(
        frame["outcome"].astype(object).where(frame["outcome"].notna(), None)
    )
    assert [row[0] for row in rows(old, "injector")] == list(frame["injector"])


def test_it_is_judged_again_to_the_same_verdicts(old: Path) -> None:
    before = rows(old, f"{JUDGED}, {SORTED}")
    with Store.open(old, readonly=False, older=True) as store:
        assert rejudge(store) == 0
    assert rows(old, f"{JUDGED}, {SORTED}") == before


def test_it_is_shown(old: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    out = said(capfd, monkeypatch, "show", old)
    assert f"planned {len(rows(old, 'n'))}" in out or "interrupted" in old.name
    for n, outcome, void in rows(old, "n, outcome, void"):
        assert (void or outcome) in said(capfd, monkeypatch, "show", old, n)


def test_it_is_reported(old: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said(capfd, monkeypatch, "report", old, "-o", old / "report.html")
    page = (old / "report.html").read_text()
    with Store.open(old) as store:
        assert str(store.meta().experiment) in page


def test_it_is_compared_with_itself_in_pairs(old: Path) -> None:
    with Store.open(old) as one, Store.open(old) as two:
        found = between(one, two)
    assert found.paired and not found.discordant
    assert found.difference == 0


def test_it_is_compared_in_pairs_with_what_is_stored_of_it_today(old: Path, tmp_path: Path) -> None:
    """The same trials, written with today's names."""
    today = Path(shutil.copytree(old, tmp_path / "today"))
    with Store.open(old) as store, closing(sqlite3.connect(today / FILE)) as db:
        for n in store.done():
            db.execute("UPDATE trials SET plan = ? WHERE n = ?", (json.dumps(encode(decode(store.plan(n), known))), n))
        db.commit()
    with Store.open(old) as one, Store.open(today) as two:
        found = between(one, two)
    assert found.paired and not found.discordant, found.why


def test_a_trial_does_not_differ_from_itself(old: Path) -> None:
    with Store.open(old) as one, Store.open(old) as two:
        n = min(one.done())
        found = TrialDiff.of((one, n), (two, n))
    assert found.steps and not found.verdicts


def test_a_fault_list_is_read_again(old: Path) -> None:
    if old.name == "interrupted":
        pytest.skip("it has holes")
    with Store.open(old) as store:
        trials = list(experiment_of(store, Changes()).trials(0))
        assert trials == [decode(store.plan(n), known) for n in sorted(store.done())]


def test_moved_names_are_found_at_any_depth() -> None:
    several = {"is": "injectors.several:Several", "faults": [{"is": OLD}, {"is": "mine:Own", "n": [1, {"x": None}]}]}
    assert moved.loads_today(json.dumps({"fault": several})) == {
        "fault": {"is": several["is"], "faults": [{"is": NEW}, several["faults"][1]]}  # type: ignore[index]
    }
    assert list(moved.class_names(several)) == [several["is"], OLD, "mine:Own"]


def test_an_object_that_is_no_part_stays() -> None:
    assert moved.loads_today('{"is": 3, "by": {"kill": 1}}') == {"is": 3, "by": {"kill": 1}}


def test_fields_that_changed_are_given_their_present_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moved, "SHAPES", {NEW: lambda part: {"is": part["is"], "signal": part["sig"]}})
    assert moved.loads_today(json.dumps({"is": OLD, "sig": 9})) == {"is": NEW, "signal": 9}


def test_an_outcome_keeps_its_name() -> None:
    stored = {outcome for place in PLACES for (outcome,) in rows(place, "outcome") if outcome}
    assert stored <= {outcome.name for outcome in Outcome}
