"""`faultkit gate`: where its rules come from, what it writes, and how it ends."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from faultkit.cli.gate import command
from faultkit.gate import known
from faultkit.gate.sources import of_experiment
from faultkit.model.errors import FaultkitError, UsageError
from faultkit.running.experiment import load_experiment
from faultkit.running.judging import keep_all
from faultkit.store.store import Store
from tests.records import EVENTS_OF, a_row
from tests.synthetic import meta

MET, FAILED, INCONCLUSIVE, HARNESS = 0, 1, 3, 5
Gate = Callable[..., Result]


def campaign(directory: Path, planned: int | None = None, void: int = 0, **counts: int) -> Path:
    """Kills that ended so: `campaign(path, RECOVERED=60)`. Returns the directory."""
    ends = [name for name, count in counts.items() for _ in range(count)]
    facts = meta(planned or len(ends) + void) | {"file": str(directory.parent / "mine.py")}
    with Store.create(directory, facts) as store:
        keep_all(store, [a_row(n, *EVENTS_OF[name]) for n, name in enumerate(ends)])
        keep_all(store, [a_row(len(ends) + n, void="QEMU ended with status 1") for n in range(void)])
    return directory


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Sixty kills: fifty-nine recoveries and a crash."""
    return campaign(tmp_path / "stored", RECOVERED=59, CRASHED=1)


def gate(*arguments: object) -> Result:
    """Runs the command."""
    return CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)


def code(done: Result) -> int:
    """The exit code of a result. Raises its exception, if that is no failure of ours."""
    if isinstance(done.exception, FaultkitError):
        return done.exception.exit_code
    assert done.exception is None, done.exception
    return int(done.return_value)


def complaint(done: Result) -> str:
    """The one line of a usage error."""
    assert isinstance(done.exception, UsageError), (done.exception, done.output)
    assert "\n" not in str(done.exception)
    return str(done.exception)


def rules_file(folder: Path, text: str) -> Path:
    """A TOML file."""
    file = folder / "gate.toml"
    file.write_text(dedent(text))
    return file


@pytest.mark.parametrize(
    ("counts", "rules", "expected"),
    [
        ({"RECOVERED": 59}, ["no CRASHED", "recovered >= 95 %"], MET),
        ({"RECOVERED": 59}, ["no CRASHED", "recovered >= 99 %"], INCONCLUSIVE),
        ({"RECOVERED": 59}, ["no CRASHED", "recovered <= 50 %"], FAILED),
        ({"RECOVERED": 58}, ["no CRASHED"], INCONCLUSIVE),
        ({"CRASHED": 1}, ["no CRASHED"], FAILED),
        ({"INACTIVE": 500}, ["no CRASHED"], INCONCLUSIVE),
        ({"RECOVERED": 59, "planned": 60}, ["no CRASHED"], INCONCLUSIVE),
        ({"RECOVERED": 500, "void": 26}, ["no CRASHED"], MET),
        ({"RECOVERED": 500, "void": 27}, ["no CRASHED"], HARNESS),
        ({"CRASHED": 1, "void": 27}, ["no CRASHED"], FAILED),
        ({"void": 3}, ["no CRASHED"], HARNESS),
    ],
)
def test_the_exit_code_is_the_answer(tmp_path: Path, counts: dict[str, int], rules: list[str], expected: int) -> None:
    stored = campaign(tmp_path / "stored", **counts)
    assert code(gate(stored, *(word for rule in rules for word in ("--rule", rule)))) == expected


def test_the_command_line_wins_over_the_file_and_the_file_over_the_experiment(tmp_path: Path, results: Path) -> None:
    (tmp_path / "mine.py").write_text("GATE = ('no LOST',)\ndef trials(seed): ...\n")
    file = rules_file(tmp_path, 'rules = ["no HUNG"]')

    def rules(*arguments: object) -> list[str]:
        asked = gate(results, "--experiment", tmp_path / "mine.py", "--json", *arguments)
        return [rule["rule"] for rule in json.loads(asked.output)["rules"]]

    assert rules() == ["no LOST"]
    assert rules("--rules", file) == ["no HUNG"]
    assert rules("--rules", file, "--rule", "no CORRUPT", "--rule", "golden clean") == ["no CORRUPT", "golden clean"]


