"""A gate's answers for people, at a terminal, and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from faultkit.gate.answers import Answer
from faultkit.gate.assess import Assessment, Gated
from faultkit.results.summary import accounting_line

STYLES = {Answer.PASS: "green", Answer.FAIL: "bold red", Answer.INCONCLUSIVE: "yellow"}
WIDTH = len("INCONCLUSIVE") + 2
WORDS = {Answer.PASS: "met", Answer.FAIL: "NOT met", Answer.INCONCLUSIVE: "inconclusive"}


@dataclass(frozen=True, slots=True)
class Screen:
    """A gate's answers for a terminal: two or three lines a rule, then the conclusion. Print it with rich."""

    gated: Gated

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(f"gate of {self.gated.experiment} ({self.gated.result}), rules of {self.gated.origin}")
        yield Text()
        for line in self.gated.lines:
            yield from shown(line, console, options.max_width - WIDTH)
        yield Text()
        yield from crashes(self.gated)
        yield Text(accounting_line(self.gated.accounting))
        if self.gated.trouble:
            yield Text(self.gated.trouble, style="red")
        yield Text(answer_line(self.gated), style=f"bold {STYLES[self.gated.answer]}")


def shown(line: Assessment, console: Console, width: int) -> Iterator[Text]:
    """A rule, what was measured, and why that is the answer, each indented by the answer."""
    answer = line.ruling.answer
    title = line.rule if line.name == line.rule else f"{line.name}: {line.rule}"
    head = Text(f"{answer.name:{WIDTH}}", STYLES[answer])
    for text in (Text(title), Text(line.ruling.measured), Text(line.ruling.reason, "dim")):
        for part in text.wrap(console, width):
            part.rstrip()
            yield head + part
            head = Text(" " * WIDTH)


def crashes(gated: Gated, at_most: int = 8) -> Iterator[Text]:
    """The crash signatures, the most frequent first."""
    for name, trials in [*gated.crashes.items()][:at_most]:
        yield Text(
            f"{len(trials):5} x {name} ({'known' if name in gated.known else 'new'}; first in trial {trials[0]})"
        )
    if len(gated.crashes) > at_most:
        yield Text(f"        and {len(gated.crashes) - at_most} other crash signatures")
    if gated.crashes:
        yield Text()


def answer_line(gated: Gated) -> str:
    """`gate NOT met: 2 passed, 1 failed, 1 inconclusive`."""
    counts = (f"{gated.count(a)} {word}" for a, word in zip(Answer, ("passed", "failed", "inconclusive"), strict=True))
    return f"gate {WORDS[gated.answer]}: {', '.join(counts)}"


def gated_json(gated: Gated) -> dict[str, Any]:
    """A gate's answers for scripts; keys stay as they are from version to version."""
    return {
        "experiment": gated.experiment,
        "result": gated.result,
        "seed": gated.meta.seed,
        "answer": gated.answer.value,
        "exit_code": gated.exit_code,
        "origin": gated.origin,
        "trouble": gated.trouble or None,
        "accounting": dict(gated.accounting),
        "rules": [rule_json(line) for line in gated.lines],
        "crashes": [
            {"signature": name, "known": name in gated.known, "trials": list(trials)}
            for name, trials in gated.crashes.items()
        ],
    }


def rule_json(line: Assessment) -> dict[str, Any]:
    """The answer to one rule, for scripts."""
    return {
        "name": line.name,
        "rule": line.rule,
        "answer": line.ruling.answer.value,
        "measured": line.ruling.measured,
        "reason": line.ruling.reason,
        "figures": dict(line.ruling.figures),
    }
