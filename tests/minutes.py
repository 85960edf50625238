"""The suite's minutes per part, printed at its end: guests by their driver, host tests by their file."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from tests.schedule import part_of

SHORT_S = 60  # of less than this no table is printed
ROW_S = 10  # parts that take less are one row


@dataclass(slots=True)
class Part:
    """A part's tests, and the seconds that they and their fixtures took."""

    tests: set[str] = field(default_factory=set)
    seconds: float = 0.0


def table(parts: Mapping[str, Part], wall_s: float) -> list[str]:
    """A line per part, the longest first; the parts of a few seconds together; the sum, and the time that passed."""
    long = {name: part for name, part in parts.items() if part.seconds >= ROW_S}
    others = [part for name, part in parts.items() if name not in long]
    rows = sorted(long.items(), key=lambda row: -row[1].seconds)
    if others:
        rows.append((f"{len(others)} others", merged(others)))
    rows.append(("all", merged(parts.values())))
    lines = [f"{name:<32} {len(part.tests):>6} {part.seconds / 60:>7.1f}" for name, part in rows]
    return [
        f"{'part':<32} {'tests':>6} {'minutes':>7}",
        *lines,
        f"{'passed on the clock':<32} {'':>6} {wall_s / 60:>7.1f}",
    ]


def merged(parts: Iterable[Part]) -> Part:
    """Several parts as one."""
    together = Part()
    for part in parts:
        together.tests |= part.tests
        together.seconds += part.seconds
    return together


class Minutes:
    """The hooks. A worker notes each report's part; the process that prints adds them up."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = defaultdict(Part)
        self.start = time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        kind = "guest: " if item.get_closest_marker("guest") else "host: "
        report.part = kind + part_of(item).removeprefix("test_")  # type: ignore[attr-defined]  # travels with the report
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        part = self.parts[getattr(report, "part", "unknown")]
        part.tests.add(report.nodeid)
        part.seconds += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if sum(part.seconds for part in self.parts.values()) >= SHORT_S:
            terminalreporter.section("minutes per part")
            for line in table(self.parts, time.monotonic() - self.start):
                terminalreporter.write_line(line)
