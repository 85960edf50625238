"""A fuzzer of mailbox, door, ports and console from inside a guest, between the requests of real trials."""

from __future__ import annotations

import random
import tempfile
import time
from functools import cache
from pathlib import Path

from drivers.nbd import Nbd
from faultkit import AtRequest, Nothing, RestartUDriver, Trial
from faultkit.machine import image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template, template
from faultkit.model.errors import HarnessError
from faultkit.model.vocabulary import problems
from faultkit.running.judging import keep
from faultkit.running.trial import run_trial
from faultkit.store.store import Row, Store
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.requests import Requests
from tests.fuzz.parts import Fuzzing, Honest
from tests.synthetic import meta

LIMIT_S = 20.0  # of processor time, for a trial of half a second
LONGEST_S = 12 * LIMIT_S  # of wall time: what QEMU gets when it idles for ever, and some more
GOLDEN = Trial(driver=Nbd(), workload=Fuzzing(), policy=Nothing(), seed=1, monitors=(Requests(), Kernel()))
FAULTS = (None, None, Kill(), Honest("word", 7))


@cache
def prepared() -> Template:
    """The guest, prepared on first use. Raises: UnmetNeed, HarnessError."""
    return template(GOLDEN, image.image(), Machine(), (Kill(), Honest(), AtRequest(1), RestartUDriver(), Nothing()))


def a_case(draw: random.Random) -> bytes:
    """The seed of what the guest draws."""
    return str(draw.getrandbits(48)).encode()


def a_trial(seed: int, draw: random.Random) -> Trial:
    """A trial whose guest fuzzes."""
    fault = draw.choice(FAULTS)
    return Trial(
        driver=Nbd(), workload=Fuzzing(seed), policy=draw.choice((Nothing(), RestartUDriver())), seed=1, fault=fault,
        trigger=AtRequest(draw.randint(1, 9)) if fault else None, monitors=GOLDEN.monitors,
    )  # fmt: skip


def check(case: bytes, draw: random.Random) -> None:
    """Run such a trial: it comes to a verdict or is void, in time. Raises: AssertionError, and what should not come."""
    trial, start = a_trial(int(case), draw), time.monotonic()
    record = reason = None
    try:
        record = run_trial(prepared(), trial, LIMIT_S)
    except HarnessError as failure:
        reason = str(failure)
        assert "\n" not in reason and reason.isprintable(), repr(reason)
    assert time.monotonic() - start < LONGEST_S
    assert not record or [found for event in record.events for found in problems(event)] == []
    with tempfile.TemporaryDirectory() as folder, Store.create(Path(folder) / "run", meta(1)) as store:
        row = Row(n=0, trial=trial, template="t", attempts=1, record=record, void=reason)
        assert keep(store, row).problem is None
        assert len(store.events(0)) == (len(record.events) if record else 0)
