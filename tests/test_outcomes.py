"""One table says all there is to say of an outcome, and no other file lists them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import faultkit
from faultkit.figures.looks import PALETTE
from faultkit.model.events import Outcome
from faultkit.report.theme import DARK, rule
from faultkit.verdict.outcomes import DOWN, ENTRIES, FAILED, FINAL, SURVIVED

HOME = Path(faultkit.__file__).parents[1]
PACKAGES = ("faultkit", "injectors", "microdriver", "monitors", "drivers", "experiments", "benchmarks")
NAMES = frozenset(Outcome.__members__)
LISTED = 3  # names of outcomes in one literal make a list of them
DECLARED = {
    "faultkit/model/events.py",  # the outcomes themselves
    "faultkit/verdict/outcomes.py",  # the table
    "faultkit/verdict/judge.py",  # a check for each
}
QUOTED = re.compile(rf"['\"]({'|'.join(NAMES)})['\"]")
WORD = re.compile(rf"\b({'|'.join(NAMES)})\b")


def lists(path: Path) -> Iterator[set[str]]:
    """The sets of outcomes that a Python file names in one literal or in one text, such as a query."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)):
            parts = [*(node.keys if isinstance(node, ast.Dict) else node.elts)]
            parts += node.values if isinstance(node, ast.Dict) else []
            yield {name for part in parts if part is not None for name in named(part)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield set(QUOTED.findall(node.value))


def named(node: ast.expr) -> Iterator[str]:
    """The outcome that an expression is: `Outcome.LOST`, `Outcome.LOST.name` or a text."""
    if isinstance(node, ast.Constant) and node.value in NAMES:
        yield str(node.value)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and inner.attr in NAMES and ast.unparse(inner.value) == "Outcome":
            yield inner.attr


def test_no_other_file_lists_the_outcomes() -> None:
    python = {
        str(path.relative_to(HOME))
        for package in PACKAGES
        for path in (HOME / package).rglob("*.py")
        if max(map(len, lists(path)), default=0) >= LISTED
    }
    assert python <= DECLARED
    assert "faultkit/verdict/outcomes.py" in python, "the test sees a list where there is one"


def test_no_page_lists_the_outcomes() -> None:
    pages = [path for path in (HOME / "faultkit").rglob("*") if path.suffix in {".js", ".css", ".html", ".j2"}]
    assert len(pages) > 8
    assert [path.name for path in pages if len(set(WORD.findall(path.read_text()))) >= LISTED] == []


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_has_a_meaning_and_looks_of_its_own(outcome: Outcome) -> None:
    entry = ENTRIES[outcome]
    assert entry.meaning and entry.style
    assert (PALETTE[outcome.name.lower()], DARK[outcome.name.lower()]) == (entry.colour, entry.dark)
    assert f"var(--{outcome.name.lower()})" in rule(outcome) and entry.pattern.css in rule(outcome)
    looks = [(each.colour, each.pattern) for each in ENTRIES.values()]
    assert looks.count((entry.colour, entry.pattern)) == 1
    assert entry.narrow.replace("-\n", "") in ("", outcome.name)


def test_consequences_of_an_outcome_agree_with_its_severity() -> None:
    assert [*ENTRIES] == [*Outcome], "mildest first"
    assert SURVIVED == (Outcome.MASKED, Outcome.RECOVERED)
    assert DOWN == (Outcome.LOST, Outcome.HUNG, Outcome.CRASHED)
    assert FINAL == (Outcome.LOST, Outcome.CRASHED)
    assert set(FINAL) < set(DOWN) < set(FAILED) and not set(FAILED) & set(SURVIVED)
    assert Outcome.INACTIVE not in SURVIVED, "it is no evidence"
