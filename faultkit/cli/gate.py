"""`faultkit gate`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click

from faultkit.cli import options, terminal
from faultkit.cli.gate_rules import RULES
from faultkit.cli.results import complete_results, found
from faultkit.cli.until import RunOptions, run_until
from faultkit.gate import github, junit, known, sources
from faultkit.gate.assess import Gated, gated
from faultkit.gate.facts import Facts, compared, facts_of
from faultkit.gate.relative import NotWorse
from faultkit.gate.screen import Screen, gated_json
from faultkit.gate.sources import Rules
from faultkit.gate.until import UntilDecided, refuse_undecidable
from faultkit.model.errors import UsageError
from faultkit.results import compare
from faultkit.results.signatures import is_silent
from faultkit.results.whole_file import write_whole
from faultkit.running import experiment
from faultkit.running.experiment import Experiment
from faultkit.store.store import Store

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="gate", short_help="Check results against rules.", epilog=RULES)
@click.argument("result", metavar="RESULT|EXPERIMENT", shell_complete=complete_results)
@click.option("--rule", "lines", multiple=True, metavar="RULE", help="A rule, such as 'recovered >= 99 %'; repeatable.")
@options.EXPERIMENT
@click.option("--rules", "file", metavar="FILE", type=FILE, help="Rules from a TOML file.")
@click.option(
    "--baseline",
    metavar="RESULT",
    type=click.Path(path_type=Path),
    help="An earlier campaign to compare with; its crash signatures are known.",
)
@click.option("--known", "known_file", metavar="FILE", type=FILE, help="The list of known crash signatures, TOML.")
@click.option(
    "--update-known",
    is_flag=True,
    help="First add the campaign's crash signatures to that list; your own text in it stays.",
)
@click.option(
    "--junit",
    "junit_file",
    metavar="FILE",
    type=FILE,
    help="Write JUnit XML: a test case per rule and per crash signature.",
)
@click.option("--markdown", metavar="FILE", type=FILE, help="Append a summary in Markdown, as to $GITHUB_STEP_SUMMARY.")
@click.option(
    "--annotations",
    metavar="github",
    type=click.Choice(["github"]),
    help="Print ::error and ::warning lines; with --json to standard error.",
)
@options.prints_json("`{experiment, result, seed, answer, exit_code, origin, trouble, accounting, rules, crashes}`")
@click.option("--until-decided", is_flag=True, help="Run EXPERIMENT until its rules are decided.")
@click.option(
    "--budget",
    metavar="N",
    type=click.IntRange(min=1),
    help="With --until-decided: at most the first N trials (default: the whole list).",
)
@click.option(
    "--seed",
    metavar="S",
    type=click.IntRange(min=0),
    help="With --until-decided: the experiment's seed (default: a new one).",
)
@click.option(
    "--jobs",
    metavar="J",
    type=click.IntRange(min=1),
    help="With --until-decided: trials at a time (default: one a processor).",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="With --until-decided: results go here (default: results/EXPERIMENT/TIME-SEED).",
)
@click.option(
    "--resume", is_flag=True, help="With --until-decided: go on with what is in --out (default: the latest results)."
)
def command(
    result: str,
    lines: tuple[str, ...],
    file: Path | None,
    own: Path | None,
    baseline: Path | None,
    known_file: Path | None,
    update_known: bool,
    junit_file: Path | None,
    markdown: Path | None,
    annotations: str | None,
    as_data: bool,
    until_decided: bool,
    budget: int | None,
    seed: int | None,
    jobs: int | None,
    out: Path | None,
    resume: bool,
) -> int:
    """Check a campaign against its rules; the exit code is the answer.

    0: all are met, 1: one is not, 3: too few trials to tell, 5: too many trials are void. With --until-decided, run
    EXPERIMENT until the answer is known. In a CI: docs/ci.md.

    \b
    Examples:
      faultkit gate quickstart_nbd
      faultkit gate quickstart_nbd --rule 'no CRASHED' --rule 'recovered >= 99 %'
      faultkit gate quickstart_nbd --until-decided --budget 150
    """
    given = Given(lines, file, known_file, baseline)
    allowed = RunOptions(trials=budget, seed=seed, jobs=jobs, out=out, resume=resume)
    if until_decided:
        where, rules = decided(result, given, allowed)
    elif allowed != RunOptions():
        raise UsageError("--budget, --seed, --jobs, --out and --resume go with --until-decided")
    else:
        where = found(Path(result))
        rules = given.rules(partial(declared, where, own))
    with Store.open(where) as store:
        answers = answered(store, rules, update_known=update_known)
    write_reports(answers, Wanted(junit_file, markdown, annotations, as_data))
    return answers.exit_code


def decided(name: str, given: Given, budget: RunOptions) -> tuple[Path, Rules]:
    """Run an experiment until its gate is decided. Returns the results' directory, and the rules."""
    asked = experiment.load_experiment(name)
    rules = given.rules(lambda: of_experiment(asked))
    refuse_undecidable(rules.rules)
    listed = known.known_signatures(rules.known) if rules.known and rules.known.exists() else frozenset[str]()
    stop = UntilDecided(rules=tuple(str(named.rule) for named in rules.rules), known=tuple(sorted(listed)))
    return run_until(asked, stop, budget), rules


