"""The command line. Exit codes: 0 done, 1 gate failed, 2 usage error, 3 gate inconclusive, 4 the environment
cannot run it, 5 harness error, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from faultkit import analysis, cache, campaign, catalogue, doctor, experiment, replay, report, timeline
from faultkit.campaign import Campaign
from faultkit.errors import FaultkitError, HarnessError, UsageError
from faultkit.image import image
from faultkit.progress import Bar
from faultkit.qemu import Machine
from faultkit.store import FILE, Store
from faultkit.summary import OutcomeTable, accounting, as_json
from faultkit.template import KEEP

RESULTS = Path("results")
VOID_SHARE = 0.05  # more than this, and the campaign did not measure what it was asked to
GUESTS = 3  # built guests to keep


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="faultkit")
def cli() -> None:
    """Fault injection and recovery evaluation for split device drivers on Linux.

    \b
    faultkit doctor                      is everything there?
    faultkit run quickstart_nbd          run a campaign
    faultkit show results/quickstart_nbd/latest
    faultkit report results/*/latest     make a dashboard
    """


def main() -> NoReturn:
    """The entry point: every failure is one line and an exit code."""
    signal.signal(signal.SIGTERM, interrupted)
    try:
        code = cli.main(prog_name="faultkit", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as reason:
        code = say(reason.format_message(), 2)
    except click.ClickException as reason:
        code = say(f"faultkit: {' '.join(reason.format_message().split())}", 2)
    except FaultkitError as reason:
        code = say(f"faultkit: {reason}", reason.exit_code)
    except (click.Abort, KeyboardInterrupt):
        code = say("faultkit: interrupted; what has ended is stored, --resume goes on", 130)
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as reason:
        code = say(f"faultkit: {reason.filename or 'the system'}: {reason.strerror}", 5)
    sys.exit(code if isinstance(code, int) else 0)


def say(text: str, code: int) -> int:
    """Bad news, to standard error."""
    click.echo(text, err=True)
    return code


def interrupted(*_: object) -> NoReturn:
    """SIGTERM is treated as Ctrl-C."""
    raise KeyboardInterrupt


def result_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """A results directory; or the name of an experiment, for its latest results."""
    kind = click.Path(path_type=Path)
    return click.argument("result", type=kind, callback=lambda _context, _parameter, value: found(value))(function)


def found(path: Path) -> Path:
    """The directory that is meant: `quickstart_nbd` is short for `results/quickstart_nbd/latest`."""
    short = RESULTS / path / "latest"
    return short if not path.exists() and short.exists() else path


def opened(result: Path, *, readonly: bool = True) -> Store:
    """A store, with the parts of its trials importable if they lie beside a user's experiment."""
    store = Store.open(result, readonly=readonly)
    file = store.meta().get("file")
    if file and Path(file).exists():
        with suppress(UsageError):
            experiment.load(file)
    return store


@cli.command()
@click.argument("name", metavar="EXPERIMENT")
@click.option("--trials", "count", type=click.IntRange(min=1), help="Run only the first N trials.")
@click.option("--seed", type=click.IntRange(min=0), help="The experiment's seed (default: a new one, which is stored).")
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Trials at a time (default: one a processor).")
@click.option("--out", type=click.Path(path_type=Path), help="Results go here (default: results/EXPERIMENT/TIME-SEED).")
@click.option("--resume", is_flag=True, help="Go on with an interrupted campaign in --out (default: the latest one).")
@click.option("--dry-run", is_flag=True, help="Only say what would be run.")
@click.option("--accel", type=click.Choice(["tcg", "kvm"]), default="tcg", help="tcg is reproducible, kvm is not.")
@click.option("--shift", type=click.IntRange(0, 10), default=3, help="An instruction takes 2^N ns (default: 3).")
def run(
    name: str,
    count: int | None,
    seed: int | None,
    jobs: int | None,
    out: Path | None,
    resume: bool,
    dry_run: bool,
    accel: str,
    shift: int,
) -> int:
    """Run EXPERIMENT: one of ours by name (see `faultkit list`), or a file.py of yours."""
    asked = experiment.load(name)
    if resume:
        out = out or latest(asked.name)
        seed, count = as_before(out, seed, count)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    plan = experiment.plan(asked, seed, count)
    out = out or RESULTS / asked.name / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{seed}"
    if dry_run:
        click.echo(f"{asked.name}: {plan.count} trials, seed {seed}, {len(plan.groups)} template(s), into {out}")
        return 0
    if not resume and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty: give --resume to go on with it, or another --out")
    console = Console(stderr=True)
    guest = built_guest(console)
    if accel == "kvm":
        doctor.require_kvm(guest)
    machine = Machine(accel=accel, shift=shift)
    cores = jobs or len(os.sched_getaffinity(0))
    what = Campaign(experiment=asked, plan=plan, seed=seed, count=count, jobs=cores, machine=machine, image=guest)
    try:
        with Bar(console) as bar:
            campaign.run(what, out, resume=resume, watcher=bar)
    finally:
        link_latest(out)
    cache.prune("templates", KEEP)
    return conclude(out)


def built_guest(console: Console) -> Any:
    """The guest, with a word if it must be built first."""
    with console.status("looking for the guest (the first time, building it takes about a minute)"):
        guest = image()
    cache.prune("guests", GUESTS, spare=[guest.path])
    return guest


def as_before(out: Path, seed: int | None, count: int | None) -> tuple[int | None, int | None]:
    """The seed and the length of the campaign that is to go on, unless others are asked for."""
    if not (out / FILE).exists():
        return seed, count
    with Store.open(out) as store:
        meta = store.meta()
    return meta["seed"] if seed is None else seed, meta["planned"] if count is None else count


def latest(name: str) -> Path:
    """The results of an experiment that were begun last, even if killed since. Raises: UsageError if there are none."""
    begun = sorted(file.parent for file in (RESULTS / name).glob(f"[0-9]*/{FILE}"))
    if not begun:
        raise UsageError(f"--resume: there are no results of {name} to go on with: give --out, or leave it out")
    return begun[-1]


