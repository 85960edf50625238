"""A survey of all modules of some classes: each planned, one row each, and tables of what came of it.

Rows are lines of JSON in a file, the smallest modules first. A survey that was interrupted goes on where it ended.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from faultkit.model.errors import FaultkitError, UsageError
from slicer import program, report, source, values
from slicer.annotations import no_annotations
from slicer.plan import Cut, Half, Planning, measured
from slicer.report import Sliced

CLASSES = (
    "drivers/net/ethernet", "sound/pci", "drivers/usb/host", "drivers/watchdog", "drivers/block", "drivers/hid",
    "drivers/hwmon", "drivers/ata", "drivers/scsi",
)  # fmt: skip
HEADERS_BYTES = 60_000  # as much text of a driver takes as long as the headers that each file includes
LIMIT_S = 180.0  # a module that takes longer is cut off
HEADS = (
    "class", "modules", "planned", "final", "resolved", "counted", "lines", "process, data", "process, atomic",
    "process, keep-locks", "median", "quartiles",
)  # fmt: skip
MODULE_HEADS = (
    "module", "class", "functions, kernel / process", "lines, kernel / process", "process", "unknown slots",
    "unresolved", "annotations", "upcalls", "downcalls", "fields", "rows used", "seconds",
)  # fmt: skip
SurveyRow = Mapping[str, Any]


def extend_survey(file: Path, limit_s: float = LIMIT_S) -> Iterator[tuple[str, int, int]]:
    """Plan all modules that a file has no row for, and append their rows; yields each name, its number, and their sum.

    Raises: UsageError if the file holds something else.
    """
    done = {row["module"] for row in read_rows(file)}
    wanted = modules()
    for number, (name, kind) in enumerate(wanted, 1):
        if name in done:
            continue
        yield name, number, len(wanted)
        with file.open("a") as rows:
            rows.write(json.dumps(planned(name, kind, limit_s)) + "\n")


def read_rows(file: Path) -> list[SurveyRow]:
    """The rows of a file; none if it is not there. Raises: UsageError if it holds something else."""
    if not file.exists():
        return []
    try:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    except ValueError:
        raise UsageError(f"{file} is no survey: its lines are not JSON; remove it, or name another file") from None
    if not all(isinstance(row, dict) and "module" in row for row in rows):
        raise UsageError(f"{file} is no survey: a line has no module; remove it, or name another file")
    return rows


def modules() -> list[tuple[str, str]]:
    """The modules of all classes with their class, those that take the least work first."""
    found = []
    for name, (folder, _) in source.kernel_modules().items():
        place = str(folder.relative_to(source.tree()))
        kind = next((each for each in CLASSES if f"{place}/".startswith(f"{each}/")), None)
        if kind is not None:
            found.append((work_bytes(name), name, kind))
    return [(name, kind) for _, name, kind in sorted(found)]


def work_bytes(name: str) -> int:
    """The length of a module's C files, and some for the headers of each; 0 if one of them is not there."""
    try:
        return sum(unit.file.stat().st_size + HEADERS_BYTES for unit in source.find(name).units)
    except FaultkitError:
        return 0


def planned(name: str, kind: str, limit_s: float) -> SurveyRow:
    """The row of one module, planned in a process of its own that is stopped after a while."""
    forked = multiprocessing.get_context("fork")
    ours, theirs = forked.Pipe(duplex=False)
    worker = forked.Process(target=work, args=(name, theirs))
    begun = time.monotonic()
    worker.start()
    theirs.close()
    try:
        row = ours.recv() if ours.poll(limit_s) else {"failure": f"cut off after {limit_s:.0f} s"}
    except EOFError:
        row = {"failure": "the process that planned it died"}
    worker.kill()
    worker.join()
    return {"module": name, "class": kind, **row, "seconds": round(time.monotonic() - begun, 1)}


def work(name: str, answer: Connection) -> None:
    """Plan a module, and send its row or the reason why there is none."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # the parent says what an interruption means
    try:
        answer.send(row_of(name))
    except FaultkitError as reason:
        answer.send({"failure": str(reason)})
    except RecursionError:
        answer.send({"failure": "an expression is nested too deeply"})


def row_of(name: str) -> SurveyRow:
    """The figures of a module. Raises: FaultkitError."""
    found = program.read_program(name)
    followed, notes = values.follow_functions(found), no_annotations()
    planning = Planning(found, followed, notes.knowledge)
    plans = {cut: planning.plan(cut) for cut in Cut}
    sliced = Sliced(found, followed, plans[Cut.ATOMIC], notes)
    crossed = report.crossing(sliced)
    unresolved = report.unresolved(crossed)
    down = report.downcalls(sliced)
    return {
        "functions": {half.value: measured(plans[Cut.ATOMIC].of(half), "functions") for half in Half},
        "lines": {half.value: measured(plans[Cut.ATOMIC].of(half), "lines") for half in Half},
        "process_lines": {cut.value: measured(each.of(Half.PROCESS), "lines") for cut, each in plans.items()},
        "unknown_slots": sorted(plans[Cut.ATOMIC].unknown),
        "unresolved": len(unresolved),
        "annotations": len({row.why for row in unresolved}),
        "unresolved_first": [row.why for row in unresolved[:3]],
        "rows_used": len(plans[Cut.ATOMIC].used),
        "upcalls": len(crossed),
        "downcalls": len(down[0]) + len(down[1]),
        "fields": len({row for each in crossed for row in each.fields}),
    }


def counted(row: SurveyRow) -> bool:
    """True if a row counts: it is planned, no slot is unknown, and each access is resolved."""
    return "failure" not in row and not row["unknown_slots"] and not row["unresolved"]


def share(row: SurveyRow, cut: Cut = Cut.ATOMIC) -> float:
    """The share of the lines that go to the process."""
    total = sum(row["lines"].values())
    return float(row["process_lines"][cut.value] / total) if total else 0.0


def summary_json(rows: Sequence[SurveyRow]) -> dict[str, Any]:
    """The survey's figures, of all modules and of each class; shares are of rows that count, by lines."""
    return {"all": figures(rows), "classes": {kind: figures(of_class(rows, kind)) for kind in CLASSES}}


