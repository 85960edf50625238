"""Plans and reports as people read them, and as programs do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from faultkit.model.errors import UsageError
from slicer import program, source, values
from slicer.annotations import Annotations, annotations_of, check_names
from slicer.fields import Crossing, Unresolved, crossing_fields
from slicer.plan import Cut, Half, Placed, Planning, SplitPlan, measured
from slicer.program import DriverProgram
from slicer.values import Values

ADD = "add a row for each to slicer/knowledge, if you know when the kernel calls it"


@dataclass(frozen=True, slots=True)
class Sliced:
    """A driver with its plan under one policy."""

    program: DriverProgram
    values: Values
    plan: SplitPlan
    annotations: Annotations


def sliced(driver: str, cut: Cut, module: str | None = None) -> Sliced:
    """A driver, planned. Raises: UsageError if there is none, or it does not compile."""
    found = program.read_program(driver, module)
    notes = annotations_of(source.find(driver, module))
    check_names(notes, found)
    followed = values.follow_functions(found)
    return Sliced(found, followed, Planning(found, followed, notes.knowledge, notes.kernel).plan(cut), notes)


def plan_json(plan: SplitPlan) -> dict[str, Any]:
    """A plan for programs; shares are null while a slot is unknown."""
    return {
        "driver": plan.driver,
        "policy": plan.cut.value,
        "final": plan.final,
        **{
            measure: {half.value: measured(plan.of(half), measure) for half in Half}
            for measure in ("functions", "lines")
        },
        "process_share": {m: round(plan.share(m), 4) for m in ("functions", "lines")} if plan.final else None,
        "unknown_slots": [{"slot": slot, "functions": list(names)} for slot, names in plan.unknown.items()],
        "rows_used": [row.key for row in plan.used],
        "placed": [placed_json(each) for half in Half for each in plan.of(half)],
    }


def placed_json(placed: Placed) -> dict[str, Any]:
    """A function with its side and reason for programs."""
    root = placed.root
    return {
        "function": placed.label,
        "file": placed.function.file,
        "line": placed.function.line,
        "lines": placed.function.lines,
        "half": placed.half.value,
        "slot": root.slot if root else None,
        "context": root.context if root else None,
        "path": [root.function, *(edge.callee for edge in placed.path)] if root else [],
    }


def plan_lines(plan: SplitPlan) -> Iterator[str]:
    """A plan for people: counts, unknown slots, and each function with its reason in a line."""
    yield f"{plan.driver}, policy {plan.cut}: {sizes_text(plan)}"
    yield from unknown_lines(plan)
    for half in Half:
        found = plan.of(half)
        if found:
            yield ""
            yield f"{half}:"
            width = max(len(each.label) for each in found)
            yield from (f"  {each.label:{width}}  {reason(each)}" for each in found)


def sizes_text(plan: SplitPlan) -> str:
    """The sizes of both halves; shares of the process only if the plan is final."""
    parts = []
    for half in (Half.PROCESS, Half.KERNEL):
        words = f"{measured(plan.of(half), 'functions')} functions, {measured(plan.of(half), 'lines')} lines"
        if half is Half.PROCESS and plan.final:
            words += f" ({plan.share('functions'):.0%} and {plan.share('lines'):.0%})"
        parts.append(f"{half} {words}")
    return "; ".join(parts)


def unknown_lines(plan: SplitPlan) -> Iterator[str]:
    """The unknown slots, and what to do about them."""
    if plan.unknown:
        yield f"not final: {len(plan.unknown)} unknown slots keep their functions in the kernel; {ADD}:"
        yield from (f"  {slot}: {', '.join(names)}" for slot, names in plan.unknown.items())


def reason(placed: Placed) -> str:
    """The reason for a function's side in a line."""
    if placed.root is None:
        return "nobody is known to call it"
    if not placed.path:
        return f"{placed.root.slot}: {placed.root.context}, {placed.root.why}"
    callers = [placed.root.function, *(edge.callee for edge in placed.path[:-1])]
    return f"called by {' < '.join(reversed(callers))} ({placed.root.slot}: {placed.root.context})"


def explain_json(plan: SplitPlan, name: str) -> dict[str, Any]:
    """A function's path for programs. Raises: UsageError for an unknown name."""
    placed = named(plan, name)
    calls = [
        {"caller": e.caller, "callee": e.callee, "through": e.through or None, "line": e.line or None}
        for e in placed.path
    ]
    why = placed.root.why if placed.root else None
    return {"policy": plan.cut.value, **placed_json(placed), "why": why, "calls": calls}


def explain_lines(plan: SplitPlan, name: str) -> Iterator[str]:
    """A function's path for people: the root, then each call. Raises: UsageError for an unknown name."""
    placed = named(plan, name)
    side = "stays in the kernel" if placed.half is Half.KERNEL else "goes to the process"
    yield f"{placed.label} ({placed.function.file}:{placed.function.line}) {side}, policy {plan.cut}"
    if placed.root is None:
        yield "  nobody is known to call it: no slot holds it, and no function that is reached calls it"
        return
    if placed.function.made:
        yield "  a macro makes it: it has no text that could be moved"
    yield f"  {placed.root.function} is in the slot {placed.root.slot}"
    yield f"  {placed.root.slot} is {placed.root.context}: {placed.root.why}"
    for edge in placed.path:
        where = f" at line {edge.line}" if edge.line else ""
        how = f" through {edge.through}" if edge.through else ""
        yield f"  {edge.caller} calls {edge.callee}{how}{where}"


