"""A campaign that ends when its gate is decided: by the order of its list, never by the order in which trials end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faultkit.gate.answers import Answer
from faultkit.gate.assess import assess, overall
from faultkit.gate.facts import facts_of
from faultkit.gate.sources import of_lines
from faultkit.gate.until import GateStopper, UntilDecided, refuse_undecidable
from faultkit.model.codec import decode, encode, imported
from faultkit.model.errors import UsageError
from faultkit.results.stopping import RuleStopper, StopCondition, Stopper, stopper_of
from faultkit.running.judging import keep
from faultkit.store.store import Store
from tests.records import EVENTS_OF, a_row
from tests.synthetic import meta

AGAINST = UntilDecided(rules=("survived >= 90 % against 60 %", "no CORRUPT in 30 trials"))


def follow(store: Store, stop: UntilDecided, ends: Sequence[str], order: Iterable[int]) -> GateStopper:
    """The stopper of a campaign whose trials end in some order, until it is decided."""
    looks = stop.stopper(store)
    for n in order:
        if looks.decided:
            break
        void = ends[n] == "void"
        keep(store, a_row(n, void="QEMU ended") if void else a_row(n, *EVENTS_OF[ends[n]]))
        looks.ended(n, None)
    return looks


def created(directory: Path, planned: int, stop: UntilDecided = AGAINST) -> Store:
    """An empty store of a campaign that is to end so."""
    return Store.create(directory, meta(planned) | {"stop": encode(stop)})


@pytest.mark.parametrize(
    ("ends", "decision", "trials"),
    [
        (["RECOVERED"] * 100, "above", 30),
        (["LOST"] * 100, "below", 10),
        (["RECOVERED"] * 15 + ["CORRUPT"] + ["RECOVERED"] * 84, "below", 20),
        (["INACTIVE"] * 60 + ["RECOVERED"] * 40, "above", 90),
        (["RECOVERED"] * 25, "undecided", 25),
        (["void"] * 5 + ["RECOVERED"] * 95, "above", 100),
    ],
)
def test_it_ends_at_the_first_look_that_decides(tmp_path: Path, ends: list[str], decision: str, trials: int) -> None:
    with created(tmp_path / "run", len(ends)) as store:
        looks = follow(store, AGAINST, ends, range(len(ends)))
        kept = looks.as_meta()
        assert (kept["decision"], kept["trials"]) == (decision, trials)
        assert len(store.done()) == trials


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(st.sampled_from(["RECOVERED", "RECOVERED", "LOST", "INACTIVE"]), min_size=60, max_size=60),
       order=st.permutations(range(6)))  # fmt: skip
def test_the_order_in_which_trials_end_decides_nothing(
    tmp_path_factory: pytest.TempPathFactory, ends: list[str], order: list[int]
) -> None:
    shuffled = [6 * block + n for block in range(10) for n in order]
    folder = tmp_path_factory.mktemp("runs")
    with created(folder / "a", 60) as one, created(folder / "b", 60) as two:
        in_order, mixed = follow(one, AGAINST, ends, range(60)), follow(two, AGAINST, ends, shuffled)
        assert in_order.as_meta() == mixed.as_meta()


def test_a_campaign_that_goes_on_has_lost_nothing(tmp_path: Path) -> None:
    with created(tmp_path / "run", 100) as store:
        follow(store, AGAINST, ["RECOVERED"] * 100, range(25))
        again = AGAINST.stopper(store)
        assert (again.taken, again.looked, again.decided) == (25, 20, False)


def test_the_gate_of_what_was_run_is_what_ended_it(tmp_path: Path) -> None:
    with created(tmp_path / "run", 100) as store:
        store.set_meta("decision", follow(store, AGAINST, ["RECOVERED"] * 100, range(100)).as_meta())
        facts = facts_of(store)
        assert (facts.watched, facts.unfinished) == (True, False)
        lines = assess(of_lines(AGAINST.rules, "").rules, facts)
        assert overall(line.ruling.answer for line in lines) is Answer.PASS


def test_a_campaign_that_was_killed_is_unfinished(tmp_path: Path) -> None:
    with created(tmp_path / "run", 100) as store:
        follow(store, AGAINST, ["RECOVERED"] * 100, range(25))
        assert facts_of(store).unfinished


def test_a_known_crash_goes_on(tmp_path: Path) -> None:
    rule = "no new crash signature in 30 trials"
    for known, decision in (((), "below"), (("oops in nbd_queue_rq",), "above")):
        stop = UntilDecided(rules=(rule,), known=known)
        with created(tmp_path / decision, 40, stop) as store:
            assert follow(store, stop, ["CRASHED"] * 40, range(40)).as_meta()["decision"] == decision


def test_it_is_plain_data_that_a_campaign_takes_for_a_stop(tmp_path: Path) -> None:
    assert decode(encode(AGAINST), imported) == AGAINST
    assert isinstance(AGAINST, StopCondition)
    with created(tmp_path / "run", 1) as store:
        stopper: Stopper = stopper_of(AGAINST, store)
        assert isinstance(stopper, GateStopper)
        assert isinstance(stopper_of(None, store), RuleStopper)


def test_rules_that_cannot_be_looked_at_are_refused() -> None:
    with pytest.raises(UsageError, match="needs a number of trials that is set before"):
        refuse_undecidable(of_lines(["survived >= baseline - 2 %"], "").rules)
    refuse_undecidable(of_lines(AGAINST.rules, "").rules)
