"""A declared rule ends a campaign: decided in the order of the list, whatever the order in which trials end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template, group_of
from faultkit.model.codec import encode
from faultkit.model.errors import UsageError
from faultkit.model.events import Outcome
from faultkit.model.trial import Trial
from faultkit.results.stopping import RuleStopper, success
from faultkit.running.campaign import Campaign, run_missing
from faultkit.running.experiment import Experiment, load_experiment, plan
from faultkit.running.judging import keep_all
from faultkit.statistics.sequential import Decision, Sprt, first_decision
from faultkit.store.store import Row, Store
from faultkit.tables.outcome_table import OutcomeTable
from tests.records import EVENTS_OF, Silence, a_row, a_trial
from tests.synthetic import meta
from tests.terminal import printed

RULE = Sprt(p0=0.5, p1=0.8)
SUCCESSES = st.lists(st.sampled_from([True, True, True, False, None]), max_size=80)
NOWHERE = Path("nowhere")


@given(SUCCESSES, st.randoms())
def test_the_order_in_which_trials_end_makes_no_difference(successes: list[bool | None], rng: random.Random) -> None:
    ended = list(enumerate(successes))
    rng.shuffle(ended)
    stopper = RuleStopper(RULE)
    for n, survived in ended:
        stopper.ended(n, survived)
    assert stopper.tally == first_decision(RULE, successes)


def test_what_ends_first_waits_for_what_comes_before() -> None:
    stopper = RuleStopper(RULE)
    for n in range(1, 50):
        stopper.ended(n, False)
    assert not stopper.decided and stopper.taken == 0
    stopper.ended(0, True)
    assert stopper.tally.decision is Decision.BELOW


def test_without_a_rule_nothing_is_decided() -> None:
    stopper = RuleStopper(None)
    for n in range(1000):
        stopper.ended(n, False)
    assert not stopper.decided and stopper.as_meta() is None


@pytest.mark.parametrize(
    ("injector", "outcome", "expected"),
    [
        ("kill", "MASKED", True),
        ("kill", "RECOVERED", True),
        ("kill", "DISRUPTED", False),
        ("kill", "CORRUPT", False),
        ("kill", "INACTIVE", None),
        ("kill", None, None),
        ("golden", "MASKED", None),
    ],
)
def test_what_is_a_success(injector: str, outcome: str | None, expected: bool | None) -> None:
    assert success(injector, Outcome[outcome] if outcome else None) is expected


@dataclass(slots=True)
class Backwards(Executor):
    """Ends the trials in pairs, the later one first; each with the outcome that its number is to have."""

    outcomes: Sequence[str]
    held: list[tuple[Future[Row], Row]] = field(default_factory=list)
    submitted: int = 0

    def submit(self, work: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Row]:
        _, n, _ = args
        self.submitted += 1
        future: Future[Row] = Future()
        self.held.append((future, a_row(n, *EVENTS_OF[self.outcomes[n]])))
        if len(self.held) == 2 or n == len(self.outcomes) - 1:
            for waiting, row in reversed(self.held):
                waiting.set_running_or_notify_cancel()
                waiting.set_result(row)
            self.held.clear()
        return future


def campaign(outcomes: Sequence[str]) -> Campaign:
    """A campaign of so many trials, with a rule."""

    def trials(seed: int) -> Iterator[Trial]:
        return (a_trial(seed=seed + n) for n in range(len(outcomes)))

    asked = Experiment("mine", "", trials, stop=RULE)
    image = Image(NOWHERE, "6.12", "key", (0, 0))
    return Campaign(
        experiment=asked, plan=plan(asked, 1, None), seed=1, count=None, jobs=1, machine=Machine(), image=image,
        stop=asked.stop,
    )  # fmt: skip


def carried_out(store: Store, outcomes: Sequence[str]) -> Backwards:
    """Run what is missing of such a campaign."""
    what, pool = campaign(outcomes), Backwards(outcomes)
    base = Template(NOWHERE, "t1", what.machine, what.image)
    run_missing(what, store, {group_of(a_trial()): base}, pool, Silence())
    return pool


def test_a_campaign_ends_when_its_rule_has_decided(tmp_path: Path) -> None:
    outcomes = ["RECOVERED", "MASKED", "INACTIVE"] * 40
    expected = first_decision(RULE, [success("kill", Outcome[outcome]) for outcome in outcomes])
    with Store.create(tmp_path / "run", meta(120) | {"stop": encode(RULE)}) as store:
        pool = carried_out(store, outcomes)
        decision = store.meta().decision
        assert decision == {"decision": "above", "k": 7, "n": 7, "trials": 10} and expected.n == 7
        assert 10 <= pool.submitted <= 12, "what was under way already is stored, too"
        assert store.done() == set(range(pool.submitted))
        shown = printed(OutcomeTable.of(store), 160)
    assert "Sprt(p0=0.5, p1=0.8, alpha=0.05, beta=0.05): above (7 of 7 survived, of the first 10 trials)" in shown


def test_a_decided_campaign_has_nothing_to_resume(tmp_path: Path) -> None:
    outcomes = ["HUNG"] * 60
    with Store.create(tmp_path / "run", meta(60) | {"stop": encode(RULE)}) as store:
        carried_out(store, outcomes)
        before = store.done()
        assert carried_out(store, outcomes).submitted == 0
        assert store.done() == before and store.meta().decision["decision"] == "below"


def test_a_list_may_be_too_short_for_a_decision(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(4) | {"stop": encode(RULE)}) as store:
        carried_out(store, ["RECOVERED", "HUNG"] * 2)
        assert store.done() == {0, 1, 2, 3}
        assert store.meta().decision == {"decision": "undecided", "k": 2, "n": 4, "trials": 4}


def test_an_interrupted_campaign_goes_on_where_its_rule_was(tmp_path: Path) -> None:
    outcomes = ["RECOVERED"] * 60
    with Store.create(tmp_path / "run", meta(60) | {"stop": encode(RULE)}) as store:
        keep_all(store, [a_row(n, *EVENTS_OF["RECOVERED"]) for n in (0, 1, 3, 4)])
        carried_out(store, outcomes)
        assert store.meta().decision == {"decision": "above", "k": 7, "n": 7, "trials": 7}


def test_an_experiment_declares_its_rule(tmp_path: Path) -> None:
    head = "from faultkit.statistics.sequential import Sprt\nfrom tests.records import a_trial\n"
    body = "def trials(seed):\n    yield a_trial()\n"
    file = tmp_path / "declares_a_rule.py"
    file.write_text(f"{head}STOP = Sprt(p0=0.5, p1=0.8)\n{body}")
    assert load_experiment(str(file)).stop == RULE
    wrong = tmp_path / "declares_no_rule.py"
    wrong.write_text(f"{head}STOP = 0.95\n{body}")
    with pytest.raises(
        UsageError, match=r"STOP is a float: give a rule of faultkit.statistics.sequential, such as Sprt"
    ):
        load_experiment(str(wrong))
