"""A driver in a file of its own, outside of our packages, as docs/your-own-driver.md tells users to write one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import faultkit
from faultkit import Nothing, Outcome, ReloadKDriver
from faultkit.kit import name_of
from faultkit.machine.image import Image

pytestmark = pytest.mark.guest

EXAMPLE = Path(__file__).parents[1] / "own_driver"
TRIALS, GOLDEN = 20, 4


def command(*arguments: object) -> str:
    """The output of `faultkit ARGUMENTS`; a failed test shows its errors."""
    done = subprocess.run(
        [sys.executable, "-c", "from faultkit.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def ended(image: Image, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A campaign of the example's first trials: what its run says for scripts."""
    del image  # only to skip where guests cannot run
    out, file = tmp_path_factory.mktemp("own") / "results", EXAMPLE / "survives_faults.py"
    said = command("run", file, "--trials", TRIALS, "--seed", 1, "--jobs", 2, "--out", out, "--json")
    conclusion: dict[str, Any] = json.loads(said)
    return conclusion


@pytest.fixture(scope="module")
def results(ended: dict[str, Any]) -> Path:
    """Where it is."""
    return Path(ended["result"])


@pytest.fixture(scope="module")
def shown(results: Path) -> dict[str, Any]:
    """The campaign, as scripts see it."""
    counts: dict[str, Any] = json.loads(command("show", results, "--json"))
    return counts


def test_a_run_for_scripts_ends_with_what_is_shown_of_it_later(ended: dict[str, Any], shown: dict[str, Any]) -> None:
    assert (ended["exit_code"], ended["void_reasons"], ended["stop"]) == (0, {}, None)
    assert shown.items() <= ended.items()
    assert ended["survived"]["n"] == ended["accounting"]["activated"]


def test_golden_trials_are_masked(shown: dict[str, Any]) -> None:
    golden = {outcome: count for outcome, count in shown["by"]["golden"].items() if count}
    assert golden == {"MASKED": GOLDEN}


def test_every_fault_is_accounted_for(shown: dict[str, Any]) -> None:
    counts = shown["accounting"]
    assert counts["planned"] == TRIALS
    assert counts["void"] == 0
    assert counts["injected"] == TRIALS - GOLDEN == sum(shown["outcomes"].values())
    assert counts["activated"] == counts["injected"] - shown["outcomes"]["INACTIVE"]


def test_a_failing_allocation_is_an_error_and_never_more(results: Path) -> None:
    trials = faultkit.load(results).trials
    failed = trials[trials["injector"] == "call_error"]
    assert failed["activated"].all()
    assert set(failed["outcome"]) == {Outcome.DISRUPTED.name, Outcome.LOST.name}  # once; for ever


def test_an_invalid_instruction_crashes_the_kernel_where_it_was_put(results: Path) -> None:
    trials = faultkit.load(results).trials
    first_text = trials[trials["injector"] == "text"].iloc[:2]
    assert set(first_text["outcome"]) == {Outcome.CRASHED.name}
    assert set(first_text["crash_function"]) == {"ring_write"}
    assert set(first_text["crash_kind"]) == {"invalid opcode"}
    source = (EXAMPLE / "ring.c").read_text().splitlines()
    line = next(n for n, text in enumerate(source, 1) if "ring_write(" in text)  # a brace follows
    assert all(f"function ring_write, source ring.c:{line + 1}, " in reason for reason in first_text["reason"])


def test_a_trial_has_a_time_line_that_begins_with_its_fault(results: Path) -> None:
    trial = json.loads(command("show", results, GOLDEN, "--json"))
    when = {kind: t_ns for t_ns, _, kind, _ in reversed(trial["events"])}
    assert when["trial.started"] < when["fault.injected"] < when["fault.activated"] < when["request.failed"]


def test_the_example_is_replayed_bit_for_bit(results: Path) -> None:
    again = json.loads(command("replay", results, GOLDEN, "--json"))
    assert again == {"outcome_agrees": 1, "events_agree": 1, "runs": 1, "differing": []}


def test_an_injector_and_a_monitor_of_ones_own_work_beside_ours(image: Image, tmp_path: Path) -> None:
    del image
    out = tmp_path / "results"
    command("run", EXAMPLE / "node_comes_back.py", "--seed", 1, "--out", out)
    trials = faultkit.load(out).trials
    assert set(zip(trials["policy"], trials["outcome"], strict=True)) == {
        (name_of(ReloadKDriver()), Outcome.RECOVERED.name),
        (name_of(Nothing()), Outcome.LOST.name),
    }
    events = faultkit.events(out, 0)
    opened = events[events["kind"] == "device.opened"]
    assert len(opened) == 4  # the workload, the probe after the reload, the check's probe, the check
