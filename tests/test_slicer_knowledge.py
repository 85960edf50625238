"""Rows of knowledge: which one counts for a slot, and that all of them can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultkit.model.errors import HarnessError
from slicer import knowledge
from slicer.knowledge import CONTEXTS, shared_knowledge
from slicer.tree import Declared

HANDLERS = Declared("devm_take_irq", False, 0, (0, 0), ("struct device *", "irq_handler_t"))


@pytest.mark.parametrize(
    ("slot", "key"),
    [
        ("scsi_host_template.queuecommand", "scsi_host_template.queuecommand"),
        ("scsi_host_template.eh_abort_handler", "scsi_host_template.*"),
        ("request_threaded_irq(1)", "request_threaded_irq(1)"),
        ("devm_take_irq(1)", "irq_handler_t"),
        ("snd_kcontrol_new.tlv.c", "snd_kcontrol_new.tlv.*"),
    ],
)
def test_the_most_special_row_counts(slot: str, key: str) -> None:
    row = shared_knowledge().row(slot, {"devm_take_irq": HANDLERS})
    assert row is not None and row.key == key


@pytest.mark.parametrize("slot", ["console.write", "request_threaded_irq(0)", "devm_take_irq(0)", "EXPORT_SYMBOL", ""])
def test_a_slot_without_a_row_is_unknown(slot: str) -> None:
    assert shared_knowledge().row(slot, {"devm_take_irq": HANDLERS}) is None


def test_each_row_has_a_context_and_a_reason_and_each_callback_its_callers() -> None:
    found = shared_knowledge()
    assert len(found.rows) > 500
    assert {row.context for row in found.rows.values()} <= {*CONTEXTS}
    called_back = [key for key, row in found.rows.items() if row.context == "caller"]
    assert [key for key in called_back if not found.callers(key) and not key.endswith("*")] == []
    assert [slot for slot in found.through if found.row(slot, {}) is None] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[slots.one]\nfield = "sometimes: who knows"\n', r"one\.field = .* is no row: it is CONTEXT: WHY"),
        ('[slots.one]\nfield = "data"\n', r"one\.field = 'data' is no row"),
        ('[arguments]\n"f(1)" = "process:"\n', r"f\(1\) = 'process:' is no row"),
    ],
)
def test_a_row_that_says_nothing_is_refused(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setattr(knowledge, "PLACE", tmp_path)
    with pytest.raises(HarnessError, match=words):
        shared_knowledge.__wrapped__()


def test_two_rows_for_one_slot_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text('[slots.record]\nfield = "process: probe"\n')
    monkeypatch.setattr(knowledge, "PLACE", tmp_path)
    with pytest.raises(HarnessError, match=r"two\.toml: record\.field has two rows"):
        shared_knowledge.__wrapped__()
