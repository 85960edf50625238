"""The C of the repository passes the kernel's own style check, but for declared exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultkit.model.errors import HarnessError, UnmetNeed
from tests import checkpatch
from tests.checkpatch import Allowed, Finding

MISTAKE = """// SPDX-License-Identifier: GPL-2.0
int answer(void)
{
	if(1)
		return 42;
	return 0;
}
"""
SPACING = Finding("one.c", 4, "SPACING", "space required before the open parenthesis '('")


@pytest.fixture(scope="module")
def script() -> Path:
    try:
        return checkpatch.script()
    except UnmetNeed as need:
        pytest.skip(str(need))


def test_a_mistake_is_found_at_its_line(script: Path, tmp_path: Path) -> None:
    file = tmp_path / "one.c"
    file.write_text(MISTAKE)
    assert checkpatch.findings(script, [file], tmp_path) == [SPACING]
    file.write_text(MISTAKE.replace("if(", "if ("))
    assert checkpatch.findings(script, [file], tmp_path) == []


def test_a_script_that_does_not_run_is_no_clean_bill(tmp_path: Path) -> None:
    (tmp_path / "one.c").touch()
    with pytest.raises(HarnessError, match="fails"):
        checkpatch.findings(tmp_path / "none.pl", [tmp_path / "one.c"], tmp_path)


def test_what_is_no_finding_is_not_passed_over() -> None:
    with pytest.raises(HarnessError, match="no finding"):
        checkpatch.parsed("perl: something else")


def test_an_exception_covers_its_type_in_its_files_only() -> None:
    assert checkpatch.complaints([SPACING], [Allowed("SPACING", "one.*", "")]) == []
    assert checkpatch.complaints([SPACING], []) == [str(SPACING)]
    assert len(checkpatch.complaints([SPACING], [Allowed("SPACING", "two.c", "")])) == 2
    assert len(checkpatch.complaints([SPACING], [Allowed("VOLATILE", "one.c", "")])) == 2


def test_an_exception_that_nothing_needs_is_reported() -> None:
    assert checkpatch.complaints([], [Allowed("SPACING", "one.c", "")]) == [
        "one.c: no SPACING is found there any more: drop the exception"
    ]


def test_all_c_of_the_repository_is_checked() -> None:
    names = {path.name for path in checkpatch.sources()}
    assert {"mdrv_core.c", "mdu.h", "edu_k.c", "crossings.bpf.c", "st_k.c"} <= names
