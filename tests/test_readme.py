"""The documents say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faultkit.cli import pages
from faultkit.model.events import Ending, Kind, Outcome
from faultkit.running import catalogue
from faultkit.verdict.judge import Verdict

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


MADE = pages.made(ROOT)
INJECTORS = sorted(catalogue.classes("injectors"), key=lambda cls: cls.__name__)


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_every_table_made_from_code_is_up_to_date(path: Path) -> None:
    assert path.read_text() == MADE[path], "make docs"


def test_every_table_made_from_code_stands_in_a_page() -> None:
    marked = {name for path in MADE for _, name, _ in pages.MARKED.findall(path.read_text())}
    assert marked == set(pages.TABLES)


def test_a_table_that_was_changed_by_hand_is_made_anew() -> None:
    page = "before\n<!-- made by make docs: triggers -->\nby hand\n<!-- end -->\nafter\n"
    filled = pages.filled(page)
    assert "by hand" not in filled
    assert "| `at_once` | Before the workload's first request |" in filled
    assert filled.startswith("before\n<!--") and filled.endswith("-->\nafter\n")


def test_a_mark_with_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        pages.filled("<!-- made by make docs: no-such-table -->\n<!-- end -->")


@pytest.mark.parametrize("cls", INJECTORS, ids=lambda cls: cls.__name__)
def test_an_injector_tells_its_witness_its_data_and_its_undo(cls: type) -> None:
    assert list(catalogue.sections(cls)) == ["Activation", "Data", "Undo"]
    assert all(catalogue.sections(cls).values())


def test_every_injector_stands_in_the_table_of_a_side() -> None:
    assert sorted((cls for side in pages.SIDES for cls in pages.of_side(side)), key=lambda c: c.__name__) == INJECTORS


@pytest.mark.parametrize("kind", Kind)
def test_the_glossary_names_every_kind_of_event(kind: Kind) -> None:
    assert f"`{kind}`" in GLOSSARY


@pytest.mark.parametrize("outcome", Outcome)
def test_the_glossary_names_every_outcome(outcome: Outcome) -> None:
    assert f"| `{outcome.name}` |" in GLOSSARY


@pytest.mark.parametrize("ending", Ending)
def test_the_glossary_names_every_ending(ending: Ending) -> None:
    assert f"| `{ending.value}` |" in GLOSSARY


@pytest.mark.parametrize("name", [name for name in Verdict.__dataclass_fields__ if name != "outcome"])
def test_the_glossary_names_every_flag_and_interval(name: str) -> None:
    assert f"`{name}`" in GLOSSARY


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
