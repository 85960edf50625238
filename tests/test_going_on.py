"""A campaign goes on whatever happens to one of its trials, and what passes is tried again."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from faultkit.gate.until import UntilDecided
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine, crashed
from faultkit.machine.template import Template, group_of
from faultkit.model.errors import (
    GuestCrashed,
    GuestLost,
    HarnessError,
    NotPlaced,
    Runaway,
    UnmetNeed,
    passes,
)
from faultkit.model.trial import Record, Trial
from faultkit.results.conclusion import trouble
from faultkit.running import campaign as campaigns
from faultkit.running.campaign import Campaign, run_missing, run_valid, with_site
from faultkit.running.experiment import Experiment, plan
from faultkit.running.judging import judge_missing, keep, keep_all
from faultkit.store.store import Row, Store
from faultkit.tables.outcome_table import OutcomeTable
from tests.records import RESTORED, Kill, Silence, a_record, a_row, a_trial, at
from tests.synthetic import meta
from tests.terminal import printed

BASE = Template(Path("/nowhere"), "t1", Machine(), Image(Path("/nowhere"), "6.12", "key", (0, 0)))
KILLED = GuestLost("QEMU ended by itself (SIGKILL)")
SCARCE = OSError(errno.ENOMEM, "Cannot allocate memory")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (KILLED, True),
        (SCARCE, True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (MemoryError(), True),
        (GuestCrashed("QEMU ended by itself (SIGSEGV)"), False),
        (HarnessError("QEMU refused a command"), False),
        (NotPlaced("no function"), False),
        (Runaway("120 s"), False),
        (OSError(errno.EACCES, "Permission denied"), False),
        (ZeroDivisionError(), False),
    ],
)
def test_causes_that_pass(reason: BaseException, expected: bool) -> None:
    assert passes(reason) is expected


@pytest.mark.parametrize(
    ("code", "complaint", "expected"),
    [
        (-signal.SIGKILL, "", False),
        (-signal.SIGTERM, "", False),
        (-signal.SIGBUS, "", False),
        (-signal.SIGSEGV, "", True),
        (-signal.SIGABRT, "assertion failed", True),
        (-signal.SIGABRT, "GLib: failed to allocate 4096 bytes", False),
        (1, "cannot set up guest memory 'ram': Cannot allocate memory", False),
        (1, "Could not open disk: No space left on device", False),
        (1, "invalid option", True),
    ],
)
def test_an_error_of_qemus_own_is_told_from_a_kill(code: int, complaint: str, expected: bool) -> None:
    assert crashed(code, complaint) is expected


@pytest.mark.parametrize(
    ("failure", "attempts", "says", "passing"),
    [
        (KILLED, 3, "QEMU ended by itself (SIGKILL)", True),
        (SCARCE, 3, "Cannot allocate memory", True),
        (HarnessError("QEMU refused a command"), 3, "QEMU refused a command", False),
        (NotPlaced("no such call"), 1, "no such call", False),
        (ZeroDivisionError("by a monitor"), 1, "ZeroDivisionError: by a monitor (test_going_on.py:", False),
        (RecursionError("too deep"), 1, "RecursionError: too deep", False),
        (SystemExit(1), 1, "SystemExit: 1", False),
    ],
)
def test_whatever_a_trial_raises_it_is_void_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException, attempts: int, says: str, passing: bool
) -> None:
    def fail(*_: Any) -> Record:
        raise failure

    monkeypatch.setattr(campaigns, "run_trial", fail)
    row = run_valid(BASE, 7, a_trial())
    assert (row.n, row.attempts, row.record, row.passing) == (7, attempts, None, passing)
    assert row.void is not None and says in row.void


def test_a_lost_guest_may_run_well_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: Iterator[Exception | None] = iter((KILLED, None))

    def run(*_: Any) -> Record:
        if failure := next(runs):
            raise failure
        return a_record()

    monkeypatch.setattr(campaigns, "run_trial", run)
    row = run_valid(BASE, 0, a_trial())
    assert (row.attempts, row.void, row.passing) == (2, None, False)


def test_what_every_trial_needs_ends_the_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Record:
        raise UnmetNeed("setpriv is not installed")

    monkeypatch.setattr(campaigns, "run_trial", fail)
    with pytest.raises(UnmetNeed):
        run_valid(BASE, 0, a_trial())


@dataclass(slots=True)
class Prepared(Executor):
    """Gives each trial the row or the error that is prepared for it; usually one that recovered."""

    rows: dict[int, Row | BaseException] = field(default_factory=dict)
    ran: list[int] = field(default_factory=list)

    def submit(self, work: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        n, future = args[1], Future[Any]()
        self.ran.append(n)
        prepared = self.rows.get(n) or a_row(n, *RESTORED)
        future.set_running_or_notify_cancel()
        if isinstance(prepared, Row):
            future.set_result(prepared)
        else:
            future.set_exception(prepared)
        return future


def campaign(count: int, trials: Callable[[int], Iterator[Trial]] | None = None, **settings: Any) -> Campaign:
    """A campaign of so many kills."""
    asked = Experiment("mine", "", trials or (lambda seed: (a_trial(seed=seed + n) for n in range(count))))
    return Campaign(
        experiment=asked, plan=plan(asked, 1, None), seed=1, count=None, jobs=2, machine=Machine(), image=BASE.image,
        **settings,
    )  # fmt: skip


def run(store: Store, count: int, rows: dict[int, Row | BaseException] | None = None, **settings: Any) -> list[int]:
    """Run what is missing of such a campaign; the trials that were run."""
    pool = Prepared(rows or {})
    run_missing(campaign(count, **settings), store, {group_of(a_trial()): BASE}, pool, Silence())
    return pool.ran


def void(n: int, *, passing: bool) -> Row:
    """A void trial."""
    return Row(n=n, trial=a_trial(), template="t1", attempts=3, record=None, void="killed", passing=passing)


def test_void_trials_are_run_again_if_their_cause_passes(tmp_path: Path) -> None:
    lost: dict[int, Row | BaseException] = {n: void(n, passing=n != 3) for n in range(2, 6)}
    with Store.create(tmp_path / "run", meta(10)) as store:
        assert run(store, 10, lost) == [*range(10)]
        assert store.done() == {*range(10)} and store.done_for_good() == {0, 1, 3, 6, 7, 8, 9}
        assert trouble(store) == "4 of 10 trials are void, the first: killed; --resume runs 3 of the void trials again"
        assert "--resume runs 3 of the void trials again" in printed(OutcomeTable.of(store), 100)
        assert run(store, 10, {4: void(4, passing=True)}) == [2, 4, 5], "one is lost again"
        assert run(store, 10) == [4] and run(store, 10) == []
        assert store.done() == store.done_for_good() == {*range(10)}, "one row for each"
        assert [store.row(n).void for n in range(2, 6)] == [None, "killed", None, None]
        assert trouble(store) == "1 of 10 trials are void, the first: killed"
        assert "--resume" not in printed(OutcomeTable.of(store), 100)


def test_a_row_that_is_to_stay_is_not_replaced(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        keep_all(store, [void(0, passing=False), a_row(1, *RESTORED)])
        for n in (0, 1):
            with pytest.raises(HarnessError, match="cannot be stored"):
                store.add(a_row(n))
        assert not store.row(0).passing


def test_a_gate_waits_for_trials_that_are_run_again(tmp_path: Path) -> None:
    stop = UntilDecided(rules=("no LOST in 10 trials",))
    lost: dict[int, Row | BaseException] = {0: void(0, passing=True)}
    with Store.create(tmp_path / "run", meta(10)) as store:
        run(store, 10, lost, stop=stop)
        assert (store.meta().decision or {})["decision"] == "undecided"
        assert run(store, 10, stop=stop) == [0]
        assert (store.meta().decision or {})["decision"] == "above"


BAD_DATA = ({"n": 1 << 70, "x": "\ud800"}, {"x": {1, 2}}, {"x": object()})


@pytest.mark.parametrize("data", BAD_DATA, ids=("half a character", "a set", "an object"))
def test_a_record_that_cannot_be_stored_makes_its_trial_void(tmp_path: Path, data: dict[str, Any]) -> None:
    console = "\ud800" if "n" in data else ""
    bad = Row(
        n=1, trial=a_trial(), template="t1", attempts=1,
        record=a_record(*RESTORED, at(50, "check.passed", **data), console=console),
    )  # fmt: skip
    with Store.create(tmp_path / "run", meta(4)) as store:
        assert run(store, 4, {1: bad}) == [0, 1, 2, 3]
        row = store.row(1)
        assert row.record is None and row.void is not None and row.void.startswith("trial 1 cannot be stored: ")
        assert not row.passing and store.done_for_good() == {0, 1, 2, 3}


def test_a_verdict_that_cannot_be_stored_leaves_its_trial_unjudged(tmp_path: Path) -> None:
    late = at(1, "error.detected", by="pidfd")
    events = (*RESTORED[:2], type(late)(1 << 70, late.source, late.kind, late.data))
    with Store.create(tmp_path / "run", meta(1)) as store:
        finding = keep(store, a_row(0, *events))
        assert finding.verdict is None and finding.problem and "OverflowError" in finding.problem
        assert store.events(0)[-1].kind == "mailbox.garbled", "a time beyond all times"


def test_a_stored_trial_that_cannot_be_read_does_not_end_the_campaign(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(4)) as store:
        for n in range(3):
            store.add(a_row(n, *RESTORED))
        store.update(1, {"events": b"damaged"})
        judge_missing(store)
        assert run(store, 4) == [3]
        assert store.one(0, "outcome") == store.one(2, "outcome") == "RECOVERED"
        assert store.one(1, "outcome") is None and "cannot be read" in store.one(1, "unjudged")


@pytest.mark.parametrize("failure", [UnmetNeed("QEMU is gone"), RuntimeError("a pool that broke")])
def test_what_has_ended_is_stored_before_an_error_ends_the_campaign(tmp_path: Path, failure: Exception) -> None:
    with Store.create(tmp_path / "run", meta(8)) as store:
        with pytest.raises(type(failure)):
            run(store, 8, {2: failure})
        assert store.done() == {0, 1, 3}


@dataclass(frozen=True, slots=True)
class Nowhere(Kill):
    """A fault that has no place in any code."""

    error: str = ""

    def place(self, code: Any) -> Any:
        if self.error == "none":
            return self
        raise {"not placed": NotPlaced, "wrong": TypeError}[self.error](f"it is {self.error}")


def test_a_fault_without_a_place_is_known_before_the_first_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Template, "code", {})
    good = a_trial(fault=Nowhere("none"))
    templates = {group_of(good): BASE}
    for error in ("not placed", "wrong"):
        bad = a_trial(fault=Nowhere(error))
        asked = campaign(0, lambda _seed, bad=bad: iter((good, good, bad)))  # type: ignore[misc]
        with pytest.raises(NotPlaced, match=f"^trial 2 cannot be placed: .*it is {error}"):
            campaigns.refuse_unplaced(asked, templates)
    assert with_site(0, good, BASE) == good
