"""The documents say what the code says."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from faultkit.model.events import Ending, Outcome
from faultkit.running import catalogue
from faultkit.verdict.judge import Verdict

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
REPORTED = re.compile(r'(?:report|Event)\([^"\n]*"[a-z]+", "([a-z_]+\.[a-z_]+)"')
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def table(kind: str) -> str:
    """A kind of parts as the README lists it; `python -m tests.test_readme` prints all of them."""
    rows = (f"| `{item.name}` | {item.summary} |\n" for item in catalogue.items(kind))
    return f"| {kind} | |\n|---|---|\n{''.join(rows)}"


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_the_readme_lists_what_there_is(kind: str) -> None:
    assert table(kind) in README


def test_the_glossary_names_every_event_that_is_reported() -> None:
    parts = ("faultkit", "injectors", "monitors", "drivers")
    files = chain.from_iterable((ROOT / part).rglob("*.py") for part in parts)
    kinds = {kind for file in files for kind in REPORTED.findall(file.read_text())}
    assert len(kinds) > 20
    assert sorted(kind for kind in kinds if f"`{kind}`" not in GLOSSARY) == []


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


if __name__ == "__main__":
    print("\n".join(map(table, catalogue.KINDS)))