def of_class(rows: Sequence[SurveyRow], kind: str) -> list[SurveyRow]:
    """The rows of a class."""
    return [row for row in rows if row["class"] == kind]


def figures(rows: Sequence[SurveyRow]) -> dict[str, Any]:
    """The figures of some modules; shares are null if no module counts."""
    planned_rows = [row for row in rows if "failure" not in row]
    counting = [row for row in rows if counted(row)]
    lines = sum(sum(row["lines"].values()) for row in counting)
    moved = {cut.value: sum(row["process_lines"][cut.value] for row in counting) for cut in Cut}
    shares = sorted(share(row) for row in counting if sum(row["lines"].values()))
    return {
        "modules": len(rows),
        "planned": len(planned_rows),
        "no_unknown_slot": sum(not row["unknown_slots"] for row in planned_rows),
        "all_resolved": sum(not row["unresolved"] for row in planned_rows),
        "counted": len(counting),
        "lines": lines,
        "process_share": {cut: round(each / lines, 4) if lines else None for cut, each in moved.items()},
        "median_share": round(statistics.median(shares), 4) if shares else None,
        "quartiles": [round(each, 4) for each in statistics.quantiles(shares, n=4, method="inclusive")[::2]]
        if len(shares) > 1
        else None,
    }


def tables(rows: Sequence[SurveyRow]) -> Iterator[str]:
    """The survey's tables as Markdown: by class; what is not known and how often; what failed; each module."""
    yield line(HEADS)
    yield "|" + "---|" * len(HEADS)
    summary = summary_json(rows)
    for name, each in [*summary["classes"].items(), ("all", summary["all"])]:
        yield line(cells(name, each))
    yield ""
    yield from frequencies("unknown slot", (slot for row in rows for slot in row.get("unknown_slots", ())))
    yield ""
    yield from frequencies("failure", (row["failure"] for row in rows if "failure" in row))
    yield ""
    yield line(MODULE_HEADS)
    yield "|" + "---|" * len(MODULE_HEADS)
    yield from (line(module_cells(row)) for row in sorted(rows, key=lambda row: (row["class"], row["module"])))


def module_cells(row: SurveyRow) -> list[str]:
    """The cells of a module; of one that failed only its name and class."""
    if "failure" in row:
        return [row["module"], row["class"], "failed", *[""] * (len(MODULE_HEADS) - 4), str(row["seconds"])]
    sides = [f"{row[unit]['kernel']} / {row[unit]['process']}" for unit in ("functions", "lines")]
    shown = percent(share(row)) if counted(row) else ""
    numbers = [row[key] for key in ("unresolved", "annotations", "upcalls", "downcalls", "fields", "rows_used")]
    return [
        row["module"],
        row["class"],
        *sides,
        shown,
        str(len(row["unknown_slots"])),
        *map(str, numbers),
        str(row["seconds"]),
    ]


def cells(name: str, each: Mapping[str, Any]) -> list[str]:
    """The cells of a class."""
    numbers = [str(each[key]) for key in ("modules", "planned", "no_unknown_slot", "all_resolved", "counted", "lines")]
    shares = [percent(each["process_share"][cut.value]) for cut in Cut]
    quartiles = " to ".join(map(percent, each["quartiles"])) if each["quartiles"] else ""
    return [name, *numbers, *shares, percent(each["median_share"]), quartiles]


def percent(number: float | None) -> str:
    """A share as people read it."""
    return "" if number is None else f"{number:.0%}"


def frequencies(title: str, items: Iterator[str]) -> Iterator[str]:
    """The twenty most frequent of some texts, with the number of modules."""
    found = sorted(Counter(items).items(), key=lambda item: (-item[1], item[0]))
    yield line([f"{title} ({len(found)} in all)", "modules"])
    yield "|---|---|"
    yield from (line([f"`{text}`", str(count)]) for text, count in found[:20])


def line(texts: Sequence[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(texts)} |"
