"""The outcome table fits, and says what the counts say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultkit.model.errors import UsageError
from faultkit.model.policies import Nothing, RestartUDriver
from faultkit.running.judging import keep
from faultkit.statistics.rates import rate
from faultkit.store.store import Store
from faultkit.tables.outcome_table import OutcomeTable
from tests.records import EVENTS_OF, CallError, Kill, Text, a_row, a_trial, at
from tests.synthetic import campaign, meta, one_of_each
from tests.terminal import printed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One trial per outcome, and some more."""
    with one_of_each(tmp_path / "run") as store:
        yield store


def test_a_row_states_its_rate_with_the_exact_interval(store: Store) -> None:
    shown = printed(OutcomeTable.of(store), 140)
    assert re.search(rf"kill +9 +8 +7 +6 +1 .* {re.escape(str(rate(2, 7)))}", shown)
    assert re.search(rf"hang +1 +1 +1 +1 +· .* {re.escape(str(rate(0, 1)))}", shown)
    assert re.search(rf"TOTAL +16 +9 +8 +7 +1 .* {re.escape(str(rate(2, 8)))}", shown)
    assert re.search(r"golden +2 +· +· +2[ ·]+$", shown, re.MULTILINE), "apart, and without a rate"


def test_outcomes_that_did_not_occur_have_no_column(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_row(0, *EVENTS_OF["LOST"]))
        shown = printed(OutcomeTable.of(store), 120)
    assert "LOST" in shown
    assert "CRASHED" not in shown and "HUNG" not in shown


def test_several_policies_have_a_row_each(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(3)) as store:
        keep(store, a_row(0, *EVENTS_OF["RECOVERED"], fault=Kill(), policy=RestartUDriver()))
        keep(store, a_row(1, *EVENTS_OF["LOST"], fault=Kill(), policy=Nothing()))
        keep(store, a_row(2, *EVENTS_OF["LOST"], fault=Text(), policy=Nothing()))
        words = [line.split()[0] for line in printed(OutcomeTable.of(store), 120).splitlines() if line.strip()]
        shown = words[words.index("kill") : words.index("TOTAL") + 1]
    assert shown == ["kill", "nothing", "restart_udriver", "text", "nothing", "TOTAL"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_table_fits(tmp_path: Path, width: int) -> None:
    with Store.open(campaign(tmp_path / "run", 200, seed=1)) as store:
        shown = printed(OutcomeTable.of(store), width)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    assert shown.count("TOTAL") == (1 if width > 100 else 2), "outcomes stand above where they do not fit beside"


def test_nothing_has_ended_yet(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(5)) as store:
        assert "0/0 n/a" in printed(OutcomeTable.of(store), 80)


def test_rows_can_be_something_else(store: Store) -> None:
    keep(store, a_row(12, *EVENTS_OF["LOST"], fault=CallError("nbd_open"), policy=Nothing()))
    shown = printed(OutcomeTable.of(store, "function"), 160)
    assert re.search(r"^function +planned", shown, re.MULTILINE)
    assert re.search(r"^nbd_open *\n  nothing +1 +1 +1 +1 ", shown, re.MULTILINE)
    assert re.search(r"^\(none\) *\n  restart_udriver +10 +9 +8 +7 +1 ", shown, re.MULTILINE)
    assert "golden" in shown


def test_rows_cannot_be_just_anything(store: Store) -> None:
    with pytest.raises(UsageError, match="cannot be grouped by 'console': there are driver, injector"):
        OutcomeTable.of(store, "console")


def test_a_golden_trial_with_a_report_of_the_kernel_is_no_false_alarm(tmp_path: Path) -> None:
    told = at(20, "kernel.warn", what="KFENCE: out-of-bounds read", text="BUG", report="kfence", function="ring_read")
    with Store.create(tmp_path / "run", meta(2)) as store:
        for n, events in enumerate(((), (told,))):
            keep(store, a_row(n, *events, trial=a_trial(fault=None, trigger=None)))
        shown = " ".join(printed(OutcomeTable.of(store), 140).split())
    assert "1 of 2 golden trials were not clean: trial 1: KFENCE: out-of-bounds read in ring_read" in shown
