"""A gate's answers as JUnit XML, annotations, Markdown, JSON and text: all say the same, and others can read them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, TestSuite
from rich.console import Console

from faultkit.gate.answers import Answer
from faultkit.gate.assess import Gated, gated
from faultkit.gate.facts import compared, facts_of
from faultkit.gate.github import command, commands, summary
from faultkit.gate.junit import junit_xml
from faultkit.gate.screen import Screen, gated_json
from faultkit.gate.sources import of_lines
from faultkit.running.judging import keep, keep_all
from faultkit.store.meta import Meta
from faultkit.store.store import Store
from tests.records import EVENTS_OF, a_golden_row, a_row, at
from tests.synthetic import meta

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
OOPS = (
    *EVENTS_OF["MASKED"],
    at(12, "kernel.oops", what="page fault", function="cp_rx_poll.isra.0", offset="0x4", text="BUG: <pa&ge> fault"),
)
CONSOLE = "[    1.000000] quiet\n[    1.100000] BUG: <pa&ge> fault\n[    1.100001] \x1b[31mCall Trace:\x00]]>```\n"
LINES = ("survived >= 50 %", "no CRASHED", "no HUNG in 500 trials", "golden clean in 1 trial", "no new crash signature")


def answers(tmp_path: Path, *lines: str, void: int = 0, known: tuple[str, ...] = ()) -> Gated:
    """80 kills that were recovered from, 2 of nbd's usual crashes, another one, and a golden trial; some void."""
    with Store.create(tmp_path / "run", meta(84 + void)) as store:
        keep_all(store, [a_row(n, *EVENTS_OF["RECOVERED"]) for n in range(80)])
        keep_all(store, [a_row(n, *EVENTS_OF["CRASHED"]) for n in (80, 81)])
        keep(store, a_row(82, *OOPS, console=CONSOLE))
        keep(store, a_golden_row(83))
        keep_all(store, [a_row(n, void="QEMU ended with status 1") for n in range(84, 84 + void)])
        return gated(store, of_lines(lines or LINES, "the test"), compared(facts_of(store), known=known))


@pytest.fixture
def mixed(tmp_path: Path) -> Gated:
    """Two rules met, two not, one open."""
    return answers(tmp_path)


def parsed(found: Gated) -> tuple[TestSuite, dict[str, list[object]]]:
    """JUnit XML as a reader parses it: the suite, and each case's results."""
    (suite,) = JUnitXml.fromstring(junit_xml(found))
    return suite, {case.name: case.result for case in suite}


def test_a_schema_of_what_readers_agree_on_accepts_it(mixed: Gated) -> None:
    SCHEMA.validate(junit_xml(mixed).decode())


def test_the_schema_refuses_what_readers_would(mixed: Gated) -> None:
    good = junit_xml(mixed).decode()
    for old, new in (('name="no CRASHED" ', ""), ("failure", "failed"), (' tests="', ' test="'), ('type="rule"', "")):
        assert not SCHEMA.is_valid(good.replace(old, new))


def test_a_reader_finds_a_case_per_rule_and_crash(mixed: Gated) -> None:
    suite, cases = parsed(mixed)
    assert (suite.name, suite.tests, suite.failures, suite.errors) == ("faultkit.kill_under_load", 7, 4, 1)
    assert set(cases) == {*LINES, "crash: oops in nbd_queue_rq", "crash: page fault in cp_rx_poll"}
    assert cases["survived >= 50 %"] == cases["golden clean in 1 trial"] == []
    (failure,) = cases["no CRASHED"]
    assert isinstance(failure, Failure) and failure.message.startswith("3 of 83 activated trials")
    (error,) = cases["no HUNG in 500 trials"]
    assert isinstance(error, Error) and error.type == "inconclusive"


def test_a_crash_brings_what_the_kernel_said(mixed: Gated) -> None:
    (failure,) = parsed(mixed)[1]["crash: page fault in cp_rx_poll"]
    assert isinstance(failure, Failure)
    assert "1 of 83 activated trials, first in trial 82" in failure.message
    assert failure.text == "BUG: <pa&ge> fault\n\u241b[31mCall Trace:\u2400]]>```"


def test_there_are_failures_in_it_only_if_the_gate_failed(tmp_path: Path) -> None:
    found = answers(tmp_path, "survived >= 50 %", "CRASHED <= 20 %")
    suite, cases = parsed(found)
    assert (found.answer, found.exit_code, suite.failures, suite.errors) == (Answer.PASS, 0, 0, 0)
    assert cases["crash: oops in nbd_queue_rq"] == []


def test_a_known_crash_is_no_failure_and_a_new_one_is(tmp_path: Path) -> None:
    found = answers(tmp_path, "no new crash signature", known=("oops in nbd_queue_rq",))
    cases = parsed(found)[1]
    assert cases["crash: oops in nbd_queue_rq"] == []
    assert cases["crash: page fault in cp_rx_poll"] and found.exit_code == 1