def named(plan: SplitPlan, name: str) -> Placed:
    """A function of the driver's own. Raises: UsageError with near names."""
    if name in plan.placed:
        return plan.placed[name]
    near = ", ".join(get_close_matches(name, plan.placed, 4)) or "none is near"
    raise UsageError(f"{plan.driver} has no function {name!r} of its own; near names: {near}")


def report_json(found: Sliced) -> dict[str, Any]:
    """A report for programs: sizes, calls between the halves, fields, knowledge, and what is not known."""
    down, crossed = downcalls(found), crossing(found)
    return {
        **{key: value for key, value in plan_json(found.plan).items() if key != "placed"},
        "annotations": found.annotations.rows,
        "upcalls": [crossing_json(each) for each in crossed],
        "downcalls": {"kernel_functions": down[0], "driver_functions": down[1]},
        "fields": len({row for each in crossed for row in each.fields}),
        "unresolved": [unresolved_json(each) for each in unresolved(crossed)],
    }


def crossing(found: Sliced) -> list[Crossing]:
    """The fields that cross with each upcall."""
    moved = [each.label for each in found.plan.of(Half.PROCESS)]
    return crossing_fields(found.program, found.values, found.annotations.knowledge.memory, moved, upcalls(found))


def crossing_json(each: Crossing) -> dict[str, Any]:
    """An upcall with its fields for programs: record, path, and modes: r, w or both."""
    rows = [{"record": record, "path": path, "modes": modes} for (record, path), modes in each.fields.items()]
    return {"function": each.upcall, "fields": rows, "unresolved": len(each.unresolved)}


def unresolved(crossed: Iterable[Crossing]) -> list[Unresolved]:
    """The accesses of all upcalls that cannot be put down to a field, each once."""
    return sorted({row for each in crossed for row in each.unresolved})


def unresolved_json(each: Unresolved) -> dict[str, Any]:
    """An unresolved access for programs."""
    return {"why": each.why, "function": each.function, "line": each.line}


def upcalls(found: Sliced) -> list[str]:
    """The functions of the process that others than the driver's functions there may call.

    These are the kernel, also within a call of the process's own, as `sort()` does; the kernel's half; and functions of
    headers that are given a function, as `kref_put()` is: those that only the kernel can run call back.
    """
    moved = {each.label for each in found.plan.of(Half.PROCESS)}
    rows = found.annotations.knowledge
    held = {
        name
        for name, slots in found.values.slots.items()
        if any((row := rows.row(slot, found.program.declared)) and row.context == "caller" for slot in slots)
    }
    roots = held | {root.function for root in found.plan.roots}
    called = {edge.callee for edge in found.values.edges if edge.caller not in moved}
    return sorted(moved & (roots | called))


def downcalls(found: Sliced) -> tuple[list[str], list[str]]:
    """The kernel's functions that the process calls, also by functions of headers; and the driver's that stayed."""
    moved = {each.label for each in found.plan.of(Half.PROCESS)}
    reached, stayed = set[str](), set[str]()
    pending = sorted(moved)
    calls: dict[str, set[str]] = {}
    for edge in found.values.edges:
        calls.setdefault(edge.caller, set()).add(edge.callee)
    seen = set(pending)
    while pending:
        name = pending.pop()
        reached |= {each for each in found.values.outside.get(name, ()) if each in found.program.declared}
        for callee in calls.get(name, ()):
            if callee in found.plan.placed:
                stayed |= {callee} - moved
            elif callee not in seen:
                seen.add(callee)
                pending.append(callee)
    return sorted(reached), sorted(stayed)


def report_lines(found: Sliced) -> Iterator[str]:
    """A report for people."""
    data = report_json(found)
    yield f"{data['driver']}, policy {data['policy']}: {sizes_text(found.plan)}"
    yield from unknown_lines(found.plan)
    yield from unresolved_lines(data["unresolved"])
    down = data["downcalls"]
    yield f"upcalls: {len(data['upcalls'])}, with {data['fields']} fields"
    for each in data["upcalls"]:
        rows = ", ".join(f"{spelled(row)} {row['modes']}" for row in each["fields"])
        yield f"  {each['function']}: {rows or 'no fields'}"
    yield from listed("kernel functions that the process calls", down["kernel_functions"])
    yield from listed("functions of the kernel's half that the process calls", down["driver_functions"])
    yield from listed("rows of knowledge used", data["rows_used"])
    lines = sum(data["lines"].values())
    yield f"rows of annotations: {data['annotations']} ({data['annotations'] / max(1, lines):.1%} of the lines)"


def spelled(row: dict[str, Any]) -> str:
    """A field as users read it; a variable may cross as a whole."""
    return f"{row['record']}.{row['path']}" if row["path"] else str(row["record"])


def unresolved_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The accesses that no field stands for, and what to do about them."""
    if rows:
        yield f"{len(rows)} accesses are unresolved: the driver cannot be cut before each is told (docs/slicer.md):"
        yield from (f"  {row['function']}, line {row['line']}: {row['why']}" for row in rows)


def listed(title: str, names: Iterable[str]) -> Iterator[str]:
    """A count and the names."""
    names = list(names)
    yield f"{title}: {len(names)}"
    if names:
        yield f"  {', '.join(names)}"
