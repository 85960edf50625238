"""`faultkit gate`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console

from faultkit import experiment
from faultkit.cli.results import found, result_argument
from faultkit.errors import UsageError
from faultkit.gate import github, junit, known, sources
from faultkit.gate.assess import Gated, gated
from faultkit.gate.facts import Facts, compared, facts_of
from faultkit.gate.screen import Screen, as_json
from faultkit.gate.sources import Rules
from faultkit.store import Store

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="gate")
@result_argument
@click.option("--rule", "lines", multiple=True, metavar="RULE", help="A rule, such as 'recovered >= 99 %'; repeatable.")
@click.option("--rules", "file", type=FILE, help="Rules from a TOML file (default: the experiment's GATE).")
@click.option("--baseline", type=click.Path(path_type=Path), help="An earlier RESULT: its crashes are known.")
@click.option("--known", "known_file", type=FILE, help="The list of known crashes, TOML.")
@click.option("--update-known", is_flag=True, help="Add the crashes of RESULT to the list of known ones.")
@click.option("--junit", "junit_file", type=FILE, help="Write JUnit XML.")
@click.option("--markdown", type=FILE, help="Append a summary in Markdown, as to $GITHUB_STEP_SUMMARY.")
@click.option("--annotations", type=click.Choice(["github"]), help="Print annotations for the service that runs this.")
@click.option("--json", "as_data", is_flag=True, help="For scripts.")
def command(
    result: Path,
    lines: tuple[str, ...],
    file: Path | None,
    baseline: Path | None,
    known_file: Path | None,
    update_known: bool,
    junit_file: Path | None,
    markdown: Path | None,
    annotations: str | None,
    as_data: bool,
) -> int:
    """Say whether RESULT meets its rules: 0 yes, 1 no, 3 not enough to tell, 5 too many trials are void."""
    wanted = Wanted(junit_file, markdown, annotations, as_data)
    with Store.open(result) as store:
        rules = chosen(store, lines, file)
        rules = replace(rules, known=known_file or rules.known, baseline=baseline or rules.baseline)
        answers = answered(store, rules, update_known=update_known)
    tell(answers, wanted)
    return answers.exit_code


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the answers are to be told."""

    junit: Path | None
    markdown: Path | None
    annotations: str | None
    as_data: bool


def chosen(store: Store, lines: tuple[str, ...], file: Path | None) -> Rules:
    """The rules: of the command line, or else of the file, or else of the experiment. Raises: UsageError for none."""
    from_file = sources.of_file(file) if file else Rules(origin="", rules=())
    if lines:
        rules = sources.of_lines(lines, "the command line")
    elif from_file.rules:
        rules = from_file
    else:
        rules = declared(store)
    return replace(rules, known=from_file.known, baseline=from_file.baseline)


def declared(store: Store) -> Rules:
    """The rules that the experiment declares by now. Raises: UsageError if there are none."""
    meta = store.meta()
    name = str(meta.get("file") or meta.get("experiment"))
    with described(f"{store.path} has no rules: give --rule 'recovered >= 99 %' or --rules FILE, or declare GATE"):
        asked = experiment.load(name)
    rules = sources.of_experiment(asked.gate, asked.name)
    if not rules.rules:
        raise UsageError(f"{name} declares no GATE: give --rule 'recovered >= 99 %', or --rules FILE")
    return rules


@contextmanager
def described(what: str) -> Iterator[None]:
    """What is missing, before the reason for it."""
    try:
        yield
    except UsageError as reason:
        raise UsageError(f"{what} ({reason})") from None


def answered(store: Store, rules: Rules, *, update_known: bool) -> Gated:
    """The campaign before its gate; its crashes are noted as known first, if that is asked for."""
    facts = facts_of(store)
    if update_known:
        update(store, facts, rules.known)
    before = None
    if rules.baseline:
        with Store.open(found(rules.baseline)) as earlier:
            before = facts_of(earlier)
    listed = known.signatures(rules.known) if rules.known else frozenset[str]()
    return gated(store, rules, compared(facts, known=listed, baseline=before))


def update(store: Store, facts: Facts, path: Path | None) -> None:
    """Add what is new to the list of known crashes. Raises: UsageError if there is no list to add to."""
    if path is None:
        raise UsageError("--update-known: give the list to add to: --known FILE")
    old = known.signatures(path) if path.exists() else frozenset[str]()
    meta = store.meta()
    where = f"{meta.get('experiment')}, seed {meta.get('seed')}, trial"
    new = {name: f"{where} {trials[0]}" for name, trials in facts.crashes().items() if name not in old}
    known.add(path, new)
    click.echo(f"{path}: {len(new)} added to {len(old)} known crash signatures", err=True)


def tell(answers: Gated, wanted: Wanted) -> None:
    """Screen or JSON to standard output, files where they are asked for."""
    if wanted.junit:
        wanted.junit.write_bytes(junit.document(answers))
    if wanted.markdown:
        with wanted.markdown.open("a") as file:
            file.write(github.summary(answers))
    if wanted.as_data:
        click.echo(json.dumps(as_json(answers)))
    else:
        Console().print(Screen(answers))
    if wanted.annotations:
        for line in github.commands(answers):
            click.echo(line, err=wanted.as_data)
