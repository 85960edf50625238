"""`python -m experiments.literature.publish RESULT...`: the tables in results/published/ and in docs/literature.md.

Each RESULT is the stored campaign of one of the experiments here, run in full. For each, this writes a CSV file per
table, and a page with all tables and their provenance. In docs/literature.md, the text between `<!-- NAME -->` and
`<!-- end -->` is replaced by results/published/NAME.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import astuple, fields
from pathlib import Path

import pandas as pd

from experiments.literature.lines import LINES, Line
from experiments.literature.tables import TABLES
from faultkit.model.errors import UsageError
from faultkit.results.summary import replay_totals
from faultkit.store.meta import Meta
from faultkit.store.store import Store

HOME = Path(__file__).parents[2]
PUBLISHED = HOME / "results" / "published"
PAGE = HOME / "docs" / "literature.md"
INCLUDED = re.compile(r"(<!-- (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Publish the results that the command line names."""
    PUBLISHED.mkdir(exist_ok=True)
    for result in sys.argv[1:]:
        try:
            with Store.open(Path(result)) as store:
                publish(store)
        except UsageError as reason:
            sys.exit(f"publish: {reason}")
    write_lines()
    PAGE.write_text(with_tables(PAGE.read_text()))


def publish(store: Store) -> None:
    """The tables of one campaign. Raises: UsageError if it is not one of ours, or not run to its end."""
    meta = store.meta()
    name = str(meta.experiment)
    if name not in TABLES:
        raise UsageError(f"{store.path} is of {name}: there are tables for {', '.join(TABLES)}")
    if len(store.done()) < (meta.planned or 0):
        raise UsageError(f"{store.path} has {len(store.done())} of {meta.planned} trials: continue it with --resume")
    texts = [provenance(meta, replay_totals(store))]
    for title, table in TABLES[name].items():
        frame = table(store)
        frame.to_csv(PUBLISHED / f"{name}-{title}.csv", index=False)
        texts.append(f"{title}:\n\n{markdown(frame)}")
    (PUBLISHED / f"{name}.md").write_text("\n".join(texts))
    lines = pd.DataFrame(map(astuple, LINES[name](store)), columns=[field.name for field in fields(Line)])
    lines.to_csv(PUBLISHED / f"{name}-lines.csv", index=False)


def provenance(meta: Meta, again: Mapping[str, int]) -> str:
    """The provenance of a table: the command, the versions, and the number of trials that replayed identically."""
    ran = f"`faultkit run {meta.experiment} --seed {meta.seed}`, {meta.planned} trials"
    replayed = f"{again['events_agree']} of {again['runs']} replayed bit for bit"
    versions = f"faultkit {meta.git_revision}, Linux {meta.kernel}, QEMU {meta.qemu}"
    return f"{ran}, {replayed}; {versions}, {meta.accel}, shift {meta.shift}, {(meta.started or '')[:10]}.\n"


def markdown(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table; numbers to the right."""
    numeric = [pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns]
    rules = ["---:" if right else "---" for right in numeric]
    rows = [[str(cell) for cell in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [list(frame.columns), rules, *rows])


def write_lines() -> None:
    """All published lines in one table."""
    (PUBLISHED / "lines.md").write_text(markdown(pd.concat(published_lines(), ignore_index=True)))


def published_lines() -> Iterator[pd.DataFrame]:
    """The lines of all published campaigns, in the order of LINES."""
    for name in LINES:
        if (path := PUBLISHED / f"{name}-lines.csv").exists():
            frame = pd.read_csv(path, keep_default_na=False, dtype=str)
            frame.insert(0, "experiment", name)
            met = frame["met"].map({"True": "yes", "False": "**no**"})
            yield frame.assign(met=met.where(frame["line"] != "", ""))


def with_tables(page: str) -> str:
    """The page with the tables as they are published now."""
    return INCLUDED.sub(lambda found: found[1] + (PUBLISHED / f"{found['name']}.md").read_text() + found[3], page)


if __name__ == "__main__":
    main()
