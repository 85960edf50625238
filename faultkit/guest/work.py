"""Habits that workloads share: patience with a driver in trouble, and the final check."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from faultkit.guest.bring_up import RETRY_S
from faultkit.model.errors import words_of
from faultkit.model.events import Kind
from faultkit.model.parts import Bench


@dataclass(slots=True)
class Patience:
    """How long a workload goes on without success: `give_up_s` of virtual time."""

    bench: Bench
    give_up_s: float
    trouble_since: float | None = None

    def renew(self) -> None:
        """A request has succeeded."""
        self.trouble_since = None

    def is_over(self) -> bool:
        """After a failure: pause before the next try, or report that the workload gives up."""
        now = time.monotonic()
        if self.trouble_since is None:
            self.trouble_since = now
        if now - self.trouble_since > self.give_up_s:
            self.bench.report("workload", Kind.WORKLOAD_GAVE_UP, why=f"no success for {self.give_up_s:g} s")
            return True
        time.sleep(RETRY_S)
        return False


@contextmanager
def final_check(bench: Bench, **data: Any) -> Iterator[None]:
    """Report the end of a workload's final check: failed if it raises OSError, else passed, with `data`."""
    try:
        yield
    except OSError as reason:
        bench.report("workload", Kind.CHECK_FAILED, error=words_of(reason, of_system=True))
    else:
        bench.report("workload", Kind.CHECK_PASSED, **data)