def test_a_file_can_name_its_rules_and_their_lists_beside_it(tmp_path: Path, results: Path) -> None:
    (tmp_path / "ours.toml").write_text('[[crash]]\nsignature = "oops in nbd_queue_rq"\n')
    file = rules_file(
        tmp_path,
        """
        known = "ours.toml"
        [rules]
        "no surprises" = "no new crash signature"
        """,
    )
    done = gate(results, "--rules", file, "--json")
    (rule,) = json.loads(done.output)["rules"]
    assert (rule["name"], rule["rule"], code(done)) == ("no surprises", "no new crash signature", MET)
    assert code(gate(results, "--rule", "no new crash signature", "--rules", file)) == MET, "the lists stay in force"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules = [", "is not valid TOML"),
        ('rules = "no LOST"', "rules must be a list of lines"),
        ("rules = [1]", "rules must be a list of lines"),
        ("rules = { a = 1 }", "rules must be a list of lines"),
        ('rulez = ["no LOST"]', "there is no key 'rulez': there are rules, known, baseline"),
        ('rules = ["no kittens"]', "at 'kittens' there should be an outcome"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, results: Path, text: str, says: str) -> None:
    assert says in complaint(gate(results, "--rules", rules_file(tmp_path, text)))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("x = 1", "declares no GATE: give --rule 'recovered >= 99 %', or --rules FILE"),
        ("GATE = ()", "declares no GATE"),
        ("GATE = 'no LOST'", "GATE must be a tuple of rules"),
        ("GATE = ('no kittens',)", "at 'kittens' there should be an outcome"),
        ("1 / 0", "has no rules: give --rule 'recovered >= 99 %' or --rules FILE, or declare GATE"),
    ],
)
def test_what_is_wrong_with_an_experiment_s_gate_is_said(tmp_path: Path, results: Path, body: str, says: str) -> None:
    (tmp_path / "mine.py").write_text(f"{body}\ndef trials(seed): ...\n")
    assert says in complaint(gate(results, "--experiment", tmp_path / "mine.py"))


def test_results_do_not_decide_which_code_is_run_for_their_rules(tmp_path: Path, results: Path) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit('run')")
    assert "give --experiment FILE for the GATE that it declares" in complaint(gate(results))
    with Store.open(results, readonly=False) as store:
        store.set_meta("file", None)
        store.set_meta("experiment", str(tmp_path / "mine.py"))
    assert "there is no experiment" in complaint(gate(results))


def test_files_that_are_not_there_are_told(tmp_path: Path, results: Path) -> None:
    rule = ("--rule", "no LOST")
    assert "there is no file nowhere.toml" in complaint(gate(results, "--rules", "nowhere.toml"))
    missing = complaint(gate(results, *rule, "--known", "nowhere.toml"))
    assert missing == "there is no list of known crashes nowhere.toml: --update-known begins one"
    assert "nowhere holds no results" in complaint(gate(results, *rule, "--baseline", "nowhere"))
    assert "nowhere holds no results" in complaint(gate("nowhere", *rule))


def test_known_crashes_are_noted_once_and_notes_are_kept(tmp_path: Path, results: Path) -> None:
    file, rule = tmp_path / "lists" / "known.toml", ("--rule", "no new crash signature")
    assert code(gate(results, *rule)) == FAILED
    done = gate(results, *rule, "--known", file, "--update-known")
    assert code(done) == MET
    assert "1 added to 0 known crash signatures" in done.stderr
    file.write_text(file.read_text() + '# mine\nnote = "reported"\n')
    before = file.read_text()
    assert code(gate(results, *rule, "--known", file, "--update-known")) == MET
    assert file.read_text() == before
    (crash,) = tomllib.loads(before)["crash"]
    assert crash == {
        "signature": "oops in nbd_queue_rq", "seen": "kill_under_load, seed 7, trial 59", "note": "reported",
    }  # fmt: skip


def test_a_silent_crash_is_not_added_to_the_known_ones(tmp_path: Path) -> None:
    stored, file = campaign(tmp_path / "stored", RECOVERED=59), tmp_path / "known.toml"
    with Store.open(stored, readonly=False) as store:
        store.update(3, {"outcome": "CRASHED", "crash_kind": "panicked"})
    done = gate(stored, "--rule", "no new crash signature", "--known", file, "--update-known")
    assert code(done) == FAILED and "not added, as they cover any other: panicked, without a report" in done.stderr
    assert known.known_signatures(file) == frozenset()


