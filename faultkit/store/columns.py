"""The columns of the table of trials: one row here gives the schema, the frames' types, the flags and the docs.

The columns of a verdict are the fields of `faultkit.verdict.judge.Verdict`. A column that is new is added to older
files, and filled, by `faultkit judge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, get_type_hints

from faultkit.model.events import Outcome
from faultkit.verdict.judge import GROUPED, LATER, Verdict

OUTCOME = "category"  # the type of the column `outcome` in frames: ordered, mildest first


class Role(Enum):
    """Where a column's value is from."""

    TRIAL = auto()  # the trial that was asked for
    FAULT = auto()  # the classes of its fault: `faultkit.verdict.strata.Stratum`
    VERDICT = auto()  # the oracle
    RUN = auto()  # the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table of trials."""

    name: str
    sql: str  # its declaration
    role: Role
    dtype: str | None = None  # in frames; None: it is not there
    doc: str = ""  # its meaning, with units
    groups: bool = False  # trials can be grouped by it
    optional: bool = False  # a file without it is read as if the value were missing

    @property
    def shown(self) -> str:
        """The name in frames."""
        return "trial" if self.name == "n" else self.name


def of_trial(name: str, doc: str = "", *, groups: bool = True) -> Column:
    """The short name of a part of the trial."""
    return Column(name=name, sql="TEXT NOT NULL", role=Role.TRIAL, dtype="string", doc=doc, groups=groups)


def of_fault(name: str, doc: str) -> Column:
    """A class that the fault belongs to."""
    return Column(name=name, sql="TEXT", role=Role.FAULT, dtype="string", doc=doc, groups=True)


def of_verdict(hints: Mapping[str, Any]) -> Iterator[Column]:
    """The fields of a verdict, with their types and texts."""
    for name, hint in hints.items():
        doc, *notes = hint.__metadata__
        sql, dtype = TYPES[hint.__origin__]
        yield Column(
            name=name,
            sql=sql,
            role=Role.VERDICT,
            dtype=dtype,
            doc=doc,
            groups=GROUPED in notes,
            optional=LATER in notes,
        )


TYPES: Mapping[Any, tuple[str, str]] = {  # of a verdict's field -> in SQL and in frames
    Outcome: ("TEXT", OUTCOME),
    bool: ("INTEGER", "boolean"),
    int: ("INTEGER", "Int64"),
    int | None: ("INTEGER", "Int64"),
    str | None: ("TEXT", "string"),
}


def of_run(name: str, sql: str, dtype: str | None, doc: str = "", *, optional: bool = False) -> Column:
    """A fact about the run."""
    return Column(name=name, sql=sql, role=Role.RUN, dtype=dtype, doc=doc, optional=optional)


COLUMNS = (
    Column(name="n", sql="INTEGER PRIMARY KEY", role=Role.TRIAL, dtype="int64",
           doc="position in the experiment's list, from 0"),
    Column(name="plan", sql="TEXT NOT NULL", role=Role.TRIAL, doc="the trial as JSON, its fault's site settled"),
    of_trial("driver"),
    of_trial("injector", '"golden" without a fault'),
    of_trial("trigger"),
    of_trial("policy"),
    of_trial("workload"),
    of_fault("target", "the function or region that the fault went into"),
    of_fault("side", 'where it lies: k-driver, u-driver, channel, device; "" if it does not say'),
    of_fault("fault_type", 'finer than the injector: "text: nop"'),
    of_fault("function", "the function that the fault lies in or tampers with"),
    *of_verdict(get_type_hints(Verdict, include_extras=True)),
    of_run("ending", "TEXT", "string", "how the guest stopped: finished, panicked, watchdog, exited"),
    of_run("void", "TEXT", "string", "why there is no valid run"),
    of_run("unjudged", "TEXT", "string", "why a valid run has no verdict: the oracle's error", optional=True),
    of_run("passing", "INTEGER", "boolean",
           "a void trial's cause was the host's, such as a want of memory: `--resume` runs it again", optional=True),
    of_run("attempts", "INTEGER NOT NULL", "int64", "runs until one was valid"),
    of_run("template", "TEXT NOT NULL", "string", "address of the template that it was forked from"),
    of_run("wall_s", "REAL", "Float64", "seconds of host time"),
    of_run("guest_s", "REAL", "Float64", "the part of `wall_s` in which the guest ran"),
    of_run("lost", "TEXT", None, "monitor -> events that it could not keep, as JSON"),
    of_run("events", "BLOB", None, "zlib, of JSON [t_ns, source, kind, data]"),
    of_run("console", "BLOB", None, "zlib"),
)  # fmt: skip

IN_FRAMES = tuple(column for column in COLUMNS if column.dtype)
VERDICT = tuple(column.name for column in COLUMNS if column.role is Role.VERDICT)
FAULT = tuple(column.name for column in COLUMNS if column.role is Role.FAULT)
FLAGS = tuple(column.name for column in COLUMNS if column.role is Role.VERDICT and column.dtype == "boolean")
INTERVALS = tuple(name for name in VERDICT if name.endswith("_ns"))
OPTIONAL = frozenset(column.name for column in COLUMNS if column.optional)
GROUPS = tuple(column.name for column in COLUMNS if column.groups)


def documented() -> Iterator[tuple[str, str, str]]:
    """Name, type in frames, and meaning of each column that frames have, for the docs."""
    return ((column.shown, str(column.dtype), column.doc) for column in IN_FRAMES)
