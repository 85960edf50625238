"""The soak: `python -m tests.soak --faults 1000`, as root, for small file systems that can be filled.

It runs one campaign undisturbed. Then it runs the same campaign again and again while it harms it, and resumes it
after each end. When so many harms are done, it lets the last one finish, and prints its figures. All is drawn from a
seed. Exit code: 0 if nothing was wrong, else 1.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM
from typing import Any

import click

from faultkit.machine import cache
from faultkit.store.database import FILE
from tests.soak import harms, proof
from tests.soak.session import FaultkitRun, Places, adopt_orphans, left_over

CACHE_MIB, RESULTS_MIB = 3000, 96
LONGEST_S = 600.0  # of one run: far beyond what the rest of a campaign takes
MEAN_S, LONGEST_QUIET_S = 2.5, 15.0  # between two harms; twelve times as much while a template is prepared
BEGUN_SHARE, LONGEST_START_S = 0.7, 60.0  # as many runs are harmed once they have stored a trial, or after that long
INTERRUPTED = 130
KILLS = frozenset({SIGKILL, SIGQUIT, SIGABRT, SIGTERM, SIGINT, SIGHUP})  # the last three: before Python handles them
MAY_END_WITH = frozenset({0, 4, 5, INTERRUPTED, *(-number for number in KILLS)})
SURPRISES = ("Traceback", "an error of faultkit's own", "database disk image is malformed")


@dataclass(slots=True)
class Soak:
    """The soak under way, and its findings."""

    places: Places
    seed: int
    jobs: int
    trials: int
    draw: random.Random
    undisturbed: list[tuple[Any, ...]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)  # harms, by name
    ends: Counter[int] = field(default_factory=Counter)  # runs, by exit code
    wrong: list[str] = field(default_factory=list)
    campaigns: int = 0

    def begin(self, out: Path) -> FaultkitRun:
        """Begin or resume the campaign."""
        return FaultkitRun.start(self.places, out, self.seed, self.jobs, self.trials)

    def run_undisturbed(self) -> None:
        """The campaign that all others are compared with. Raises: ClickException if it does not end well."""
        run = self.begin(self.places.results / "undisturbed")
        if run.process.wait():
            raise click.ClickException(f"the undisturbed campaign ended badly: {run.complaints()}")
        self.undisturbed = proof.rows(self.places.results / "undisturbed")

    def run_campaign(self, goal: int, deadline: float) -> None:
        """One campaign from its first trial to its last, harmed until the goal is reached."""
        shutil.rmtree(self.places.out, ignore_errors=True)
        while proof.valid(proof.rows(self.places.out)) < self.trials:
            self.run_once(goal, deadline)
        self.run_once(0, deadline)  # the last run may have been killed, and has left SQLite's files
        self.campaigns += 1
        self.note("", proof.differences(proof.rows(self.places.out), self.undisturbed))
        self.note("", self.leftovers())

    def run_once(self, goal: int, deadline: float) -> None:
        """One run of faultkit, harmed now and then: from its beginning, or once it has stored a trial."""
        before, names = proof.rows(self.places.out), list[str]()
        run = self.begin(self.places.out)
        if self.draw.random() < BEGUN_SHARE and self.done.total() < goal:
            self.wait_for_a_trial(run, proof.valid(before))
        while self.done.total() < goal and time.monotonic() < deadline:
            if run.ended_within(
                min(self.draw.expovariate(1 / MEAN_S), LONGEST_QUIET_S) * (1 if self.prepared() else 12)
            ):
                break
            name = harms.harm(harms.Scene(run, self.places, self.draw))
            names += [name] if name else []
            self.done.update(names[-1:] if name else ())
        if not run.ended_within(LONGEST_S):
            self.note(names, [f"it did not end within {LONGEST_S:g} s"])
            run.send(SIGKILL)
        code, said = run.process.wait(), run.complaints()
        self.ends[code] += 1
        surprises = [said[-1500:]] if code not in MAY_END_WITH or any(word in said for word in SURPRISES) else []
        left = [f"a process is left: {each}" for each in left_over()]
        now = proof.rows(self.places.out)
        self.note(names, [*surprises, *left, *proof.changed(before, now)])
        valid = proof.valid(now)
        print(f"{self.done.total():5} harms  code {code:4}  {valid:3} valid trials  {' '.join(names)}", flush=True)

    def wait_for_a_trial(self, run: FaultkitRun, before: int) -> None:
        """Let a run come to its first trial that is valid."""
        deadline = time.monotonic() + LONGEST_START_S
        while run.running and time.monotonic() < deadline and proof.valid(proof.rows(self.places.out)) <= before:
            time.sleep(0.1)

    def prepared(self) -> bool:
        """True if no template is to be prepared."""
        return any((self.places.cache / "templates").glob("[!.]*"))

    def note(self, names: list[str] | str, problems: list[str]) -> None:
        """Keep what was wrong, and show it at once."""
        for each in problems:
            self.wrong.append(f"after {names}: {each}")
            print(f"WRONG {self.wrong[-1]}", flush=True)

    def leftovers(self) -> list[str]:
        """The files that are there and should not be, at the end of a campaign."""
        here = [path.name for path in self.places.temporary.iterdir()]
        beside = {path.name: path.stat().st_size for path in self.places.out.iterdir()}
        empty = {f"{FILE}-shm", *([f"{FILE}-wal"] if not beside.get(f"{FILE}-wal") else [])}  # of who has looked last
        return [f"a file is left: {name}" for name in (*here, *(beside.keys() - {FILE} - empty))]

    def halves(self) -> list[str]:
        """Halves of entries in the cache that the next build does not clear."""
        subprocess.run(
            [sys.executable, "-c", "from faultkit.machine import cache; cache.clear_leftovers()"],
            env=self.places.environment, check=True,
        )  # fmt: skip
        return [f"a half is left: {path}" for kind in cache.KINDS for path in (self.places.cache / kind).glob(".*")]


@contextmanager
def file_system(place: Path, mib: int) -> Iterator[Path]:
    """A small file system in memory, for as long as the soak lasts."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "soak", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def places_of() -> Iterator[Places]:
    """The soak's places, with the guest of the user's cache in its own."""
    with tempfile.TemporaryDirectory(prefix="faultkit-soak-") as folder:
        base = Path(folder)
        (base / "temporary").mkdir()
        with file_system(base / "results", RESULTS_MIB) as results, file_system(base / "cache", CACHE_MIB) as own:
            if (guests := cache.place() / "guests").is_dir():
                shutil.copytree(guests, own / "guests")
            yield Places(results=results, cache=own, temporary=base / "temporary")


