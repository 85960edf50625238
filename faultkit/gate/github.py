"""Reports of a gate for GitHub: annotations of the run, and a summary in Markdown.

Workflow commands: docs.github.com, "Workflow commands for GitHub Actions"; the escaping follows the
toolkit's `command.ts`. Other services ignore the lines, or show them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from faultkit.gate.answers import Answer
from faultkit.gate.assess import Assessment, Gated
from faultkit.gate.screen import answer_line
from faultkit.results.summary import accounting_line

LEVELS = {Answer.FAIL: "error", Answer.INCONCLUSIVE: "warning"}
MARKS = {Answer.PASS: "✅ pass", Answer.FAIL: "❌ fail", Answer.INCONCLUSIVE: "❔ inconclusive"}


def commands(gated: Gated) -> Iterator[str]:
    """A line for each rule that is not met, each crash that a rule failed for, and a harness in trouble."""
    for line in gated.lines:
        if level := LEVELS.get(line.ruling.answer):
            yield command(level, f"gate: {line.name}", f"{line.ruling.measured}: {line.ruling.reason}")
    for name, trials in gated.crashes.items():
        if name in gated.blamed:
            yield command("error", f"crash: {name}", f"trials {', '.join(map(str, trials))}\n{gated.reports[name]}")
    if gated.trouble:
        yield command("error", "harness", gated.trouble)


def command(level: str, title: str, message: str) -> str:
    """A workflow command, which GitHub reads from standard output."""
    return f"::{level} title={data(title).replace(':', '%3A').replace(',', '%2C')}::{data(message)}"


def data(text: str) -> str:
    """A message with the escapes of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def summary(gated: Gated) -> str:
    """The answers as a section of Markdown, for $GITHUB_STEP_SUMMARY."""
    rows = "".join(f"| {' | '.join(map(cell, columns(line)))} |\n" for line in gated.lines)
    head = f"## faultkit: {gated.experiment}, {answer_line(gated)}\n\n"
    table = f"| | rule | measured | |\n|---|---|---|---|\n{rows}\n"
    trouble = f"**{gated.trouble}**\n\n" if gated.trouble else ""
    foot = f"{accounting_line(gated.accounting)}; seed {gated.meta.seed}; rules of {gated.origin}\n\n"
    return head + table + trouble + "".join(crash(gated, name) for name in gated.crashes) + foot


def columns(line: Assessment) -> tuple[str, str, str, str]:
    """The row of a rule."""
    name = line.rule if line.name == line.rule else f"{line.name}: {line.rule}"
    return MARKS[line.ruling.answer], name, line.ruling.measured, line.ruling.reason


def cell(text: str) -> str:
    """Text with escapes, so that it neither ends a cell nor begins a tag."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


def crash(gated: Gated, name: str) -> str:
    """A crash signature with the kernel's report folded away."""
    trials = gated.crashes[name]
    state = "known" if name in gated.known else "new"
    report = gated.reports[name].replace("```", "'''")
    title = f"{state}: <code>{cell(name)}</code>, {len(trials)} x, first in trial {trials[0]}"
    return f"<details><summary>{title}</summary>\n\n```\n{report}\n```\n</details>\n\n"
