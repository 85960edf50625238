"""Made-up campaigns: seeded trials with plausible events, for tests, screenshots and benchmarks.

`python -m tests.synthetic DIRECTORY [TRIALS [SEED]]` writes one. The figures mean nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from faultkit.model.code import Site
from faultkit.model.events import Ending, Event, Outcome
from faultkit.model.policies import Nothing, ReloadKDriver, RestartUDriver
from faultkit.model.trial import Record, Trial
from faultkit.model.triggers import AtRequest
from faultkit.running.judging import keep, keep_all
from faultkit.store.store import Row, Store
from faultkit.verdict.strata import function_of
from tests.records import EVENTS_OF, MS, USUAL, CallError, Hang, Kill, Nbd, Rtl8139, Writes, a_golden_row, a_row

QUESTION = """Does a restarted u-driver lose acknowledged writes when it fails under load?

Expected: no, at any queue depth: nbd holds what was in flight until the connection is back.
"""
FUNCTIONS = ("cp_start_xmit", "cp_rx_poll", "cp_interrupt", "nbd_queue_rq", "nbd_read_reply", "recv_work")
SITE = Site(function="cp_start_xmit", offset=16, address=16, old="741d", before="je 0x2f", after="jne 0x2f")


@dataclass(frozen=True, slots=True)
class Text(Kill):
    """A changed instruction."""

    site: Site = SITE


FAULTS = (Kill(), Hang(), CallError(), Text())
POLICIES = (RestartUDriver(), ReloadKDriver(), Nothing())
GOLDEN_EVERY = 25
VOID_SHARE = 0.01

# Relative frequencies of the outcomes of each fault; an outcome that is not among them does not occur.
WEIGHTS: Mapping[str, Mapping[str, int]] = {
    fault: dict(zip(USUAL, weights, strict=True))
    for fault, weights in {
        "Kill": (0, 2, 80, 10, 3, 3, 1, 1),
        "Hang": (1, 4, 60, 20, 5, 10, 0, 0),
        "CallError": (30, 20, 30, 12, 5, 2, 1, 0),
        "Text": (40, 18, 12, 6, 6, 4, 12, 2),
    }.items()
}
CRASHES = (("oops", "page fault"), ("oops", "page fault"), ("oops", "invalid opcode"), ("lockup", "soft lockup"))
CONSOLE = """[    1.402113] nbd: registered device at major 43
[    {t:.6f}] BUG: unable to handle page fault for address: ffffc90000a51008
[    {t:.6f}] #PF: supervisor write access in kernel mode
[    {t:.6f}] CPU: 0 UID: 0 PID: 214 Comm: kworker/u2:3 Tainted: G           OE      6.12.0-amd64 #1
[    {t:.6f}] RIP: 0010:{function}+0x4f/0x210 [nbd]
[    {t:.6f}] Code: 48 89 <fb> 0f 1f 44 00 00
[    {t:.6f}] Call Trace:
[    {t:.6f}]  <TASK>
[    {t:.6f}]  ? __die_body+0x1b/0x60
[    {t:.6f}]  blk_mq_dispatch_rq_list+0x12c/0x7a0
[    {t:.6f}]  </TASK>
[    {t:.6f}] Kernel panic - not syncing: Fatal exception in interrupt
"""
QUIET = "[    1.402113] nbd: registered device at major 43\n[    1.630002] block nbd0: connected\n"


@dataclass(slots=True)
class Story:
    """The events of one trial as they are made up, in any order."""

    rng: Random
    events: list[Event] = field(default_factory=list)

    def tell(self, ms: float, source: str, kind: str, /, **data: Any) -> float:
        """Adds an event at `ms`; returns `ms`."""
        self.events.append(Event(round(ms * MS), source, kind, data))
        return ms

    def around(self, ms: float) -> float:
        """A skewed duration with the median `ms`."""
        return self.rng.lognormvariate(0, 0.45) * ms

    def request(self, n: int, start: float, took: float, error: str | None = None) -> float:
        """One request with its path through the driver; returns its end."""
        op, end = self.rng.choice(("write", "write", "read")), start + took
        self.tell(start, "workload", "request.issued", n=n, op=op, block=self.rng.randrange(4096))
        self.tell(start + 0.02, "calls", "call.entered", function="nbd_queue_rq")
        self.tell(start + 0.03, "requests", "block.issued", sector=8 * n, bytes=4096, op="W")
        took_ns = round(took * MS)
        if error:
            return self.tell(end, "workload", "request.failed", n=n, op=op, error=error, latency_ns=took_ns)
        self.tell(
            end - 0.02, "requests", "block.completed", sector=8 * n, bytes=4096, op="W", latency_ns=took_ns, error=0
        )
        return self.tell(end, "workload", "request.completed", n=n, op=op, latency_ns=took_ns)

    def requests(self, first: int, count: int, start: float) -> float:
        """Some requests in a row; returns the end of the last."""
        for n in range(first, first + count):
            start = self.request(n, start, self.around(0.6)) + 0.05
        return start


def golden(story: Story, requests: int) -> None:
    """Nothing goes wrong."""
    end = story.requests(1, requests, 0.1)
    story.tell(end, "agent", "workload.finished", in_time=True)
    story.tell(end + 5, "workload", "check.passed")


def faulty(story: Story, fault: Any, outcome: Outcome, requests: int) -> None:
    """A fault at half time that ends in `outcome`."""
    rng, n = story.rng, requests // 2
    start = story.requests(1, n, 0.1)
    site = {"function": fault.function, "address": 0xFFFFFFFFC0A51010} if hasattr(fault, "function") else {}
    story.tell(start, "host", "fault.injected", **site)
    if outcome is Outcome.INACTIVE:
        start = story.requests(n + 1, requests - n, start)
    else:
        active = story.tell(start + story.around(0.3), "host", "fault.activated")
        start = activated(story, fault, outcome, n + 1, active)
        if outcome <= Outcome.DISRUPTED or outcome is Outcome.CORRUPT:
            start = story.requests(n + 2, requests - n, start)
    if outcome is not Outcome.CRASHED:
        story.tell(start, "agent", "workload.finished", in_time=outcome is not Outcome.HUNG)
    if outcome is Outcome.CORRUPT:
        story.tell(start + 4, "workload", "read.mismatched", n=n, block=rng.randrange(4096))
    if outcome <= Outcome.DISRUPTED:
        story.tell(start + 5, "workload", "check.passed")


def activated(story: Story, fault: Any, outcome: Outcome, n: int, active: float) -> float:
    """The events after activation. Returns the time when the next request may be issued."""
    if outcome is Outcome.MASKED:
        return active
    if outcome is Outcome.CRASHED:
        return crash(story, fault, active)
    died = isinstance(fault, Kill) and not isinstance(fault, (Hang, CallError, Text))
    by = "pidfd" if died else story.rng.choice(("heartbeat", "heartbeat", "requests", "kernel"))
    if died:
        story.tell(active + 0.1, "process", "udriver.died")
    after = {"pidfd": 0.2, "heartbeat": 420, "requests": 60, "kernel": 3}[by]
    seen = story.tell(active + story.around(after), "recovery", "error.detected", by=by, what="no answer for 1 s")
    back = recovery(story, outcome, seen)
    if outcome is Outcome.HUNG:
        op, age = "write", 30_000 - active
        story.tell(active + 0.2, "workload", "request.issued", n=n, op=op)
        return story.tell(30_000, "workload", "request.stuck", n=n, op=op, age_ns=round(age * MS))
    failed = "EIO" if outcome in (Outcome.DISRUPTED, Outcome.LOST) else None
    if failed or back - active < 900:
        return story.request(n, active + 0.2, back - active, failed)
    return back


def crash(story: Story, fault: Any, active: float) -> float:
    """The kernel's end."""
    kind, what = story.rng.choice(CRASHES)
    t = story.tell(
        active + story.around(0.4), "kernel", f"kernel.{kind}",
        what=what, function=function_of(fault) or "recv_work", offset="0x4f", text="RIP: 0010:...",
    )  # fmt: skip
    story.tell(t + 0.2, "kernel", "kernel.panic", what="Fatal exception in interrupt", text="")
    return story.tell(t + 0.3, "host", "guest.panicked")


