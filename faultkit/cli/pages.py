"""Tables in README.md and docs/ that are made from the code; `python -m faultkit.cli.pages` writes them anew.

A page marks a table by two comments, each on a line of its own:

    <!-- made by make docs: monitors -->
    <!-- end -->

The name is a key of TABLES. Whatever stands between the two comments is replaced. docs/cli.md is made as a whole.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from faultkit import figures
from faultkit.cli import cli, manual
from faultkit.model import vocabulary
from faultkit.model.actions import REMEDIES
from faultkit.model.codec import name_of
from faultkit.model.parts import Offers, Remedy
from faultkit.results import analysis, waits
from faultkit.running import catalogue
from faultkit.running.experiment import load_experiment
from faultkit.store import columns
from faultkit.verdict.episodes import PHASES
from faultkit.verdict.outcomes import ENTRIES

ROOT = Path(__file__).parents[2]
MARKED = re.compile(r"^(<!-- made by make docs: ([a-z-]+) -->\n).*?^(<!-- end -->)$", re.MULTILINE | re.DOTALL)
ACTION_HEAD = ("action", "effect", "steps")
SIDES = ("u-driver", "k-driver", "device", "channel", "several")


def main() -> None:
    """Write each page whose tables have changed."""
    for path, text in made(ROOT).items():
        if path.read_text() != text:
            path.write_text(text)
            print(path.relative_to(ROOT))


def made(root: Path) -> dict[Path, str]:
    """Each page with tables of today's code, by its path."""
    pages = {path: filled(path.read_text()) for path in (root / "README.md", *sorted((root / "docs").glob("*.md")))}
    return pages | {root / "docs" / "cli.md": "\n\n".join(manual.page(cli)) + "\n"}


def filled(page: str) -> str:
    """A page with its marked tables made anew. Raises: KeyError for a name that TABLES does not have."""
    return MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", page)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; a bar in a cell is escaped."""
    columns = tuple(head)
    return "\n".join([manual.cells(*columns), "|" + "---|" * len(columns), *(manual.cells(*row) for row in rows)])


def listed(kind: str) -> str:
    """All of one kind by the names that commands take."""
    return table((kind, ""), ((f"`{item.name}`", item.summary) for item in catalogue.items(kind)))


def injectors(side: str) -> str:
    """The injectors of one side by the names that commands take."""
    rows = ((f"`{catalogue.name_of_class(cls)}`", catalogue.first_line(cls)) for cls in of_side(side))
    return table(("injector", ""), rows)


def witnesses(side: str) -> str:
    """The injectors of one side with their effect, witness and undo."""
    rows = (
        (f"`{cls.__name__}`", catalogue.first_line(cls), section(cls, "Activation"), section(cls, "Undo"))
        for cls in of_side(side)
    )
    return table(("fault", "effect", "activation", "undo"), rows)


def data() -> str:
    """The data of `fault.injected`, by injector."""
    rows = ((f"`{catalogue.name_of_class(cls)}`", section(cls, "Data")) for side in SIDES for cls in of_side(side))
    return table(("injector", "data"), rows)


def event_kinds() -> str:
    """All kinds of events."""
    return table(("kind", "source", "data", "tells"), vocabulary.rows())


def recovery_actions() -> str:
    """The recovery actions of all drivers, with their steps."""
    return table(ACTION_HEAD, action_rows(REMEDIES))


def action_rows(remedies: Mapping[str, Remedy]) -> Iterator[tuple[str, str, str]]:
    """Actions with their effects and steps."""
    for name, each in remedies.items():
        yield f"`{name}`", each.effect, ", ".join(f"`{step}`" for step in each.steps)


def own_actions() -> str:
    """The recovery actions that drivers offer of their own."""
    rows = (
        (f"`{catalogue.name_of_class(cls)}`", *row)
        for cls in sorted(catalogue.classes("drivers"), key=catalogue.name_of_class)
        if isinstance(driver := switched_on(cls), Offers)
        for row in action_rows(driver.remedies)
    )
    return table(("driver", *ACTION_HEAD), rows)


def switched_on(cls: type) -> Any:
    """A driver with all its switches on: it offers all that it can."""
    switches = {field.name: True for field in dataclasses.fields(cls) if field.type in ("bool", bool)}
    return cls(**switches)


def classes(kind: str, heading: str) -> str:
    """All classes of one kind, with their fields as arguments."""
    found = sorted(catalogue.classes(kind), key=first_source_line)
    return table(("class", heading), ((signature(cls), catalogue.first_line(cls)) for cls in found))


def outcomes() -> str:
    """The outcomes with their meanings, mildest first."""
    return table(("outcome", ""), ((f"`{outcome.name}`", entry.meaning) for outcome, entry in ENTRIES.items()))


def evidence() -> str:
    """The outcomes with the evidence for each in a record, mildest first."""
    return table(("outcome", "found by"), ((f"`{outcome.name}`", each.evidence) for outcome, each in ENTRIES.items()))


