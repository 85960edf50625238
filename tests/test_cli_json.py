"""Output of commands for scripts: one document of strict JSON on standard output, and nothing else there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
from click.testing import CliRunner

from faultkit.cli import COMMANDS, cli
from faultkit.cli.campaigns import conclude
from faultkit.model.codec import encode
from faultkit.model.errors import HarnessError
from faultkit.results.conclusion import conclusion
from faultkit.results.summary import GOLDEN, counts_json
from faultkit.running.judging import keep_all
from faultkit.statistics.sequential import Sprt
from faultkit.store.store import Store
from tests.records import EVENTS_OF, RESTORED, a_row
from tests.synthetic import campaign, meta

PRINT_TEXT = {"completion", "manual"}  # scripts and pages, no facts


def refuse(word: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{word} is no JSON")


def parsed(text: str) -> Any:
    """The one document in a text."""
    return json.loads(text, parse_constant=refuse)


def told(*arguments: object) -> Any:
    """The JSON that a command prints for scripts."""
    done = CliRunner().invoke(cli, [*map(str, arguments), "--json"], standalone_mode=False)
    assert done.exception is None, done.exception
    return parsed(done.stdout)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Forty stored trials."""
    return campaign(tmp_path / "stored", 40)


def test_every_command_that_prints_facts_can_print_them_for_scripts() -> None:
    commands = {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}
    able = {name for name, command in commands.items() if command and any(p.name == "as_data" for p in command.params)}
    assert able == {*COMMANDS} - PRINT_TEXT


@pytest.mark.parametrize(
    "arguments",
    [
        ["show"], ["show", "--by", "function"], ["show", "--phases"], ["compare", "."], ["judge"], ["export"],
        ["report", "-o", "report.html"], ["gate", "--rule", "no CORRUPT"], ["gate", "--rule", "p95 recovery <= 2 s"],
        ["rerun", "--policy", "nothing", "--dry-run"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_said_of_results_is_strict_json(
    results: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(results)
    assert told(arguments[0], results, *arguments[1:])


def test_a_campaign_in_which_nothing_was_activated_is_strict_json_too(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(3)) as store:
        keep_all(store, [a_row(n, *EVENTS_OF["INACTIVE"]) for n in range(3)])
    for arguments in (["show"], ["show", "--phases"], ["compare", tmp_path / "run"], ["gate", "--rule", "no CRASHED"]):
        told(arguments[0], tmp_path / "run", *arguments[1:])
    with Store.open(tmp_path / "run") as store:
        survived = conclusion(store)["survived"]
    assert survived == {"k": 0, "n": 0, "share": None, "low": 0.0, "high": 1.0}


def test_judging_again_counts_what_changed(results: Path) -> None:
    assert told("judge", results) == {"result": str(results), "trials": 40, "changed": 0, "unjudged": {}}


def test_an_export_says_where_it_is(results: Path) -> None:
    said = told("export", results)
    assert said == {"result": str(results), "output": str(results / "trials.csv"), "format": "csv", "trials": 40}
    assert len((results / "trials.csv").read_text().splitlines()) == 41


def test_a_dashboard_says_whose_it_is(results: Path, tmp_path: Path) -> None:
    said = told("report", results, "-o", tmp_path / "r.html")
    assert Path(said["output"]).exists()
    shown = {"result": str(results), "experiment": "kill_under_load", "seed": 7, "planned": 40, "ended": 40}
    assert said["campaigns"] == [shown]


def test_a_skeleton_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = told("new", "driver", "my_disk")
    assert said == {"written": "my_disk/", "experiment": "my_disk/my_disk_faults.py"}
    assert Path(said["experiment"]).exists()


def test_a_dry_run_says_what_it_would_be() -> None:
    said = told("run", "quickstart_nbd", "--seed", 1, "--trials", 10, "--dry-run")
    assert said.items() >= {"experiment": "quickstart_nbd", "seed": 1, "trials": 10, "templates": 1}.items()
    assert said["result"].startswith("results/quickstart_nbd/")


def test_a_campaign_that_has_ended_is_told_in_one_document(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude(results, as_data=True) == 0
    said, wrong = capsys.readouterr()
    assert wrong == ""
    ended = parsed(said)
    assert (ended["result"], ended["exit_code"]) == (str(results), 0)
    assert ended["meaning"].startswith("done")
    with Store.open(results) as store:
        assert counts_json(store).items() <= ended.items()
    activated = ended["accounting"]["activated"]
    assert ended["survived"]["n"] == activated == sum(rate["n"] for rate in ended["survived_by"].values())
    assert ended["survived"]["low"] < ended["survived"]["share"] < ended["survived"]["high"]
    assert set(ended["survived_by"]) == set(ended["by"]) - {GOLDEN}


def test_too_many_void_trials_are_in_the_document_and_end_with_5(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.create(tmp_path / "run", meta(10)) as store:
        keep_all(store, [a_row(n, *RESTORED, void="gone" if n in {3, 4} else None) for n in range(10)])
    with pytest.raises(HarnessError, match="2 of 10 trials are void, the first: gone"):
        conclude(tmp_path / "run", as_data=True)
    ended = parsed(capsys.readouterr().out)
    assert (ended["exit_code"], ended["void_reasons"]) == (5, {"gone": 2})
    assert "harness" in ended["meaning"]


def test_a_stop_is_told_with_the_interval_that_holds_after_it(tmp_path: Path) -> None:
    facts = {
        "stop": encode(Sprt(p0=0.5, p1=0.9)),
        "decision": {"decision": "above", "k": 6, "n": 6, "trials": 6},
    }
    with Store.create(tmp_path / "run", meta(6) | facts) as store:
        keep_all(store, [a_row(n, *RESTORED) for n in range(6)])
        ended = conclusion(store)
    stop, exact = ended["stop"], ended["survived"]
    assert (stop["decision"], stop["k"], stop["rule"]["p1"]) == ("above", 6, 0.9)
    assert stop["low"] < exact["low"], "who may stop when it pleases knows less"