def link_latest(out: Path) -> None:
    """A `latest` link beside the results, if there are any."""
    link = out.parent / "latest"
    if (out / FILE).exists() and (link.is_symlink() or not link.exists()):
        link.unlink(missing_ok=True)
        link.symlink_to(out.name)


def conclude(out: Path) -> int:
    """The outcome table, and whether enough trials were valid."""
    with Store.open(out) as store:
        Console().print(OutcomeTable.of(store))
        counts = accounting(store)
        reasons = [reason for (reason,) in store.query("SELECT void FROM trials WHERE void IS NOT NULL LIMIT 1")]
    click.echo(f"results in {out}")
    if counts["void"] > VOID_SHARE * counts["planned"]:
        raise HarnessError(f"{counts['void']} of {counts['planned']} trials are void, the first: {reasons[0]}")
    return 0


@cli.command()
@result_argument
@click.argument("trial", type=click.IntRange(min=0), required=False)
@click.option("--json", "as_data", is_flag=True, help="For scripts.")
@click.option("--all", "everything", is_flag=True, help="With TRIAL: every event, also calls and requests.")
def show(result: Path, trial: int | None, as_data: bool, everything: bool) -> None:
    """Show a campaign's outcomes, or the time line of one TRIAL."""
    with opened(result) as store:
        if trial is not None and as_data:
            click.echo(json.dumps(timeline.as_json(store, trial)))
        elif trial is not None:
            Console().print(timeline.Timeline.of(store, trial, everything=everything))
        elif as_data:
            click.echo(json.dumps(as_json(store)))
        else:
            Console().print(OutcomeTable.of(store))