def api() -> str:
    """The modules that are API, with the names that each exports."""
    found = ((name, importlib.import_module(name)) for name in API)
    rows = (
        (f"`{name}`", catalogue.first_line(each), ", ".join(f"`{n}`" for n in each.__all__)) for name, each in found
    )
    return table(("module", "contents", "names"), rows)


def of_side(side: str) -> list[type]:
    """The injectors of one side, by name."""
    found = (cls for cls in catalogue.classes("injectors") if getattr(cls, "side", None) == side)
    return sorted(found, key=catalogue.name_of_class)


def section(cls: type, label: str) -> str:
    """A labelled section of a class's docstring; empty if there is none."""
    return catalogue.sections(cls).get(label, "").rstrip(".")


def signature(cls: type) -> str:
    """`AtRequest(nth)`."""
    return f"`{cls.__name__}({', '.join(inspect.signature(cls).parameters)})`"


def first_source_line(cls: type) -> int:
    """The line where a class begins: the order of its module."""
    return inspect.getsourcelines(cls)[1]


API = (
    "faultkit",
    "faultkit.kit",
    "faultkit.figures",
    "faultkit.results.analysis",
    "faultkit.statistics.sequential",
    "faultkit.pytest_plugin",
)


def trial_columns() -> str:
    """The columns of frames of trials, with their types."""
    rows = ((f"`{name}`", dtype, doc) for name, dtype, doc in columns.documented())
    return table(("column", "dtype", ""), rows)


def verdict_columns(heading: str, *, intervals: bool) -> str:
    """The columns of a verdict besides the outcome: the intervals, or all others."""
    found = (each for each in columns.COLUMNS if each.name in columns.VERDICT and each.dtype != columns.OUTCOME)
    rows = ((f"`{each.name}`", each.doc) for each in found if (each.name in columns.INTERVALS) is intervals)
    return table((heading, ""), rows)


def endings() -> str:
    """The ways in which a guest stops."""
    rows = ((f"`{ending.value}`", meaning) for ending, meaning in vocabulary.ENDINGS.items())
    return table(("ending", "the guest"), rows)


def phases() -> str:
    """The phases of a recovery, in order."""
    return table(("phase", "from", "to"), ((f"`{name}`", *bounds) for name, bounds in PHASES.items()))


def frame_columns(found: Mapping[str, tuple[str, str]]) -> str:
    """The columns of a frame, with types and meanings."""
    return table(("column", "dtype", ""), ((f"`{name}`", *each) for name, each in found.items()))


def charts() -> str:
    """The charts with the frames that they are made of."""
    found = ((name, getattr(figures, name)) for name in figures.__all__)
    drawn = ((name, chart) for name, chart in found if inspect.signature(chart).return_annotation == "go.Figure")
    return table(
        ("", "of", ""), ((f"`{name}`", drawn_from(chart), catalogue.first_line(chart)) for name, chart in drawn)
    )


def drawn_from(chart: Callable[..., Any]) -> str:
    """The attribute or method of a campaign that gives a chart's first argument."""
    return FRAMES[next(iter(inspect.signature(chart).parameters))]


FRAMES = {  # the first argument of a chart -> how a user gets it
    "trials": "`.trials`",
    "times": "`.recovery_times()`",
    "phase_times": "`faultkit.results.recoveries.recovery_phases`",
    "comparison": "`.compare(other)`",
}


def in_a_campaign(name: str) -> str:
    """The faults of an experiment, by injector: their trials, by driver."""
    counts = Counter(
        (name_of(trial.fault), name_of(trial.driver)) for trial in load_experiment(name).trials(0) if trial.fault
    )
    drivers = sorted({driver for _, driver in counts})
    rows = (
        (f"`{item.name}`", *(str(counts[item.name, driver] or "") for driver in drivers))
        for item in catalogue.items("injectors")
    )
    return table(("injector", *drivers), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    **{kind: partial(listed, kind) for kind in catalogue.KINDS if kind != "injectors"},
    **{f"injectors-{side}": partial(injectors, side) for side in SIDES},
    **{f"witnesses-{side}": partial(witnesses, side) for side in ("u-driver", "k-driver", "device")},
    "api": api,
    "events": event_kinds,
    "data": data,
    "outcomes": outcomes,
    "evidence": evidence,
    "actions": recovery_actions,
    "own-actions": own_actions,
    "phases": phases,
    "endings": endings,
    "event-columns": partial(frame_columns, analysis.EVENT_COLUMNS),
    "rate-columns": partial(frame_columns, analysis.RATE_COLUMNS),
    "wait-columns": partial(frame_columns, waits.WAIT_COLUMNS),
    "charts": charts,
    "census": partial(in_a_campaign, "census"),
    "trial-columns": trial_columns,
    "flags": partial(verdict_columns, "flag", intervals=False),
    "intervals": partial(verdict_columns, "interval", intervals=True),
    "policy-classes": partial(classes, "policies", "recovery"),
    "trigger-classes": partial(classes, "triggers", "the fault is put in"),
}

if __name__ == "__main__":
    main()