@dataclass(frozen=True, slots=True)
class Given:
    """The rules and files that the command line gives."""

    lines: tuple[str, ...]
    file: Path | None
    known: Path | None
    baseline: Path | None

    def rules(self, declared: Callable[[], Rules]) -> Rules:
        """Those of the command line, or else of the file, or else those `declared`. Raises: UsageError for none."""
        from_file = sources.of_file(self.file) if self.file else Rules(origin="", rules=())
        if self.lines:
            rules = sources.of_lines(self.lines, "the command line")
        else:
            rules = from_file if from_file.rules else declared()
        return replace(rules, known=self.known or from_file.known, baseline=self.baseline or from_file.baseline)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The reports that the command line asks for."""

    junit: Path | None
    markdown: Path | None
    annotations: str | None
    as_data: bool


def declared(result: Path, own: Path | None) -> Rules:
    """The rules that one of our experiments, or the user's `own`, declares today for some results.

    Results never decide which code of a user's is run. Raises: UsageError if there are no rules.
    """
    lacking = f"{result} has no rules: give --rule 'recovered >= 99 %' or --rules FILE, or declare GATE"
    if own is not None:
        with preceded_by(lacking):
            asked = experiment.load_experiment(str(own.resolve()))
        return of_experiment(asked)
    with Store.open(result) as store:
        meta = store.meta()
    if meta.file:
        raise UsageError(
            f"{result} is of an experiment of your own: give --experiment FILE for the GATE that it declares, or "
            "--rule 'recovered >= 99 %', or --rules FILE"
        )
    with preceded_by(lacking):
        asked = experiment.load_ours(str(meta.experiment))
    return of_experiment(asked)


def of_experiment(asked: Experiment) -> Rules:
    """The rules that an experiment declares. Raises: UsageError if there are none."""
    rules = sources.of_experiment(asked.gate, asked.name)
    if not rules.rules:
        raise UsageError(f"{asked.name} declares no GATE: give --rule 'recovered >= 99 %', or --rules FILE")
    return rules


@contextmanager
def preceded_by(what: str) -> Iterator[None]:
    """Put `what` before the reason of a UsageError."""
    try:
        yield
    except UsageError as reason:
        raise UsageError(f"{what} ({reason})") from None


def answered(store: Store, rules: Rules, *, update_known: bool) -> Gated:
    """The gate's answers for a campaign; with `update_known` its crashes are first added to the known list."""
    facts = facts_of(store)
    if update_known:
        update(store, facts, rules.known)
    listed = known.known_signatures(rules.known) if rules.known else frozenset[str]()
    if rules.baseline is None:
        refuse_relative(rules)
        return gated(store, rules, compared(facts, known=listed))
    with Store.open(found(rules.baseline)) as earlier:
        mismatch = compare.first_mismatch(compare.compared_trials(store), compare.compared_trials(earlier))
        before = facts_of(earlier)
    return gated(store, rules, compared(facts, known=listed, baseline=before, mismatch=mismatch))


def refuse_relative(rules: Rules) -> None:
    """Refuse rules that compare with a baseline if there is none. Raises: UsageError."""
    for named in rules.rules:
        if isinstance(named.rule, NotWorse):
            raise UsageError(f"rule '{named.rule}': there is no baseline: give --baseline RESULT")


def update(store: Store, facts: Facts, path: Path | None) -> None:
    """Add new crash signatures to the known list. Raises: UsageError if no list is named."""
    if path is None:
        raise UsageError("--update-known: give the list to add to: --known FILE")
    old = known.known_signatures(path) if path.exists() else frozenset[str]()
    meta = store.meta()
    where = f"{meta.experiment}, seed {meta.seed}, trial"
    new = {name: f"{where} {trials[0]}" for name, trials in facts.crashes().items() if name not in old}
    silent = {name for name in new if is_silent(name)}
    new = {name: seen for name, seen in new.items() if name not in silent}
    known.add_signatures(path, new)
    click.echo(f"{path}: {len(new)} added to {len(old)} known crash signatures", err=True)
    if silent:
        click.echo(f"{path}: not added, as they cover any other: {', '.join(sorted(silent))}", err=True)


def write_reports(answers: Gated, wanted: Wanted) -> None:
    """Write all reports: screen or JSON to standard output, and the files."""
    if wanted.junit:
        write_whole(wanted.junit, junit.junit_xml(answers))
    if wanted.markdown:
        with wanted.markdown.open("a", encoding="utf-8") as file:
            file.write(github.summary(answers))
    with suppress(BrokenPipeError):  # the exit code is the answer, whoever reads along
        if wanted.as_data:
            click.echo(json.dumps(gated_json(answers)))
        else:
            terminal.output().print(Screen(answers))
        for line in github.commands(answers) if wanted.annotations else ():
            click.echo(line, err=wanted.as_data)