def test_a_harness_in_trouble_is_told_apart_from_the_driver(tmp_path: Path) -> None:
    found = answers(tmp_path, "survived >= 50 %", void=10)
    assert (found.answer, found.exit_code) == (Answer.INCONCLUSIVE, 5)
    (error,) = parsed(found)[1]["harness"]
    assert isinstance(error, Error) and "10 of 94 trials are void" in error.message
    assert any(line.startswith("::error title=harness::10 of 94") for line in commands(found))
    SCHEMA.validate(junit_xml(found).decode())


def test_a_failure_that_was_seen_comes_before_a_harness_in_trouble(tmp_path: Path) -> None:
    found = answers(tmp_path, "survived >= 50 %", "no CRASHED", void=10)
    assert (found.answer, found.exit_code) == (Answer.FAIL, 1)


@given(st.text(max_size=40))
def test_whatever_a_kernel_prints_it_stays_valid(text: str) -> None:
    with_text = replace(NOTHING, crashes={text: (1,)}, reports={text: text}, origin=text)
    SCHEMA.validate(junit_xml(with_text).decode())
    assert all(line.startswith("::") and len(line.splitlines()) == 1 for line in commands(with_text))


NOTHING = Gated(
    experiment="e",
    result="r",
    origin="o",
    lines=(),
    accounting={"activated": 1},
    trouble="",
    crashes={},
    known=frozenset(),
    reports={},
    meta=Meta(),
)


def test_annotations_are_commands_with_what_must_be_escaped_escaped() -> None:
    assert command("error", "a: b, 5 %", "c: d, 5 %\r\ne") == "::error title=a%3A b%2C 5 %25::c: d, 5 %25%0D%0Ae"


def test_annotations_tell_what_is_not_met(mixed: Gated) -> None:
    lines = [*commands(mixed)]
    levels = [line.split(" ", 1)[0] for line in lines]
    assert levels == ["::error", "::warning", "::error", "::error", "::error"]
    assert any("title=crash%3A page fault in cp_rx_poll::trials 82%0ABUG: <pa&ge> fault" in line for line in lines)
    assert not [line for line in lines if "golden" in line]


def test_a_summary_is_a_table_with_a_row_a_rule(mixed: Gated) -> None:
    text = summary(mixed)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(LINES)
    assert "| ❌ fail | no CRASHED | 3 of 83 activated trials |" in text
    assert "| ❔ inconclusive | no HUNG in 500 trials |" in text
    assert "gate NOT met: 2 passed, 2 failed, 1 inconclusive" in text
    assert text.count("```") == 4, "a report cannot end its own block"


def test_scripts_get_exactly_these_keys(mixed: Gated) -> None:
    data = gated_json(mixed)
    assert json.loads(json.dumps(data)) == data
    assert {key: data[key] for key in ("experiment", "seed", "answer", "exit_code", "origin", "trouble")} == {
        "experiment": "kill_under_load", "seed": 7, "answer": "fail", "exit_code": 1, "origin": "the test",
        "trouble": None,
    }  # fmt: skip
    assert set(data) == {
        "experiment", "result", "seed", "answer", "exit_code", "origin", "trouble", "accounting", "rules", "crashes",
    }  # fmt: skip
    assert all(set(rule) == {"name", "rule", "answer", "measured", "reason", "figures"} for rule in data["rules"])
    assert data["crashes"] == [
        {"signature": "oops in nbd_queue_rq", "known": False, "trials": [80, 81]},
        {"signature": "page fault in cp_rx_poll", "known": False, "trials": [82]},
    ]


def printed(found: Gated, width: int = 100, **options: bool) -> str:
    """The screen."""
    text = io.StringIO()
    Console(file=text, width=width, **options).print(Screen(found))  # type: ignore[arg-type]
    return text.getvalue()


def test_the_screen_says_each_answer_and_the_conclusion(mixed: Gated) -> None:
    shown = printed(mixed)
    assert "FAIL          no CRASHED\n" in shown
    assert "INCONCLUSIVE  no HUNG in 500 trials\n" in shown
    assert "    2 x oops in nbd_queue_rq (new; first in trial 80)" in shown
    assert "planned 84 · injected 83 · activated 83 · manifested 83 · void 0" in shown
    assert shown.rstrip().endswith("gate NOT met: 2 passed, 2 failed, 1 inconclusive")
    assert "\x1b" not in shown


def test_answers_have_colours_on_a_terminal_unless_they_are_unwanted(
    mixed: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[1;31mFAIL" in printed(mixed, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in printed(mixed, force_terminal=True)


def test_it_fits_on_a_screen(mixed: Gated) -> None:
    shown = printed(replace(mixed, result="results/kills/latest"), 80).splitlines()  # a path of a usual length
    assert max(map(len, shown)) <= 80
    assert len(shown) <= 24