def recovery(story: Story, outcome: Outcome, seen: float) -> float:
    """One to three attempts, the last of which works unless the service is to be lost."""
    attempts = 3 if outcome is Outcome.LOST else 1 + (story.rng.random() < 0.2)
    for attempt in range(1, attempts + 1):
        story.tell(seen, "recovery", "recovery.started", action="restart", attempt=attempt)
        for step in ("stop_udriver", "start_udriver", "reattach", "probe"):
            seen = story.tell(seen + story.around(9), "recovery", "recovery.step", step=step)
        ok = attempt == attempts and outcome is not Outcome.LOST
        error = None if ok else "Connection refused"
        story.tell(seen, "recovery", "recovery.finished", action="restart", ok=ok, error=error)
    if outcome is Outcome.LOST:
        story.tell(seen, "recovery", "recovery.gave_up")
        return story.tell(seen + 1, "workload", "workload.gave_up", why="Input/output error")
    story.tell(seen - 20, "process", "udriver.started", pid=312)
    return story.tell(seen, "recovery", "service.restored")


def fault_of(rng: Random, seed: int) -> Any:
    """One of the faults, its site drawn."""
    fault = rng.choice(FAULTS)
    if isinstance(fault, CallError):
        return CallError(function=rng.choice(FUNCTIONS))
    if isinstance(fault, Text):
        return Text(site=replace(fault.site, function=rng.choice(FUNCTIONS)))
    return fault


