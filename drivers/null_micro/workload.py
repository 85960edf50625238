"""Measured calls: up to the u-driver, into the kernel, to another process."""

from __future__ import annotations

import subprocess
from array import array
from dataclasses import dataclass
from functools import partial
from statistics import quantiles

from faultkit.kit import Bench, Check, Kind, final_check

PROGRAM = "/faultkit/bin/crossing_cost"
CALLS = ("upcall", "system_call", "pipe")


@dataclass(frozen=True, slots=True)
class CrossingCost:
    """An empty upcall, beside a system call and a pipe round trip; their quantiles are reported."""

    samples: int = 2000
    deadline_s: float = 30.0
    late_s: float = 20.0

    def run(self, bench: Bench) -> Check:
        for call in CALLS:
            with bench.request(call, samples=self.samples):
                measured = measure(call, self.samples)
            cuts = quantiles(measured, n=100, method="inclusive")
            p50_ns, p99_ns = round(cuts[49]), round(cuts[98])
            bench.report("workload", Kind.COST_MEASURED, call=call, samples=self.samples, p50_ns=p50_ns, p99_ns=p99_ns)
        return partial(check, bench)


def measure(call: str, samples: int) -> array[int]:
    """Nanoseconds of each. Raises: OSError if one fails."""
    done = subprocess.run([PROGRAM, call, str(samples)], capture_output=True, check=False)
    if done.returncode or len(done.stdout) != 8 * samples:
        raise OSError(f"crossing_cost {call}: {len(done.stdout)} bytes, exit code {done.returncode}")
    return array("Q", done.stdout)


def check(bench: Bench) -> None:
    """Make one more upcall."""
    with final_check(bench):
        bench.driver.probe()
