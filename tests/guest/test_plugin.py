"""The pytest plugin on a real guest: docs/pytest.md as it stands, passing, failing, kept, and with two workers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faultkit.machine.image import Image
from tests.plugin import OPTIONS

pytestmark = pytest.mark.guest

DOCUMENT = Path(__file__).parents[2] / "docs" / "pytest.md"
EXAMPLE = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)[0]
WHERE = re.compile(
    r"assert False\nE +\+ +where False = <trial 0: kill, at_request on nbd under nothing: \w+>\.survived"
)
UNRECOVERED = """

def test_survives_without_recovery(faultkit_guest):
    trial = faultkit_guest.run(fault=Kill(), trigger=AtRequest(40), policy=Nothing())
    assert trial.events("udriver.died")
    assert trial.survived
"""


def test_the_documents_ten_lines_hold_and_a_failure_tells_its_story(image: Image, tmp_path: Path) -> None:
    del image  # only to skip where guests cannot run
    (tmp_path / "test_nbd.py").write_text(
        EXAMPLE.replace("import AtRequest,", "import AtRequest, Nothing,") + UNRECOVERED
    )
    command = ["pytest", *OPTIONS, "-n", "2", "--faultkit-keep", "kept"]
    done = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    told = done.stdout
    assert "1 failed, 1 passed" in told, told + done.stderr
    assert WHERE.search(told), told
    assert "fault.injected" in told
    out = re.search(r"faultkit show (\S+) 0 --all", told)
    assert out, told
    assert (
        json.loads(shown(tmp_path, "show", out[1], "0", "--json"))["plan"]["fault"]["is"]
        == "injectors.udriver.kill:Kill"
    )
    assert json.loads(shown(tmp_path, "replay", out[1], "0", "--json")) == {
        "outcome_agrees": 1, "events_agree": 1, "runs": 1, "differing": [],
    }  # fmt: skip


def shown(place: Path, *arguments: str) -> str:
    """The output of `faultkit ARGUMENTS`; a failed test shows its errors."""
    main = [sys.executable, "-m", "faultkit.cli", *arguments]
    done = subprocess.run(main, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
