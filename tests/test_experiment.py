"""Experiments: how they are found, what they come to, and what is said of wrong ones."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from faultkit.model.errors import UsageError
from faultkit.model.trial import Trial
from faultkit.running.experiment import listed, load_experiment, plan

HEAD = '''
"""Does it hold?

Expected: yes."""
from dataclasses import replace
from tests.records import Kill, Hang, Nbd, Rtl8139, Writes, a_trial
from faultkit import AtRequest, GiveUp, Nothing, Trial
'''


def experiment(folder: Path, body: str, name: str = "question", head: str = HEAD) -> str:
    """A file with an experiment; names are never used twice, since Python keeps modules."""
    file = folder / f"{name}_{folder.name.replace('-', '_')}.py"
    file.write_text(head.strip() + "\n" + dedent(body))
    return str(file)


def test_an_experiment_has_a_name_a_question_and_trials(tmp_path: Path) -> None:
    file = experiment(tmp_path, "def trials(seed):\n    yield a_trial(seed=seed)\n")
    loaded = load_experiment(file)
    assert loaded.name == Path(file).stem
    assert loaded.question == "Does it hold?\n\nExpected: yes."
    assert loaded.file == Path(file)
    assert [trial.seed for trial in loaded.trials(7)] == [7]


def test_ours_are_loaded_by_name_and_have_no_file() -> None:
    loaded = load_experiment("quickstart_nbd")
    assert (loaded.name, loaded.file) == ("quickstart_nbd", None)
    assert isinstance(next(iter(loaded.trials(1))), Trial)


def test_an_experiment_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("NUMBER = 11\n")
    file = experiment(tmp_path, """
        from neighbour_of_mine import NUMBER
        def trials(seed):
            yield from (a_trial(seed=n) for n in range(NUMBER))
    """)  # fmt: skip
    assert plan(load_experiment(file), 1, None).count == 11


def test_loading_a_file_again_gives_the_same_classes(tmp_path: Path) -> None:
    file = experiment(tmp_path, "class Mine: pass\ndef trials(seed):\n    yield a_trial()\n")
    load_experiment(file)
    mine = sys.modules[Path(file).stem].Mine
    load_experiment(file)
    assert sys.modules[Path(file).stem].Mine is mine


def test_the_first_trials_of_a_list_are_those_of_the_whole(tmp_path: Path) -> None:
    loaded = load_experiment(
        experiment(tmp_path, "def trials(seed):\n    yield from (a_trial(seed=seed + n) for n in range(9))\n")
    )
    assert [t.seed for t in listed(loaded, 4, 3)] == [t.seed for t in listed(loaded, 4, None)][:3] == [4, 5, 6]


def test_a_plan_names_its_list_by_content(tmp_path: Path) -> None:
    loaded = load_experiment(
        experiment(tmp_path, "def trials(seed):\n    yield from (a_trial(seed=seed + n) for n in range(9))\n")
    )
    digests = [plan(loaded, seed, count).digest for seed, count in ((1, None), (1, None), (2, None), (1, 8))]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_trials_are_grouped_by_the_template_that_they_need(tmp_path: Path) -> None:
    file = experiment(tmp_path, """
        def trials(seed):
            yield a_trial(seed=1)
            yield a_trial(seed=2, fault=Hang(), trigger=AtRequest(5), policy=Nothing())
            yield a_trial(seed=3, driver=Rtl8139(), policy=Nothing())
            yield a_trial(seed=4, workload=Writes(deadline_s=9))
            yield a_trial(seed=5, driver=Nbd(device="nbd1"))
    """)  # fmt: skip
    groups = list(plan(load_experiment(file), 1, None).groups.values())
    assert [group.first.seed for group in groups] == [1, 3, 5], "a workload's figures need no other template"
    names = {type(part).__name__ for part in groups[0].parts.values()}
    assert names == {"Kill", "Hang", "AtRequest", "RestartUDriver", "Nothing", "Writes"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def trials(seed) yield 1", "is not valid Python: line"),
        ("import no_such_package_here", "No module named 'no_such_package_here'"),
        ("x = {}['absent']", r"cannot be loaded: KeyError: 'absent' \(question_"),
        ("trials = 3", r"has no function trials\(seed\)"),
    ],
)
def test_a_file_that_is_no_experiment_is_a_usage_error_in_one_line(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as raised:
        load_experiment(experiment(tmp_path, body))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("yield 3", "yielded a int, not a Trial"),
        ("return iter(())", "yields no trial"),
        ("yield a_trial(trigger=None)", "a fault needs a trigger"),
        ("yield a_trial(fault=None)", "and a trigger a fault"),
        ("yield 1 / 0", r"trials\(1\) failed: ZeroDivisionError: division by zero \(question_.*:\d+\)"),
        ("return 5", r"trials\(1\) failed: TypeError"),
        ("yield a_trial(fault={1, 2})", r"trial 0: Trial\(fault={1, 2}\): of type set, not Fault or None"),
    ],
)
def test_a_list_that_is_none_is_a_usage_error_in_one_line(tmp_path: Path, body: str, says: str) -> None:
    loaded = load_experiment(experiment(tmp_path, f"def trials(seed):\n    {body}\n"))
    with pytest.raises(UsageError, match=says) as raised:
        plan(loaded, 1, None)
    assert "\n" not in str(raised.value)


def test_more_trials_than_there_are_is_a_usage_error(tmp_path: Path) -> None:
    loaded = load_experiment(experiment(tmp_path, "def trials(seed):\n    yield a_trial()\n"))
    with pytest.raises(UsageError, match="has 1 trials, not 5: ask for at most 1"):
        plan(loaded, 1, 5)


@pytest.mark.parametrize("name", ["no_such_experiment", "no-identifier", "no/such/file.py", "quickstart_nbd.txt"])
def test_what_is_not_there_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="there is no experiment"):
        load_experiment(name)