@click.command()
@click.option("--faults", default=1000, show_default=True, help="How many harms are to be done.")
@click.option("--hours", default=2.0, show_default=True, help="No further harm after so many hours.")
@click.option("--seed", default=1, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Trials at a time.")
@click.option("--trials", default=280, show_default=True, help="Trials of a campaign.")
def main(faults: int, hours: float, seed: int, jobs: int, trials: int) -> None:
    """Harm a campaign, and compare it with one that nobody disturbed."""
    start = time.monotonic()
    adopt_orphans()
    with places_of() as places:
        soak = Soak(places=places, seed=seed, jobs=jobs, trials=trials, draw=random.Random(seed))
        soak.run_undisturbed()
        print(f"the undisturbed campaign has {len(soak.undisturbed)} trials", flush=True)
        while soak.done.total() < faults and time.monotonic() < start + 3600 * hours:
            soak.run_campaign(faults, start + 3600 * hours)
        soak.note("", soak.halves())
    figures = {
        "harms": soak.done.total(),
        "by_kind": dict(soak.done.most_common()),
        "campaigns": soak.campaigns,
        "trials_each": trials,
        "runs": soak.ends.total(),
        "exit_codes": {str(code): count for code, count in soak.ends.most_common()},
        "minutes": round((time.monotonic() - start) / 60, 1),
        "seed": seed,
        "wrong": len(soak.wrong),
    }
    print(json.dumps(figures, indent=2))
    sys.exit(1 if soak.wrong else 0)


if __name__ == "__main__":
    main()
