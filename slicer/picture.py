"""A page with a driver's call graph: each function on its side, with its reason. One HTML file, without a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from slicer import report
from slicer.plan import Half, Placed, measured
from slicer.report import Sliced

COLUMN, ROW = 216, 17  # distances in the drawing, in pixels
BOX = 176  # width of a function's box
LETTERS = 26  # of a name that fit into a box
TOP, LEFT = 34, 12
SIDES_APART = 70  # between the process's last column and the kernel's first
SWEEPS = 4  # of putting functions beside those that call them


@dataclass(frozen=True, slots=True)
class Spot:
    """The place of a function in the drawing; `x` and `y`: of its box's left upper corner."""

    number: int
    placed: Placed
    x: int
    y: int

    @property
    def short(self) -> str:
        """The function's name, as much of it as fits."""
        name = self.placed.label
        return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


@dataclass(frozen=True, slots=True)
class DrawnCall:
    """A call in the drawing: from one box to another; `crosses` if from one side to the other."""

    caller: int
    callee: int
    crosses: bool
    curve: str  # as SVG has it


def picture_page(found: Sliced) -> str:
    """The page. Functions that a macro makes have no text that could be moved, and are left out."""
    placed = {label: each for label, each in found.plan.placed.items() if not each.function.made}
    every = {
        (edge.caller, edge.callee) for edge in (*found.values.edges, *(e for p in placed.values() for e in p.path))
    }
    edges = [(a, b) for a, b in sorted(every) if a != b and a in placed and b in placed]
    spots, borders = drawing(placed, edges)
    lines = [line(spots[a], spots[b]) for a, b in edges]
    sizes = {half.value: {m: measured(found.plan.of(half), m) for m in ("functions", "lines")} for half in Half}
    engine = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    return engine.get_template("picture.html.j2").render(
        driver=found.plan.driver,
        policy=found.plan.cut.value,
        final=found.plan.final,
        unknown=found.plan.unknown,
        sizes=sizes,
        share=found.plan.share("lines") if found.plan.final else None,
        spots=list(spots.values()),
        lines=lines,
        borders=borders,
        box=BOX,
        row=ROW,
        width=max((each.x for each in spots.values()), default=0) + BOX + LEFT,
        height=max((each.y for each in spots.values()), default=0) + 2 * ROW,
        facts=[facts(found, each) for each in spots.values()],
    )


def facts(found: Sliced, spot: Spot) -> dict[str, Any]:
    """The words about a function, for the page's panel."""
    placed = spot.placed
    return {
        "name": placed.label,
        "place": f"{placed.function.file}:{placed.function.line}",
        "lines": placed.function.lines,
        "half": placed.half.value,
        "reason": report.reason(placed),
        "path": [*report.explain_lines(found.plan, placed.label)][1:],
    }


def drawing(
    placed: Mapping[str, Placed], edges: Iterable[tuple[str, str]]
) -> tuple[dict[str, Spot], list[tuple[str, int]]]:
    """The spots of all functions, and where each side begins, with its name."""
    edges = list(edges)
    spots: dict[str, Spot] = {}
    borders = []
    x = LEFT
    for half in (Half.PROCESS, Half.KERNEL):
        names = [label for label, each in placed.items() if each.half is half]
        inner = [(a, b) for a, b in edges if a in names and b in names]
        borders.append((half.value, x))
        for column in ordered(layers(names, inner), inner):
            for n, label in enumerate(column):
                spots[label] = Spot(len(spots), placed[label], x, TOP + n * ROW)
            x += COLUMN
        x += SIDES_APART
    return spots, borders


def layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Functions by their distance from those that nobody on their side calls; a circle of calls begins anywhere."""
    callees: defaultdict[str, list[str]] = defaultdict(list)
    for caller, callee in edges:
        callees[caller].append(callee)
    called = {callee for _, callee in edges}
    depth: dict[str, int] = {}
    for starts in ([name for name in names if name not in called], *([name] for name in names)):
        pending = [name for name in starts if name not in depth]
        depth |= dict.fromkeys(pending, 0)
        for name in pending:
            for callee in callees[name]:
                if callee not in depth:
                    depth[callee] = depth[name] + 1
                    pending.append(callee)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for name in names:
        found[depth[name]].append(name)
    return [found[n] for n in sorted(found)]


def ordered(columns: list[list[str]], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The columns, each function near the middle of those that it calls or that call it."""
    near: defaultdict[str, list[str]] = defaultdict(list)
    for caller, callee in edges:
        near[caller].append(callee)
        near[callee].append(caller)
    place = {name: n / max(1, len(column)) for column in columns for n, name in enumerate(column)}
    for _ in range(SWEEPS):
        for number, column in enumerate(columns):
            middle = {n: sum(place[o] for o in near[n]) / len(near[n]) if near[n] else place[n] for n in column}
            columns[number] = sorted(column, key=lambda name: (middle[name], name))
            place |= {name: n / max(1, len(column)) for n, name in enumerate(columns[number])}
    return columns


def line(caller: Spot, callee: Spot) -> DrawnCall:
    """A call as a curve, from the right edge of one box to the left edge of another, or back."""
    forward = callee.x > caller.x
    start, end = (caller.x + BOX, callee.x) if forward else (caller.x, callee.x + BOX)
    if caller.x == callee.x:
        start = end = caller.x + BOX
    bend = 24 if forward or caller.x == callee.x else -24
    y1, y2 = caller.y + ROW // 2, callee.y + ROW // 2
    last = end + bend if caller.x == callee.x else end - bend
    curve = f"M{start} {y1} C{start + bend} {y1} {last} {y2} {end} {y2}"
    return DrawnCall(caller.number, callee.number, caller.placed.half is not callee.placed.half, curve)
