"""A fuzzer of kernel logs: real and written ones, changed; each is read in linear time, and whole."""

from __future__ import annotations

import json
import random
import time
from functools import cache
from pathlib import Path

from faultkit.kernel_log import read_log
from faultkit.machine.console import kernel_events
from faultkit.model.received import Intake
from faultkit.model.texts import neutral
from faultkit.model.vocabulary import problems
from faultkit.results.signatures import excerpt, signature
from tests.fuzz.mutation import shuffled, torn

LOGS = Path(__file__).parents[1] / "logs"
LINES = 600  # at most, of a log
SECONDS_A_MB = 8.0  # on a busy host


@cache
def logs() -> list[list[str]]:
    """The lines of each log that there is."""
    return [path.read_text(errors="replace").splitlines() for path in sorted(LOGS.rglob("*.log"))]


def a_log(draw: random.Random) -> str:
    """A part of a log, changed."""
    lines, others = draw.choice(logs()), draw.choice(logs())
    at = draw.randrange(max(1, len(lines) - LINES))
    text = "\n".join(shuffled(lines[at : at + draw.randint(1, LINES)], draw, others))
    return neutral(torn(text.encode(), draw).decode(errors="replace")) if draw.random() < 0.3 else neutral(text)


def a_case(draw: random.Random) -> bytes:
    """The same, as bytes."""
    return a_log(draw).encode()


def check(case: bytes, draw: random.Random) -> None:
    """Read a log. Raises: AssertionError, and whatever should not come up."""
    log = case.decode()
    start = time.process_time()
    for stamped in (True, False):
        reports = read_log(log, stamped=stamped)
        firsts = [report.first for report in reports]
        assert firsts == sorted({*firsts})
        assert all(report.first <= report.last <= log.count("\n") for report in reports)
    took_s = time.process_time() - start
    assert took_s < 0.5 + SECONDS_A_MB * len(case) / 1e6, f"{took_s:.1f} s for {len(case)} bytes"
    for report in reports:
        assert "\n" not in signature(report.title, report.function)
        excerpt(log, report.text)
    intake = Intake()
    for event in kernel_events(log, draw.choice((0, 10**9))):
        intake.take(event, "the console")
    for event in intake.end():
        assert problems(event) == []
        json.dumps(event.data, allow_nan=False)
