"""A comparison, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from faultkit.model.events import Outcome
from faultkit.results.compare import Comparison
from faultkit.tables.outcome_table import RULED
from faultkit.verdict.outcomes import ENTRIES

SHOWN = 10  # discordant pairs that are named


@dataclass(frozen=True, slots=True)
class ComparisonTable:
    """Outcome against outcome for pairs, then the shares, their difference and the test. Print it with rich."""

    comparison: Comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self.comparison
        yield Text.assemble((found.first, "bold"), " against ", (found.second, "bold"))
        if found.outcomes:
            yield Text()
            yield outcome_grid(found)
        yield Text()
        yield from map(Text, sentences(found))


def outcome_grid(comparison: Comparison) -> Table:
    """A row per outcome of the first, a column per outcome of the second; a dot for none."""
    rows, columns = (sorted({pair[i] for pair in comparison.outcomes}) for i in (0, 1))
    table = Table(box=RULED, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("first \\ second", no_wrap=True)
    for outcome in columns:
        table.add_column(outcome.name, justify="right", style=ENTRIES[outcome].style, no_wrap=True)
    for row in rows:
        table.add_row(row.name, *(cell(comparison, row, column) for column in columns))
    return table


def cell(comparison: Comparison, row: Outcome, column: Outcome) -> str:
    """The number of pairs that ended in these two outcomes."""
    return str(comparison.outcomes.get((row, column), "·"))


def sentences(comparison: Comparison) -> Iterator[str]:
    """The lines under the table."""
    one, two = comparison.survived
    kind = "pairs" if comparison.paired else "trials"
    yield f"{'paired' if comparison.paired else 'NOT paired'}: {comparison.why}"
    yield "MASKED or RECOVERED of activated, 95 %:"
    yield from (f"  {name:10}  {share}" for name, share in (("first", one), ("second", two)))
    if one.n and two.n:
        points = tuple(100 * value for value in (comparison.difference, comparison.low, comparison.high))
        yield "  difference  {:+.1f} [{:+.1f}, {:+.1f}] points".format(*points)
        yield f"{'':14}{comparison.interval}"
        yield f"p = {comparison.p_value:.3g} ({comparison.test}, two-sided)"
    if comparison.paired:
        first, second = comparison.only
        yield f"survived only in the first: {first}, only in the second: {second}{discordant_trials(comparison)}"
    if comparison.left_out:
        counts = ", ".join(f"{reason} {count}" for reason, count in comparison.left_out.items())
        yield f"{kind} left out: {counts}"


def discordant_trials(comparison: Comparison) -> str:
    """The numbers of the discordant trials, as in `faultkit show RESULT N`."""
    words = [str(a) if a == b else f"{a}/{b}" for a, b in comparison.discordant[:SHOWN]]
    more = ", ..." if len(comparison.discordant) > SHOWN else ""
    return f" (trials {', '.join(words)}{more})" if words else ""