def test_known_crashes_need_a_list_to_go_to(results: Path) -> None:
    assert "--update-known: give the list" in complaint(gate(results, "--rule", "no LOST", "--update-known"))


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "tab\t", "umlaut ä", "del\x7f", "\U0001f525"])
def test_any_signature_can_be_kept(tmp_path: Path, name: str) -> None:
    known.add_signatures(tmp_path / "known.toml", {name: name})
    assert known.known_signatures(tmp_path / "known.toml") == {name}


@pytest.mark.parametrize("text", ['crash = ["x"]', 'crash = "x"', "[[crash]]\nnote = 1"])
def test_a_list_without_signatures_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "known.toml").write_text(text)
    with pytest.raises(UsageError, match=r"each \[\[crash\]\] needs a line: signature ="):
        known.known_signatures(tmp_path / "known.toml")


def test_the_crashes_of_a_baseline_are_known(tmp_path: Path, results: Path) -> None:
    rule = ("--rule", "no new crash signature")
    assert code(gate(results, *rule, "--baseline", results)) == MET
    clean = campaign(tmp_path / "clean", RECOVERED=60)
    assert code(gate(results, *rule, "--baseline", clean)) == FAILED


def test_a_baseline_is_asked_for_by_rules_that_need_one(tmp_path: Path, results: Path) -> None:
    rule = ("--rule", "survived >= baseline - 10 %")
    assert "there is no baseline: give --baseline RESULT" in complaint(gate(results, *rule))
    assert code(gate(results, *rule, "--baseline", results)) == MET
    better, worse = campaign(tmp_path / "a", RECOVERED=60), campaign(tmp_path / "b", RECOVERED=40, LOST=20)
    assert code(gate(worse, *rule, "--baseline", better)) == FAILED
    assert code(gate(better, *rule, "--baseline", worse)) == MET


@pytest.mark.parametrize("option", [("--budget", 9), ("--seed", 1), ("--jobs", 1), ("--out", "x"), ("--resume",)])
def test_what_only_a_run_needs_is_refused_without_one(results: Path, option: tuple[object, ...]) -> None:
    assert "go with --until-decided" in complaint(gate(results, "--rule", "no LOST", *option))


def test_a_run_until_decided_needs_rules_that_can_decide_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from tests.records import a_trial\ndef trials(seed):\n    yield a_trial()\n")
    asked = (file, "--until-decided", "--seed", 1, "--out", tmp_path / "out")
    assert "mine declares no GATE" in complaint(gate(*asked))
    relative = complaint(gate(*asked, "--rule", "survived >= baseline - 2 %"))
    assert "needs a number of trials that is set before" in relative
    rule = ("--rule", "no LOST")
    assert "mine has 1 trials, not 5" in complaint(gate(*asked, *rule, "--budget", 5))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    assert "exists and is not empty" in complaint(gate(*asked, *rule))
    assert "there is no experiment 'nowhere'" in complaint(gate("nowhere", "--until-decided", *rule))


def test_every_way_to_tell_is_written(tmp_path: Path, results: Path) -> None:
    xml, markdown = tmp_path / "gate.xml", tmp_path / "summary.md"
    markdown.write_text("# before\n")
    done = gate(results, "--rule", "no CRASHED", "--junit", xml, "--markdown", markdown, "--annotations", "github")
    assert code(done) == FAILED
    assert xml.read_text().startswith("<?xml")
    assert markdown.read_text().startswith("# before\n## faultkit: kill_under_load, gate NOT met")
    assert "\n::error title=gate%3A no CRASHED::1 of 60" in done.stdout


def test_annotations_leave_standard_output_to_json(results: Path) -> None:
    done = gate(results, "--rule", "no CRASHED", "--annotations", "github", "--json")
    assert json.loads(done.stdout)["answer"] == "fail"
    assert done.stderr.startswith("::error title=gate")


@pytest.mark.parametrize("name", ["quickstart_nbd", "quickstart_rtl8139"])
def test_our_experiments_declare_rules(name: str) -> None:
    assert len(of_experiment(load_experiment(name).gate, name).rules) >= 2
