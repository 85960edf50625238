"""Data that are put into a store come out again, whatever happens to the process or the file."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.codec import encode, name_of, short_name
from faultkit.model.errors import HarnessError, UsageError
from faultkit.model.events import Event, Outcome
from faultkit.running.judging import keep, keep_all, rejudge
from faultkit.store import database
from faultkit.store.database import FILE
from faultkit.store.packing import pack_events, unpack_events
from faultkit.store.store import Row, Store
from tests.records import EVENTS_OF, RESTORED, USUAL, CallError, a_golden_row, a_record, a_row, a_trial
from tests.synthetic import campaign, meta

NEUTRAL = st.characters(exclude_categories=("Cc", "Cf", "Cs"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.text(NEUTRAL, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(NEUTRAL, max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.text(NEUTRAL, max_size=10)
EVENTS = st.builds(Event, st.integers(0, 2**62), NAMES, NAMES, st.dictionaries(st.text(NEUTRAL), JSON))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A store with one trial of every outcome, a golden one and a void one."""
    with Store.create(tmp_path / "run", meta(10)) as store:
        keep_all(store, [a_row(n, *events) for n, events in enumerate(USUAL.values())])
        keep(store, a_golden_row(8))
        keep(store, a_row(9, void="QEMU ended with status 1"))
    return tmp_path / "run"


@given(st.lists(EVENTS, max_size=5))
def test_events_come_back_as_they_were(events: list[Event]) -> None:
    assert unpack_events(pack_events(events)) == tuple(events)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    record = a_record(*RESTORED, trial=a_trial(fault=CallError("nbd_queue_rq")), console="[ 1.0] nbd: ü\n")
    with Store.create(tmp_path / "run", {}) as store:
        store.add(Row(n=3, trial=record.trial, template="t1", attempts=2, record=record))
    with Store.open(tmp_path / "run") as store:
        assert store.record(3) == record
        assert store.events(3) == record.events
        assert store.console(3) == record.console
        assert store.plan(3) == encode(record.trial)
        assert store.template(3) == "t1"


def test_the_verdict_is_stored_beside_the_record(directory: Path) -> None:
    with Store.open(directory) as store:
        rows = store.select("SELECT n, outcome, activated, manifested FROM trials WHERE n < 8 ORDER BY n")
        usual = [Outcome[name] for name in USUAL]
        expected = [(o.value, o.name, int(o > Outcome.INACTIVE), int(o > Outcome.MASKED)) for o in usual]
        assert list(rows) == expected


def test_the_parts_are_stored_by_their_short_names(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", {}) as store:
        keep(store, a_row(0, fault=CallError("nbd_queue_rq")))
        keep(store, a_golden_row(1))
        names = list(store.select("SELECT driver, injector, target, trigger, policy, workload FROM trials ORDER BY n"))
    assert names[0] == ("nbd", "call_error", "nbd_queue_rq", "at_request", "restart_udriver", "writes")
    assert names[1] == ("nbd", "golden", None, "", "restart_udriver", "writes")


def test_what_was_done_need_not_be_done_again(directory: Path) -> None:
    with Store.open(directory) as store:
        assert store.done() == set(range(10)), "void trials were retried before they were stored"


def test_a_killed_campaign_keeps_what_was_added(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "run", meta(3))
    store.add(a_row(0, *RESTORED))
    shutil.copytree(tmp_path / "run", tmp_path / "killed")  # as the disk is when the process dies
    with Store.open(tmp_path / "killed", readonly=False) as resumed:
        assert resumed.done() == {0}
        resumed.add(a_row(1, *RESTORED))
        assert resumed.done() == {0, 1}


def test_readers_look_while_a_campaign_runs(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(3)) as writer, Store.open(tmp_path / "run") as reader:
        assert reader.done() == set()
        writer.add(a_row(0, *RESTORED))
        assert reader.done() == {0}


def test_rows_that_are_half_read_may_outlive_their_store(directory: Path) -> None:
    with Store.open(directory) as store:
        rows = store.select("SELECT n FROM trials UNION ALL SELECT n FROM trials")
        next(rows)
    rows.close()  # as the collector of garbage does, behind an error


def test_meta_is_kept_and_can_be_added_to(tmp_path: Path) -> None:
    facts = meta(300)
    with Store.create(tmp_path / "run", facts) as store:
        store.set_meta("finished", "2025-01-02T03:04:05+00:00")
        store.set_meta("wall_s", 1.5)
        found = store.meta()
        new = {"finished": "2025-01-02T03:04:05+00:00", "wall_s": 1.5}
        assert found.as_dict().items() >= (facts | new | {"drivers": ("nbd", "rtl8139")}).items()


def test_a_fact_of_another_version_is_kept(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", {"weather": "rain", "seed": None}) as store:
        found = store.meta()
    assert found.others == {"weather": "rain"} and found.seed is None
    assert found.as_dict()["weather"] == "rain"


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="--resume"):
        Store.create(tmp_path, {})
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_empty_directory_will_do(tmp_path: Path) -> None:
    with Store.create(tmp_path, {}) as store:
        assert store.done() == set()


def test_no_results_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no results"):
        Store.open(tmp_path)
    with pytest.raises(UsageError, match="holds no results"):
        Store.open(tmp_path / "nowhere")


def test_the_file_itself_will_do_for_its_directory(directory: Path) -> None:
    with Store.open(directory / FILE) as store:
        assert store.path == directory
        assert store.done()


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.3, 0.9])
def test_a_truncated_store_is_a_usage_error_in_one_line(tmp_path: Path, share: float) -> None:
    file = campaign(tmp_path / "run", 40) / FILE
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UsageError, match="must be run again") as raised, Store.open(tmp_path / "run") as store:
        store.done()
    assert "\n" not in str(raised.value)
    assert str(tmp_path / "run") in str(raised.value)


