"""Fuzzing for hours: `python -m tests.fuzz logs --hours 2 --seed 1`; TARGET is one of events, logs, stores, guests.

Each case is drawn from the seed and its number alone. One that fails is told and kept in --keep, and the next follows.
Exit code: 0 if none failed, else 1.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tests.fuzz import events, guests, logs, stores
from tests.fuzz.running import Target, run_for

TARGETS: dict[str, Target] = {"events": events, "logs": logs, "stores": stores, "guests": guests}
EVERY_S = 60.0  # between two lines that tell of the progress


@click.command()
@click.argument("name", type=click.Choice([*TARGETS]), metavar="TARGET")
@click.option("--hours", default=1.0, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--first", default=0, show_default=True, help="The number of the first case.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the cases that fail.")
def main(name: str, hours: float, seed: int, first: int, keep: Path | None) -> None:
    """Run cases of a fuzzer for hours."""
    start, told, done, bad = time.monotonic(), time.monotonic(), first, 0

    def tell(n: int) -> None:
        nonlocal told, done
        done = n
        if time.monotonic() - told > EVERY_S:
            told = time.monotonic()
            print(f"{name}: {n - first} cases in {(told - start) / 60:.0f} min, {bad} failed", flush=True)

    for failed in run_for(TARGETS[name], seed, hours * 3600, first=first, tell=tell):
        bad += 1
        print(f"{name} --seed {seed} --first {failed.n}:\n{failed.why}", flush=True)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{name}-{seed}-{failed.n}").write_bytes(failed.case)
    print(f"{name}: {done - first} cases from {first} on in {(time.monotonic() - start) / 3600:.2f} h, seed {seed}, "
          f"{bad} failed")  # fmt: skip
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