def trial_of(n: int, seed: int) -> Trial:
    """The n-th trial of the campaign: every 25th is golden."""
    rng = Random(f"{seed}/{n}/plan")
    fault = None if n % GOLDEN_EVERY == 0 else fault_of(rng, seed)
    return Trial(
        driver=Rtl8139() if isinstance(fault, Text) else Nbd(),
        workload=Writes(),
        policy=rng.choice(POLICIES[:2]) if isinstance(fault, (Text, CallError)) else POLICIES[0],
        seed=n,
        fault=fault,
        trigger=AtRequest(rng.randrange(1, 40)) if fault else None,
    )


def outcome_of(trial: Trial, rng: Random) -> Outcome:
    """The intended outcome of a trial."""
    weights = WEIGHTS[type(trial.fault).__name__]
    return Outcome[rng.choices(tuple(weights), weights=tuple(weights.values()))[0]]


def record_of(trial: Trial, rng: Random, requests: int) -> Record:
    """A made-up record."""
    story = Story(rng)
    story.tell(0, "agent", "trial.started")
    crashed = False
    if trial.fault is None:
        golden(story, requests)
    else:
        outcome = outcome_of(trial, rng)
        crashed = outcome is Outcome.CRASHED
        faulty(story, trial.fault, outcome, requests)
    events = sorted(story.events, key=lambda e: e.t_ns)
    end = events[-1].t_ns
    tail = () if crashed else (Event(end + MS, "agent", "trial.finished"),)
    function = function_of(trial.fault) or "recv_work"
    return Record(
        trial=trial,
        ending=Ending.PANICKED if crashed else Ending.FINISHED,
        events=(*events, *tail),
        console=CONSOLE.format(t=end / 1e9, function=function) if crashed else QUIET,
        lost={"requests": 0},
        wall_s=rng.uniform(0.3, 0.9),
        guest_s=rng.uniform(0.2, 0.3),
    )


def rows(count: int, seed: int = 7, requests: int = 40) -> Iterator[Row]:
    """The trials of a campaign, ready for a store; about one in a hundred is void."""
    for n in range(count):
        trial, rng = trial_of(n, seed), Random(f"{seed}/{n}/story")
        void = "QEMU ended with status 1" if rng.random() < VOID_SHARE else None
        yield Row(
            n=n, trial=trial, template="3f9a62c1", attempts=3 if void else 1,
            record=None if void else record_of(trial, rng, requests), void=void,
        )  # fmt: skip


def meta(count: int, seed: int = 7, experiment: str = "kill_under_load") -> dict[str, Any]:
    """The facts that a campaign writes about itself."""
    return {
        "experiment": experiment,
        "question": QUESTION,
        "seed": seed,
        "planned": count,
        "command": f"faultkit run {experiment} --trials {count} --seed {seed} --jobs 2",
        "jobs": 2,
        "faultkit_version": "0.1.0",
        "git_revision": "0" * 40,
        "kernel": "6.12.0-amd64",
        "qemu": "7.2.9",
        "image": "sha256:" + "ab" * 32,
        "started": "2025-01-02T03:04:05+00:00",
        "finished": "2025-01-02T03:06:41+00:00",
        "wall_s": 156.2,
        "drivers": ["nbd", "rtl8139"],
        "list_hash": "sha256:" + "cd" * 32,
        "accel": "tcg",
        "shift": 3,
    }


def campaign(directory: Path, count: int = 300, seed: int = 7, requests: int = 40, **facts: Any) -> Path:
    """A campaign of `count` trials in a new directory; `facts` replace what `meta` says. Returns the directory."""
    with Store.create(directory, meta(count, seed) | facts) as store:
        keep_all(store, rows(count, seed, requests))
    return directory


def one_of_each(directory: Path) -> Store:
    """A campaign of 16 planned trials: one kill per outcome, a hang, two golden trials, a void one."""
    store = Store.create(directory, meta(16))
    keep_all(store, [a_row(n, *events) for n, events in enumerate(USUAL.values())])
    keep(store, a_row(8, *EVENTS_OF["HUNG"], fault=Hang()))
    keep_all(store, [a_golden_row(9), a_golden_row(10), a_row(11, void="QEMU ended with status 1")])
    return store


def main(arguments: Sequence[str]) -> None:
    """Writes one campaign."""
    directory, *numbers = arguments
    campaign(Path(directory), *map(int, numbers))


if __name__ == "__main__":
    main(sys.argv[1:])
