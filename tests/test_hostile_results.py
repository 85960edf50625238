"""Results of an enemy: each command that reads them ends in time, in bounded memory, with neutral text or one line."""

from __future__ import annotations

import json
import random
import resource
import shutil
import sqlite3
import time
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import faultkit
from faultkit import figures
from faultkit.cli import cli
from faultkit.figures.looks import without_tags
from faultkit.model.texts import ODD, neutral
from faultkit.results.analysis import export
from faultkit.store.columns import COLUMNS
from faultkit.store.database import FILE
from tests.hostile import ATTACKS, COMMANDS, ORDER, hostile, ran, refuse_unless_sound, sound

MEMORY_BYTES = 700 << 20
SECONDS = 30


@pytest.mark.parametrize("name", ATTACKS)
def test_every_command_ends_with_neutral_text_or_one_line(name: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    directory = hostile(tmp_path / "run", name)
    for command in COMMANDS:
        refuse_unless_sound(ran(command, directory))
    done = CliRunner().invoke(cli, ["diff", str(directory), "1", "2"], standalone_mode=False)
    refuse_unless_sound(done)
    assert time.monotonic() - start < SECONDS
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < MEMORY_BYTES


@pytest.mark.parametrize("name", [name for name in ATTACKS if "order" in name or "half" in name])
def test_the_dashboard_of_such_results_is_made(name: str, tmp_path: Path) -> None:
    directory = hostile(tmp_path / "run", name)
    done = CliRunner().invoke(cli, ["report", str(directory), "-o", str(tmp_path / "r.html")], standalone_mode=False)
    refuse_unless_sound(done)
    assert done.exception is None
    assert "<a href='https://example.org'" not in (tmp_path / "r.html").read_text(errors="replace")


def test_a_sound_file_is_read_by_all_of_them(tmp_path: Path) -> None:
    directory = sound(tmp_path / "run")
    assert [command for command in COMMANDS if ran(command, directory).exception is not None] == []


def test_an_outcome_that_is_not_known_is_a_void_trial_that_says_so(tmp_path: Path) -> None:
    directory = hostile(tmp_path / "run", "an outcome that is not known")
    counts = json.loads(ran(["show", "--json"], directory).output)["accounting"]
    assert counts["void"] == 1
    assert "outcome is 'EXPLODED'" in " ".join(ran(["show", "2"], directory).output.split())
    assert "is damaged at trial 2: the stored row cannot be read: outcome is 'EXPLODED'" in str(
        ran(["judge"], directory).exception
    )


def test_square_brackets_are_no_markup(tmp_path: Path) -> None:
    directory = hostile(tmp_path / "run", "an order as the injector")
    assert "[/dev/nbd0][red]" in ran(["show", "2"], directory).output


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "text", "")


def test_a_spreadsheet_takes_no_text_for_a_formula(tmp_path: Path) -> None:
    directory = sound(tmp_path / "run")
    with closing(sqlite3.connect(directory / FILE)) as db:
        for n, text in enumerate(FORMULAS):
            db.execute("UPDATE trials SET function = ? WHERE n = ?", (text, n))
        db.commit()
    export(directory, "csv", tmp_path / "t.csv")
    found = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, quotechar='"')["function"].to_list()
    assert found[:4] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)"]
    assert found[6:8] == ["text", ""]
    assert not [text for text in found if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert (pd.read_csv(tmp_path / "t.csv")["trial"] >= 0).all(), "numbers stay numbers"


def test_names_are_no_links_in_charts(tmp_path: Path) -> None:
    directory = sound(tmp_path / "run")
    with closing(sqlite3.connect(directory / FILE)) as db:
        for name in ("injector", "policy", "function", "target", "fault_type", "crash_function", "driver"):
            db.execute(f"UPDATE trials SET {name} = ?", ("<a href='https://example.org'>x</a><br>",))  # noqa: S608
        db.commit()
    results = faultkit.load(directory)
    charts = [figures.heat(results.trials, rows="function"), figures.crashes(results.trials),
              figures.outcome_shares(results.trials), figures.survived_shares(results.trials),
              figures.detection(results.trials), figures.funnel(results.trials)]  # fmt: skip
    drawn = "".join(chart.to_json() for chart in charts)
    assert "&lt;a href" in drawn and "<a href" not in drawn and "\\u003ca href" not in drawn
    assert without_tags({"x": pd.Series(["<b>"]), "y": pd.Series([1.5])})["x"] == ["&lt;b>"]


@given(st.text(), st.text())
def test_neutral_texts_stay_and_others_become_neutral(text: str, other: str) -> None:
    assert not ODD.search(neutral(text + ORDER + other))
    assert neutral(neutral(text)) == neutral(text)
    assert neutral("line\n\ttab é 字") == "line\n\ttab é 字"
    neutral("\ud800" + text).encode()


VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=30) | st.binary(max_size=60)
EVENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["error.detected", "recovery.step", "request.completed", "fault.injected", "kernel.oops", "by"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
NAMES = st.sampled_from([column.name for column in COLUMNS if column.name != "n"])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound results, to be spoilt."""
    return sound(tmp_path_factory.mktemp("fuzz") / "run")


def spoilt(template: Path, changes: list[tuple[str, Any]], events: Any) -> Path:
    """A copy with other values, and with these events in a trial."""
    copy = Path(shutil.copytree(template, template.with_name("copy"), dirs_exist_ok=True))
    with closing(sqlite3.connect(copy / FILE)) as db:
        packed = zlib.compress(json.dumps(events).encode())
        db.execute("UPDATE trials SET events = ? WHERE n = 3", (packed,))
        for n, (name, value) in enumerate(changes):
            try:
                db.execute(f"UPDATE trials SET {name} = ? WHERE n = ?", (value, n % 4))  # noqa: S608
            except (sqlite3.IntegrityError, UnicodeEncodeError):
                continue
        db.commit()
    return copy


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, VALUES), max_size=3), st.lists(st.lists(EVENTS, max_size=5), max_size=4))
def test_whatever_a_file_holds_its_readers_end_well(
    template: Path, changes: list[tuple[str, Any]], events: list[Any]
) -> None:
    directory = spoilt(template, changes, events)
    for command in (["show"], ["show", "3"], ["show", "--json"], ["show", "--phases"], ["compare", "{}"], ["judge"]):
        refuse_unless_sound(ran(command, directory))


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_a_file_with_bytes_changed_is_read_or_refused(template: Path, seed: int) -> None:
    rng = random.Random(seed)
    copy = Path(shutil.copytree(template, template.with_name("torn"), dirs_exist_ok=True))
    data = bytearray((copy / FILE).read_bytes())
    for _ in range(rng.randint(1, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    (copy / FILE).write_bytes(data)
    for command in (["show"], ["show", "3"]):
        refuse_unless_sound(ran(command, copy))
