"""The report of a failed test's trials, and their storage as a campaign's results."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from faultkit.machine.cache import digest
from faultkit.model.codec import dumps
from faultkit.model.errors import FaultkitError
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.running.campaign import Campaign, about, blueprints_of, now
from faultkit.running.experiment import Experiment, Plan
from faultkit.running.judging import keep_all
from faultkit.store.store import Store
from faultkit.tables.timeline import Timeline

WIDTH = 120


def sections(item: pytest.Item, guest: PreparedGuest) -> Iterator[tuple[str, str]]:
    """The sections of a failed test's report: the time line of its last trial, and the place of its trials."""
    last = guest.trials[-1]
    console = Console(width=WIDTH, color_system=None, markup=False, emoji=False)
    with console.capture() as text:
        console.print(Timeline.from_events(repr(last).strip("<>"), last.record.events, last.record.console))
    yield "faultkit: the last trial", f"{text.get()}\n{where(item, guest)}"


def where(item: pytest.Item, guest: PreparedGuest) -> str:
    """The place of the kept trials, or the way to keep them."""
    keep: Path | None = item.config.getoption("--faultkit-keep")
    if keep is None:
        return "pytest --faultkit-keep DIR keeps a failed test's trials, for `faultkit show` and `faultkit replay`"
    try:
        out = kept(item, guest, keep)
    except FaultkitError as reason:
        return f"the trials could not be kept: {reason}"
    return f"all of it: faultkit show {shlex.quote(str(out))} {guest.trials[-1].row.n} --all"


def kept(item: pytest.Item, guest: PreparedGuest, keep: Path) -> Path:
    """Store a test's trials in a directory of their own. Raises: HarnessError if the disk refuses."""
    out = free(keep / re.sub(r"[^\w.-]+", "-", item.nodeid).strip("-"))
    plans = [ran.record.trial for ran in guest.trials]
    campaign = Campaign(
        experiment=Experiment(item.name, f"The trials of {item.nodeid}.", lambda _: iter(plans), item.path),
        plan=Plan(len(plans), digest(*map(dumps, plans)), guest.groups),
        seed=guest.golden.seed,
        count=None,
        jobs=1,
        machine=guest.session.machine,
        image=guest.session.image,
    )
    command = shlex.join(["pytest", *map(str, item.config.invocation_params.args)])
    with Store.create(out, about(campaign, blueprints_of(campaign)) | {"command": command}) as store:
        keep_all(store, (ran.row for ran in guest.trials))
        store.set_meta("finished", now())
    return out


def free(path: Path) -> Path:
    """The path, or the first of path-2, path-3, ... that is not there."""
    if not path.exists():
        return path
    return next(other for n in count(2) if not (other := path.with_name(f"{path.name}-{n}")).exists())