def test_something_else_is_no_store(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 1000)
    with pytest.raises(UsageError, match="is damaged"):
        Store.open(tmp_path)


def test_a_store_of_another_version_is_refused(directory: Path) -> None:
    with Store.open(directory, readonly=False) as store:
        store.set_meta("version", 99)
    with pytest.raises(UsageError, match="another version"):
        Store.open(directory)


def test_a_locked_store_is_a_harness_error(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.01)
    other = sqlite3.connect(directory / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with Store.open(directory, readonly=False) as store:
        with pytest.raises(HarnessError, match="is locked by another process"):
            store.add(a_row(10))
        other.execute("ROLLBACK")
        store.add(a_row(10))
        assert 10 in store.done()
    other.close()


def test_a_second_row_for_a_trial_is_refused_and_the_first_one_kept(directory: Path) -> None:
    with Store.open(directory, readonly=False) as store:
        with pytest.raises(HarnessError, match="trial 2 cannot be stored"):
            store.add(a_row(2))
        store.add(a_row(10))
        assert store.events(2) == EVENTS_OF["RECOVERED"]
        assert 10 in store.done()


def test_of_many_rows_all_are_written_or_none(directory: Path) -> None:
    with Store.open(directory, readonly=False) as store:
        with pytest.raises(HarnessError):
            store.add_many([a_row(10), a_row(2)])
        assert store.done() == set(range(10))


def test_a_void_trial_has_a_plan_but_no_record(directory: Path) -> None:
    with Store.open(directory) as store:
        assert store.plan(9)["fault"] == encode(a_trial().fault)
        assert store.events(9) == ()
        assert store.console(9) == ""
        with pytest.raises(UsageError, match=r"trial 9 is void \(QEMU ended with status 1\)"):
            store.record(9)


def test_a_trial_that_is_not_there_is_a_usage_error(directory: Path) -> None:
    with Store.open(directory) as store:
        for look in (store.plan, store.record, store.events, store.console, store.template):
            with pytest.raises(UsageError, match="there is no trial 77"):
                look(77)


def test_judging_again_changes_nothing_that_was_right(directory: Path) -> None:
    with Store.open(directory, readonly=False) as store:
        assert rejudge(store) == 0


def test_judging_again_mends_the_columns_from_the_records(directory: Path) -> None:
    with sqlite3.connect(directory / FILE) as db:
        db.execute("UPDATE trials SET outcome = 'MASKED', recovery_ns = 1 WHERE n IN (2, 7, 9)")
    with Store.open(directory, readonly=False) as store:
        assert rejudge(store) == 2, "two of the three are valid"
        outcomes = dict(store.select("SELECT n, outcome FROM trials WHERE n IN (2, 7)"))
    assert outcomes == {2: "RECOVERED", 7: "CORRUPT"}


def test_a_trial_whose_parts_are_gone_can_be_looked_at_but_not_judged_again(directory: Path) -> None:
    with sqlite3.connect(directory / FILE) as db:
        db.execute("UPDATE trials SET plan = replace(plan, 'tests.records:Kill', 'tests.records:Gone') WHERE n = 2")
    with Store.open(directory, readonly=False) as store:
        assert store.events(2) == EVENTS_OF["RECOVERED"]
        with pytest.raises(UsageError, match=r"parts of trial 2 .* cannot be made again"):
            rejudge(store)


def made_older(directory: Path) -> None:
    """As a version before strata and replays would have left it."""
    with sqlite3.connect(directory / FILE) as db:
        db.execute("ALTER TABLE trials DROP COLUMN side")
        db.execute("ALTER TABLE trials DROP COLUMN fault_type")
        db.execute("ALTER TABLE trials DROP COLUMN warned")
        db.execute("DROP TABLE replays")


def test_results_of_an_earlier_version_are_brought_up_to_date_by_judging_again(directory: Path) -> None:
    columns = "SELECT n, side, fault_type, outcome, warned, void FROM trials ORDER BY n"
    with Store.open(directory) as store:
        before = list(store.select(columns))
    made_older(directory)
    with pytest.raises(UsageError, match=r"written by an earlier version of faultkit: `faultkit judge .*run` brings"):
        Store.open(directory)
    with Store.open(directory, readonly=False, older=True) as store:
        rejudge(store)
    with Store.open(directory) as store:
        assert list(store.select(columns)) == before
        assert before[0][1:3] == ("u-driver", "kill") and before[8][1:3] == ("", "golden")


def test_results_that_cannot_be_judged_stay_as_they_were(directory: Path) -> None:
    made_older(directory)
    with sqlite3.connect(directory / FILE) as db:
        db.execute("UPDATE trials SET plan = replace(plan, 'tests.records:Kill', 'tests.records:Gone') WHERE n = 5")
    for _ in range(2):
        with Store.open(directory, readonly=False, older=True) as store, pytest.raises(UsageError, match="of trial 5"):
            rejudge(store)
        with pytest.raises(UsageError, match="written by an earlier version"):
            Store.open(directory)


def test_the_short_name_of_an_encoded_part() -> None:
    assert short_name(encode(CallError())["is"]) == name_of(CallError()) == "call_error"
    assert short_name("drivers.rtl8139:Rtl8139") == "rtl8139"
    assert name_of(None) == "golden"
