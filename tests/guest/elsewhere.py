"""A guest, templates and ten trials, made in the cache and under the circumstances of this process; prints hashes."""

from __future__ import annotations

import errno
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from drivers.edu import Edu, EduIO
from drivers.nbd import Nbd, VerifiedIO
from drivers.null_micro import CrossingCost, NullMicro
from faultkit import AtRequest, Nothing, RestartUDriver, Trial
from faultkit.machine.image import image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template, pack, template
from faultkit.model.parts import Placeable
from faultkit.running.trial import run_trial
from faultkit.store.store import pack_events, unpack_events
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from injectors.udriver.memory import Memory
from monitors.kernel import Kernel
from monitors.process import Process
from monitors.requests import Requests

FAULTS = (
    *(None, None, Kill(), Kill(), Hang(), Memory("heap", 7), Memory("heap", 1 << 63), Text("bit_flip", 5)),
    *(Text("nop", 1 << 62), CallError("sock_sendmsg", -errno.EPIPE, nth=7)),
)
PARTS = (Kill(), Hang(), Memory("heap"), Text("nop"), CallError("f", 0), AtRequest(1), Nothing(), RestartUDriver())
GOLDEN = Trial(
    driver=Nbd(), workload=VerifiedIO(), policy=Nothing(), seed=1, monitors=(Requests(), Process(), Kernel())
)
BUILT = (replace(GOLDEN, driver=Edu(), workload=EduIO()), replace(GOLDEN, driver=NullMicro(), workload=CrossingCost()))


def trials() -> Iterator[Trial]:
    """Ten of them."""
    for n, fault in enumerate(FAULTS):
        trigger = None if fault is None else AtRequest(5 + 7 * n)
        yield replace(GOLDEN, fault=fault, trigger=trigger, policy=RestartUDriver(), seed=n)


def events(base: Template, trial: Trial) -> list[Any]:
    """A trial's events as they would be stored."""
    if isinstance(trial.fault, Placeable):
        trial = replace(trial, fault=trial.fault.place(base.code))
    kept = unpack_events(pack_events(run_trial(base, trial).events))
    return [[event.t_ns, event.source, event.kind, dict(event.data)] for event in kept]


def sha256(path: Path) -> str:
    """A file's hash."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """One document on standard output."""
    guest = image()
    base = template(GOLDEN, guest, Machine(), PARTS)
    found = {
        "files": {path.name: sha256(path) for path in (guest.vmlinuz, guest.initramfs, guest.root)},
        "packages": dict(guest.packages),
        "keys": [pack(trial, guest, Machine(), PARTS)[0] for trial in BUILT] + [base.key],
        # not "state": QEMU saves clocks of the host in it, which a guest under icount never reads
        "template": {name: sha256(base.path / name) for name in ("initrd", "ram", "manifest.json")},
        "trials": [events(base, trial) for trial in trials()],
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
