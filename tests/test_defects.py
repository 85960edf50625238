"""The table of seeded defects fits the code: each has its place, and tests that should find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.defects.known import Defect, defects

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("defect", [*defects()], ids=lambda defect: defect.name)
def test_a_defect_can_be_seeded_once_and_somebody_looks_for_it(defect: Defect) -> None:
    assert (ROOT / defect.file).read_text().count(defect.right) == 1
    assert defect.right != defect.wrong
    assert defect.tests and all((ROOT / test).exists() for test in defect.tests)
