"""Campaigns side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.code import CallSites, Entry, Site, in_any_build
from faultkit.model.codec import encode
from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.model.policies import Nothing, RestartUDriver
from faultkit.model.trial import Detectors
from faultkit.model.triggers import AtRequest
from faultkit.results.compare import (
    FISHER,
    MCNEMAR,
    ComparedTrial,
    Comparison,
    between,
    comparison_json,
    paired,
    unpaired,
    within,
)
from faultkit.running.judging import keep_all
from faultkit.statistics.differences import fisher, mcnemar, newcombe, tango
from faultkit.statistics.rates import rate
from faultkit.store.store import Row, Store
from faultkit.tables.comparison_table import ComparisonTable
from monitors.kernel import Kernel
from tests.records import EVENTS_OF, CallError, Kill, Nbd, Typed, Writes, a_golden_row, a_row
from tests.synthetic import meta
from tests.terminal import printed

RESTARTED = ("RECOVERED", "RECOVERED", "DISRUPTED", "RECOVERED", "INACTIVE", "LOST", "RECOVERED")
LEFT_ALONE = ("HUNG", "HUNG", "HUNG", "MASKED", "INACTIVE", "RECOVERED", "CRASHED")
OUTCOMES = st.sampled_from([*Outcome, None])


def rows(outcomes: Iterable[str], **parts: Any) -> Iterable[Row]:
    """A trial per outcome, each with a seed and a site of its own."""
    for n, outcome in enumerate(outcomes):
        yield a_row(n, *EVENTS_OF[outcome], fault=CallError(f"f{n}"), seed=n, **parts)


def stored(directory: Path, rows: Iterable[Row]) -> Path:
    """A campaign with these trials."""
    with Store.create(directory, meta(0, experiment=directory.name)) as store:
        keep_all(store, rows)
    return directory


def compared(one: Path, two: Path) -> Comparison:
    """Two campaigns, compared."""
    with Store.open(one) as first, Store.open(two) as second:
        return between(first, second)


@pytest.fixture
def restarted(tmp_path: Path) -> Path:
    return stored(tmp_path / "restarted", rows(RESTARTED, policy=RestartUDriver()))


@pytest.fixture
def left_alone(tmp_path: Path) -> Path:
    return stored(tmp_path / "left_alone", rows(LEFT_ALONE, policy=Nothing()))


def test_the_same_faults_under_another_policy_are_pairs(restarted: Path, left_alone: Path) -> None:
    found = compared(restarted, left_alone)
    assert found.paired and found.test == MCNEMAR
    assert found.survived == (rate(4, 6), rate(2, 6))
    assert found.only == (3, 1)
    assert found.discordant == ((0, 0), (1, 1), (5, 5), (6, 6))
    assert found.p_value == mcnemar(3, 1)
    assert (found.low, found.high) == tango(3, 1, 6)
    assert found.left_out == {"inactive": 1}
    assert found.outcomes[Outcome.RECOVERED, Outcome.HUNG] == 2
    assert sum(found.outcomes.values()) == 6
    assert (found.first, found.second) == ("restarted (restart_udriver)", "left_alone (nothing)")


def test_other_monitors_and_another_build_of_the_driver_leave_pairs(restarted: Path, tmp_path: Path) -> None:
    again = stored(tmp_path / "again", rows(RESTARTED, driver=Nbd(device="nbd1"), monitors=(Kernel(),)))
    assert compared(restarted, again).paired


def test_a_site_is_the_same_where_another_build_has_put_it(tmp_path: Path) -> None:
    def site(function: str, address: int) -> Site:
        return Site(function=function, offset=4, address=address, old="7402", before=f"je {address + 8:#x}")

    one, moved, other = (
        stored(tmp_path / name, [a_row(0, *EVENTS_OF["LOST"], fault=fault)])
        for name, fault in (
            ("one", Typed("nop", site=site("nbd_open", 0x1000))),
            ("moved", Typed("nop", site=site("nbd_open", 0x2000))),
            ("other", Typed("nop", site=site("nbd_close", 0x1000))),
        )
    )
    assert compared(one, moved).paired
    assert not compared(one, other).paired


def test_calls_and_entries_hold_for_one_build_alone() -> None:
    calls = CallSites(text_bytes=4096, returns=(("nbd_open+0x5", 10),), among=3)
    for place in (calls, Entry(address=0x1000, room=0x1F00)):
        assert in_any_build(encode(Typed("nop", site=place))) == {  # type: ignore[arg-type]
            **encode(Typed("nop")), "site": {"is": encode(place)["is"]},
        }  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "says"),
    [({"trigger": AtRequest(99)}, "another trigger"), ({"workload": Writes(late_s=2)}, "another workload")],
)
def test_lists_that_do_not_match_are_not_paired(
    restarted: Path, tmp_path: Path, parts: dict[str, Any], says: str
) -> None:
    found = compared(restarted, stored(tmp_path / "other", [*rows(RESTARTED[:3]), *list(rows(RESTARTED, **parts))[3:]]))
    assert not found.paired and found.why == f"trial 3 has {says}"
    assert found.test == FISHER and found.p_value == fisher(4, 6, 4, 6)
    assert (found.low, found.high) == newcombe(4, 6, 4, 6)
    assert found.discordant == () and not found.outcomes
    assert found.left_out == {"inactive": 2}


def test_other_seeds_and_faults_are_no_pairs(restarted: Path, tmp_path: Path) -> None:
    other = stored(tmp_path / "other", [replace(row, n=row.n + 1) for row in list(rows(RESTARTED))[:-1]])
    assert compared(restarted, other).why == "trial 1 has another fault and seed"


def test_campaigns_without_a_common_number_are_not_paired(restarted: Path, tmp_path: Path) -> None:
    assert not compared(restarted, stored(tmp_path / "empty", [])).paired


def test_void_golden_and_lonely_trials_are_left_out_and_counted(tmp_path: Path) -> None:
    kill = {"fault": Kill(), "seed": 1}
    one = stored(
        tmp_path / "one",
        [a_golden_row(0), a_row(1, *EVENTS_OF["LOST"], **kill), a_row(2, void="gone", **kill), a_row(3, **kill)],
    )
    two = stored(
        tmp_path / "two",
        [a_golden_row(0), a_row(1, *EVENTS_OF["RECOVERED"], **kill), a_row(2, *EVENTS_OF["LOST"], **kill)],
    )
    found = compared(one, two)
    assert found.left_out == {"golden": 1, "void": 1, "without a partner": 1}
    assert found.survived == (rate(0, 1), rate(1, 1))
    assert compared(two, one).left_out == found.left_out, "whichever of them has no partner"


def test_within_a_campaign_trials_are_pairs_that_differ_in_one_part_alone(tmp_path: Path) -> None:
    restarted, alone = (list(rows(o, policy=p)) for o, p in ((RESTARTED, RestartUDriver()), (LEFT_ALONE, Nothing())))
    mixed = [row for pair in zip(restarted, alone[:5], strict=False) for row in pair]
    path = stored(tmp_path / "both", [replace(row, n=n) for n, row in enumerate([*mixed, a_golden_row(0)])])
    with Store.open(path) as store:
        [found] = within(store, "policy")
        assert (found.first, found.second) == ("restart_udriver", "nothing")
        assert found.only == (2, 0) and found.discordant == ((0, 1), (2, 3))
        assert found.left_out == {"inactive": 1}
        with pytest.raises(UsageError, match=r"no two trials .* differ in driver alone"):
            within(store, "driver")
        with pytest.raises(UsageError, match="cannot be compared by 'seed': there are policy"):
            within(store, "seed")


def test_three_policies_are_three_comparisons_and_fields_tell_like_names_apart(tmp_path: Path) -> None:
    policies = (RestartUDriver(), RestartUDriver(limit=1), Nothing())
    every = [row for policy in policies for row in rows(RESTARTED, policy=policy)]
    path = stored(tmp_path / "three", [replace(row, n=n) for n, row in enumerate(every)])
    with Store.open(path) as store:
        names = [(found.first, found.second) for found in within(store, "policy")]
    assert len(names) == 3
    assert [name.partition("(")[0] for name in names[0]] == ["restart_udriver"] * 2
    assert ["limit=3" in names[0][0], "limit=1" in names[0][1]] == [True, True]


def test_detectors_can_be_compared(tmp_path: Path) -> None:
    detectors = (Detectors(beat_s=0.1), Detectors(beat_s=0.5))
    every = [row for each in detectors for row in rows(RESTARTED, detectors=each)]
    path = stored(tmp_path / "two", [replace(row, n=n) for n, row in enumerate(every)])
    with Store.open(path) as store:
        [found] = within(store, "detectors")
    assert found.paired and found.first.startswith("detectors(beat_s=0.1, ") and found.only == (0, 0)


def test_trials_that_are_alike_are_paired_in_their_order(tmp_path: Path) -> None:
    parts = {"fault": Kill(), "seed": 1}
    kinds = [(RestartUDriver(), "RECOVERED"), (RestartUDriver(), "LOST"), (Nothing(), "HUNG"), (Nothing(), "RECOVERED")]
    every = [a_row(n, *EVENTS_OF[outcome], policy=policy, **parts) for n, (policy, outcome) in enumerate(kinds)]
    with Store.open(stored(tmp_path / "run", every)) as store:
        [found] = within(store, "policy")
    assert found.discordant == ((0, 2), (1, 3))


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES), max_size=30))
def test_the_other_way_round_is_the_mirror_image(outcomes: list[tuple[Outcome | None, Outcome | None]]) -> None:
    plan = {"fault": {"is": "tests.records:Kill"}}
    pairs = [(ComparedTrial(n, plan, a), ComparedTrial(n, plan, b)) for n, (a, b) in enumerate(outcomes)]
    one, two = paired("a", "b", "", pairs), paired("b", "a", "", [(b, a) for a, b in pairs])
    assert one.survived == two.survived[::-1] and one.only == two.only[::-1]
    assert one.p_value == pytest.approx(two.p_value)
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=1e-9)
    assert sum(one.outcomes.values()) + sum(one.left_out.values()) == len(pairs)
    assert {(b, a): n for (a, b), n in one.outcomes.items()} == two.outcomes
    alone = unpaired("a", "b", "", *({t.n: t for t in side} for side in zip(*pairs, strict=True))) if pairs else one
    assert alone.survived[0].n >= one.survived[0].n, "of a pair both must be evidence"


def test_it_is_printed(restarted: Path, left_alone: Path) -> None:
    shown = printed(ComparisonTable(compared(restarted, left_alone)), 120)
    for line in (
        "restarted (restart_udriver) against left_alone (nothing)",
        "paired: the fault lists match",
        f"\n  first       {rate(4, 6)}\n  second      {rate(2, 6)}\n  difference  +33.3 [",
        "\n              Tango's score interval for paired shares\n",
        "p = 0.625 (McNemar's exact test, two-sided)",
        "survived only in the first: 3, only in the second: 1 (trials 0, 1, 5, 6)",
        "pairs left out: inactive 1",
    ):
        assert line in shown
    rows_shown = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line[:1].isupper()}
    assert rows_shown["RECOVERED"] == ["1", "·", "2", "1"], "against MASKED, RECOVERED, HUNG, CRASHED"


def test_what_is_not_paired_says_so(restarted: Path, tmp_path: Path) -> None:
    other = stored(tmp_path / "other", rows(RESTARTED, trigger=AtRequest(99)))
    shown = printed(ComparisonTable(compared(restarted, other)), 120)
    assert "NOT paired: trial 0 has another trigger" in shown
    assert "trials left out: inactive 2" in shown


def test_scripts_get_exactly_these_keys(restarted: Path, left_alone: Path, tmp_path: Path) -> None:
    data = comparison_json(compared(restarted, left_alone))
    assert json.loads(json.dumps(data)) == data
    assert set(data) == {
        "first", "second", "paired", "why", "survived", "difference", "low", "high", "interval", "p_value", "test",
        "outcomes", "discordant", "left_out",
    }  # fmt: skip
    assert data["survived"]["first"]["k"] == 4 and data["discordant"] == [[0, 0], [1, 1], [5, 5], [6, 6]]
    nothing = compared(restarted, stored(tmp_path / "empty", []))
    assert math.isnan(nothing.difference) and comparison_json(nothing)["difference"] is None