@cli.command(name="replay")
@result_argument
@click.argument("trials", type=click.IntRange(min=0), nargs=-1)
@click.option("--sample", type=click.IntRange(min=1), help="Replay N trials spread evenly over the campaign.")
@click.option("--times", type=click.IntRange(min=1), default=1, show_default=True, help="Run each N times.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Trials at a time.")
@click.option("--json", "as_data", is_flag=True, help="For scripts.")
def replay_trials(
    result: Path, trials: tuple[int, ...], sample: int | None, times: int, jobs: int, as_data: bool
) -> None:
    """Run stored TRIALS again; say whether outcomes and event traces agree, bit for bit."""
    if bool(trials) == bool(sample):
        raise UsageError("replay: give the numbers of the trials, or --sample N")
    with opened(result) as store:
        chosen = list(trials) or spread(store, sample or 1)
        runs = []
        for again in replay.replay(store, chosen, times, jobs, built_guest(Console(stderr=True))):
            runs.append(again)
            if not as_data:
                click.echo(described(again))
    agree = {"outcome_agrees": sum(r.outcome_agrees for r in runs), "events_agree": sum(r.events_agree for r in runs)}
    if as_data:
        click.echo(json.dumps({**agree, "runs": len(runs)}))
    else:
        click.echo(f"{len(runs)} runs: outcome agrees in {agree['outcome_agrees']}, events in {agree['events_agree']}")


def spread(store: Store, sample: int) -> list[int]:
    """Valid trials, evenly spread, the worst of them not favoured."""
    valid = [n for (n,) in store.query("SELECT n FROM trials WHERE void IS NULL ORDER BY n")]
    if not valid:
        raise UsageError(f"{store.path} has no valid trial to replay")
    count = min(sample, len(valid))
    return [valid[i * len(valid) // count] for i in range(count)]


def described(again: replay.Replay) -> str:
    """One replay in a line."""
    same = "bit for bit the same" if again.events_agree else "other events"
    outcome = "the same outcome" if again.outcome_agrees else "ANOTHER OUTCOME"
    line = f"trial {again.n}: {again.outcome}, {outcome}, {same}"
    if again.difference:
        then, now = (f"{e.t_ns} ns {e.kind} {dict(e.data)}" if e else "nothing" for e in again.difference)
        line += f"\n  then: {then}\n  now:  {now}"
    return line


@cli.command()
@result_argument
def judge(result: Path) -> None:
    """Judge stored records again, with the oracle of this version."""
    with opened(result, readonly=False) as store:
        click.echo(f"{store.rejudge()} of {len(store.done())} verdicts changed")


@cli.command(name="report")
@click.argument("results", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=RESULTS / "report.html", show_default=True)
def make_report(results: tuple[Path, ...], output: Path) -> None:
    """Write a dashboard of one or several campaigns: one HTML file that needs nothing else."""
    report.write([found(path) for path in results], output)
    click.echo(f"dashboard: {output.resolve()}")


@cli.command()
@result_argument
@click.option("--format", "kind", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: trials.FORMAT in the results.")
def export(result: Path, kind: str, output: Path | None) -> None:
    """Write the table of trials for other tools."""
    target = output or result / f"trials.{kind}"
    analysis.export(result, kind, target)
    click.echo(str(target))


@cli.command(name="list")
@click.argument("kind", type=click.Choice(catalogue.KINDS), required=False)
@click.option("--json", "as_data", is_flag=True, help="For scripts.")
def list_parts(kind: str | None, as_data: bool) -> None:
    """List what can be named in experiments."""
    kinds = [kind] if kind else list(catalogue.KINDS)
    found_items = {each: catalogue.items(each) for each in kinds}
    if as_data:
        data = {each: [{"name": i.name, "summary": i.summary} for i in its] for each, its in found_items.items()}
        click.echo(json.dumps(data))
        return
    for each, its in found_items.items():
        click.echo(each)
        for item in its:
            click.echo(f"  {item.name:18} {item.summary}")


@cli.command(name="doctor")
@click.option("--json", "as_data", is_flag=True, help="For scripts.")
def examine(as_data: bool) -> int:
    """Say of each prerequisite whether it is there, and which command mends it."""
    findings = list(doctor.examine())
    if as_data:
        fields = ("name", "ok", "detail", "mend")
        click.echo(json.dumps([{f: getattr(finding, f) for f in fields} for finding in findings]))
    else:
        table = Table(box=None, show_header=False)
        for finding in findings:
            mark, words = ("ok", finding.detail) if finding.ok else ("MISSING", finding.mend)
            table.add_row(mark, finding.name, words)
        Console().print(table)
    return 0 if all(finding.ok for finding in findings) else 4
