"""Surveys: rows, figures and tables; a survey that was interrupted, and one whose file is something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from faultkit.model.errors import UsageError
from slicer import survey


def a_row(name: str, **changes: Any) -> dict[str, Any]:
    """A row that counts: 60 of 100 lines go to the process."""
    return {
        "module": name,
        "class": "drivers/hid",
        "functions": {"kernel": 2, "process": 3},
        "lines": {"kernel": 40, "process": 60},
        "process_lines": {"data": 80, "atomic": 60, "keep-locks": 20},
        "unknown_slots": [],
        "unresolved": 0,
        "annotations": 0,
        "upcalls": 4,
        "downcalls": 7,
        "fields": 9,
        "rows_used": 5,
        "seconds": 1.5,
        **changes,
    }


ROWS = [
    a_row("one"),
    a_row("two", lines={"kernel": 0, "process": 300}, process_lines={"data": 300, "atomic": 300, "keep-locks": 300}),
    a_row("unknown", unknown_slots=["console.write"]),
    a_row("unresolved", unresolved=2),
    {"module": "failed", "class": "drivers/hid", "failure": "it does not compile", "seconds": 2.0},
]


def test_only_rows_with_nothing_unknown_count() -> None:
    figures = survey.figures(ROWS)
    assert [figures[key] for key in ("modules", "planned", "no_unknown_slot", "all_resolved")] == [5, 4, 3, 3]
    assert (figures["counted"], figures["lines"]) == (2, 400)
    assert figures["process_share"] == {"data": 0.95, "atomic": 0.9, "keep-locks": 0.8}
    assert figures["median_share"] == 0.8


def test_a_class_of_which_nothing_counts_has_no_share() -> None:
    figures = survey.figures(ROWS[2:])
    assert (figures["counted"], figures["process_share"]["atomic"], figures["median_share"]) == (0, None, None)


def test_tables_name_what_is_unknown_and_what_failed() -> None:
    said = list(survey.tables(ROWS))
    assert "| drivers/hid | 5 | 4 | 3 | 3 | 2 | 400 | 95% | 90% | 80% | 80% | 70% to 90% |" in said
    assert "| one | drivers/hid | 2 / 3 | 40 / 60 | 60% | 0 | 0 | 0 | 4 | 7 | 9 | 5 | 1.5 |" in said
    assert "| unknown | drivers/hid | 2 / 3 | 40 / 60 |  | 1 | 0 | 0 | 4 | 7 | 9 | 5 | 1.5 |" in said
    assert "| failed | drivers/hid | failed |  |  |  |  |  |  |  |  |  | 2.0 |" in said
    assert "| `console.write` | 1 |" in said and "| `it does not compile` | 1 |" in said


def test_a_survey_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "modules", lambda: [(name, "drivers/hid") for name in ("one", "two", "three")])
    monkeypatch.setattr(survey, "row_of", lambda name: {"functions": len(name)})
    file = tmp_path / "rows.jsonl"
    begun = survey.extend_survey(file)
    assert [next(begun), next(begun)] == [("one", 1, 3), ("two", 2, 3)]
    begun.close()
    assert [row["module"] for row in survey.read_rows(file)] == ["one"]
    assert list(survey.extend_survey(file)) == [("two", 2, 3), ("three", 3, 3)]
    assert [(row["module"], row["functions"]) for row in survey.read_rows(file)] == [
        ("one", 3),
        ("two", 3),
        ("three", 5),
    ]
    assert list(survey.extend_survey(file)) == []


def test_a_module_that_takes_too_long_or_fails_has_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(name: str) -> None:
        while name:
            pass

    monkeypatch.setattr(survey, "row_of", wait)
    assert survey.planned("slow", "drivers/hid", 0.1)["failure"] == "cut off after 0 s"

    def fail(name: str) -> None:
        raise UsageError(f"{name} does not compile")

    monkeypatch.setattr(survey, "row_of", fail)
    assert survey.planned("bad", "drivers/hid", 10.0)["failure"] == "bad does not compile"


@pytest.mark.parametrize("text", ["no json\n", json.dumps({"name": "mine"}) + "\n", "3\n"])
def test_a_file_that_is_no_survey_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"rows\.jsonl is no survey: .*; remove it, or name another file"):
        survey.read_rows(file)
    assert file.read_text() == text
