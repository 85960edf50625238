"""A campaign whose trials end at once: all of the harness but the guests. Prints its peak memory in bytes."""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console

from faultkit.machine.image import image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template
from faultkit.model.events import Ending, Event, Kind
from faultkit.model.trial import Record, Trial
from faultkit.running import campaign, experiment
from faultkit.running.campaign import Campaign, row_of
from faultkit.running.progress import Bar

LENGTHS = (1_000, 100_000)
SEED = 1


class Instant(Executor):
    """Answers every trial with a short record, at once."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        base, n, trial = args
        future: Future[Any] = Future()
        future.set_result(row_of(base, n, trial, 1, record_of(base, trial)))
        return future


def record_of(base: Template, trial: Trial) -> Record:
    """The record that a real trial would have left."""
    requests = (Event(t, "workload", Kind.REQUEST_COMPLETED, {"n": t, "op": "read", "latency_ns": 1}) for t in range(8))
    return Record(trial=trial, ending=Ending.FINISHED, events=tuple(requests), console=base.key)


def main() -> None:
    """Run one campaign, and print its peak memory."""
    length = int(sys.argv[1])
    ours = experiment.load_experiment("quickstart_nbd")

    def trials(seed: int) -> Iterator[Trial]:
        return islice(cycle(list(ours.trials(seed))), length)

    endless = experiment.Experiment("longrun", "", trials)
    plan = experiment.plan(endless, SEED, None)
    what = Campaign(experiment=endless, plan=plan, seed=SEED, count=None, jobs=2, machine=Machine(), image=image())
    with tempfile.TemporaryDirectory(prefix="faultkit-bench-") as scratch, Bar(Console(stderr=True)) as bar:
        campaign.run_campaign(what, Path(scratch) / "out", resume=False, listener=bar, executor=Instant())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
