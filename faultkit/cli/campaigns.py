"""Campaigns of `run`, `rerun` and `gate`: with a bar, a few replays, and the outcome table at the end."""

from __future__ import annotations

import json
import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from faultkit.cli import terminal
from faultkit.cli.reference import EXIT_CODES
from faultkit.cli.results import RESULTS, built_guest, link_latest
from faultkit.machine.image import Image, image_at_hand
from faultkit.machine.qemu import Machine
from faultkit.model.errors import FaultkitError, HarnessError, NotPlaced, UsageError
from faultkit.results.conclusion import conclusion, trouble
from faultkit.results.summary import replay_totals
from faultkit.running import campaign, doctor, experiment
from faultkit.running.campaign import Campaign
from faultkit.running.experiment import Experiment, Plan
from faultkit.running.progress import Bar
from faultkit.running.replay import recorded_image, replay, spread
from faultkit.store import queries
from faultkit.store.birth import refuse_occupied, vacant
from faultkit.store.claim import claimed
from faultkit.store.store import Row, Store
from faultkit.tables.outcome_table import OutcomeTable
from faultkit.verdict.judge import Verdict

AGAIN, AGAIN_EVERY = 5, 20  # at the end 5 trials are replayed, but no more than one in 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A campaign as the command line asks for it."""

    experiment: Experiment
    seed: int
    count: int | None  # only the first trials
    jobs: int | None  # None: one a processor
    out: Path
    resume: bool
    dry_run: bool
    again: int | None  # trials to replay; None: a few
    machine: Machine


def place_for(name: str, seed: int) -> Path:
    """The directory for new results of an experiment."""
    return RESULTS / name / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{seed}"


def carry_out(asked: Asked, *, as_data: bool = False) -> int:
    """Run a campaign and print its results; with `dry_run` only its size. Raises: as `campaign.run_campaign`."""
    if asked.dry_run:
        found = intended(asked)
        line = "{experiment}: {trials} trials, seed {seed}, {templates} template(s), into {result}"
        places = "its faults have places" if found["placed"] else "places of faults are checked in the templates"
        click.echo(json.dumps(found) if as_data else f"{line.format(**found)}; {places}")
        return 0
    execute(asked)
    return conclude(asked.out, as_data=as_data)


def intended(asked: Asked) -> dict[str, Any]:
    """The size and place of a campaign, for `--dry-run`. Raises: UsageError, NotPlaced if it cannot be run."""
    plan = experiment.plan(asked.experiment, asked.seed, asked.count)
    return {
        "experiment": asked.experiment.name,
        "seed": asked.seed,
        "trials": plan.count,
        "templates": len(plan.groups),
        "result": str(asked.out),
        "placed": placed(asked, plan),
    }


def placed(asked: Asked, plan: Plan) -> bool | None:
    """True if each fault has its place; None if that cannot be told, as guest or templates are not at hand.

    Raises: NotPlaced for one that has none.
    """
    try:
        image = image_at_hand()
        return (image and campaign.refuse_unplaced_now(campaign_of(asked, plan, image))) or None
    except NotPlaced:
        raise
    except FaultkitError:
        return None


def execute(asked: Asked) -> None:
    """Run a campaign, and replay a few of its trials. Raises: as `campaign.run_campaign`."""
    if not asked.resume:
        refuse_occupied(asked.out)
    elif asked.out.exists() and not asked.out.is_dir():
        raise UsageError(f"--resume: {asked.out} is a file: give the directory that it lies in")
    with claimed(asked.out):
        execute_alone(asked)


def execute_alone(asked: Asked) -> None:
    """The same, while no other process runs a campaign into that directory."""
    plan = experiment.plan(asked.experiment, asked.seed, asked.count)
    out, console, new = asked.out, terminal.progress(), vacant(asked.out)
    guest = guest_for(asked, console)
    if asked.machine.accel == "kvm":
        doctor.require_kvm(guest)
    with Bar(console) as bar:
        what = campaign_of(asked, plan, guest)
        campaign.run_campaign(what, out, resume=asked.resume, listener=Linking(bar, out, new))
    run_again(out, asked.again, guest, console)


def campaign_of(asked: Asked, plan: Plan, guest: Image) -> Campaign:
    """The campaign that is asked for, on this guest."""
    return Campaign(
        experiment=asked.experiment, plan=plan, seed=asked.seed, count=asked.count, machine=asked.machine, image=guest,
        jobs=asked.jobs or len(os.sched_getaffinity(0)), stop=asked.experiment.stop,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Linking:
    """A bar that makes a campaign the latest one when its store is there."""

    bar: Bar
    out: Path
    new: bool  # it begins now

    def preparing(self, driver: str) -> None:
        """Pass on the driver whose template is being prepared."""
        self.bar.preparing(driver)

    def started(self, planned: int, done: int) -> None:
        """Link `latest`, and pass on that trials begin."""
        link_latest(self.out, new=self.new)
        self.bar.started(planned, done)

    def stored(self, row: Row, verdict: Verdict | None) -> None:
        """Pass on that a trial is in the store."""
        self.bar.stored(row, verdict)


def guest_for(asked: Asked, console: Console) -> Image:
    """The newest guest; for a campaign that goes on, the one that it began on. Raises: UnmetNeed, HarnessError."""
    if not asked.resume or vacant(asked.out):
        return built_guest(console)
    with Store.open(asked.out) as store, console.status("looking for the guest that the campaign began on"):
        return recorded_image(store)


def run_again(out: Path, count: int | None, guest: Image, console: Console) -> None:
    """Replay a few trials, so that the results say how reproducible they are. A failure leaves the results valid."""
    with Store.open(out, readonly=False) as store:
        sample = sample_size(store, count)
        if not sample:
            return
        store.set_meta("finished", None)
        try:
            with console.status(f"running {sample} trials again"):
                deque(replay(store, spread(store, sample), 1, 1, guest), maxlen=0)
        except FaultkitError as reason:
            console.print(f"trials could not be run again: {reason}", highlight=False)
        finally:
            store.set_meta("finished", campaign.now())


def sample_size(store: Store, count: int | None) -> int:
    """The number of trials to replay: as asked for; by default a few, once, if they are reproducible."""
    ran = len(queries.valid_numbers(store))
    if count is not None:
        return min(count, ran)
    reproducible = store.meta().accel == "tcg" and not replay_totals(store)["runs"]
    return min(AGAIN, ran // AGAIN_EVERY) if reproducible else 0


def conclude(out: Path, *, as_data: bool = False) -> int:
    """Print the outcome table, or JSON for scripts. Raises: HarnessError if too few trials were valid."""
    with Store.open(out) as store:
        bad = trouble(store)
        with suppress(BrokenPipeError):  # trouble is told, and is the exit code, whoever reads along
            if as_data:
                code = HarnessError.exit_code if bad else 0
                ending = {"result": str(out), "exit_code": code, "meaning": EXIT_CODES[str(code)]}
                click.echo(json.dumps(ending | conclusion(store)))
            else:
                terminal.output().print(OutcomeTable.of(store))
                click.echo(f"results in {out}")
    if bad:
        raise HarnessError(bad)
    return 0
