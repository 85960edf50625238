"""Guests that are prepared once a session, and trials on them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.edu import Edu, EduIO
from drivers.nbd import Nbd, VerifiedIO
from drivers.rtl8139 import Rtl8139, Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import (
    Nothing,
    RestartUDriver,
    Trial,
)
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.model.events import Event
from faultkit.model.vocabulary import problems
from faultkit.pytest_plugin.guests import PreparedGuest, Session
from faultkit.running import trial
from faultkit.running.experiment import TemplateGroup, kind_of
from injectors.device.dead_device import DeadDevice
from monitors.calls import Calls
from monitors.crossings import Crossings
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.requests import Requests
from monitors.resources import Resources
from tests.guest.stand_ins import stand_ins

sys.path.insert(0, str(Path(__file__).parent))  # parts beside an experiment are found like this

known_parts = importlib.import_module("known_parts")
device_parts = importlib.import_module("device_parts")
recovery_parts = importlib.import_module("recovery_parts")
hostile_parts = importlib.import_module("hostile_parts")
known_udriver_faults = importlib.import_module("known_udriver_faults")
answers_driver = importlib.import_module("answers_driver")
selftest_driver = importlib.import_module("selftest_driver")
together = importlib.import_module("together")

MONITORS = (Requests(), Calls(), Process(), Modules(), Kernel(), Resources())
FEW = (Process(), Modules(), Kernel(), Resources())  # their guest is prepared in half the time
OURS = tuple(stand_ins("injectors", "triggers", "policies"))
PARTS = (*OURS, known_udriver_faults.Allocation(), device_parts.RegistersRead(DeadDevice()), known_parts.Bustle(),
         recovery_parts.Waiting())  # fmt: skip


NBD = pytest.mark.faultkit(driver=Nbd(), workload=VerifiedIO(), monitors=MONITORS, parts=PARTS)  # the `nbd` of below


def pytest_configure(config: pytest.Config) -> None:
    """In CI, that guests cannot run is a failure."""
    if os.environ.get("CI") == "true":
        config.option.faultkit_require = True


@pytest.fixture(scope="session", autouse=True)
def vocabulary_is_kept() -> Iterator[None]:
    """Every event of every trial is of the vocabulary, or the trial's test fails."""
    plain = trial.timeline

    def checked(events: Iterable[Event]) -> tuple[Event, ...]:
        found = plain(events)
        assert sorted({problem for event in found for problem in problems(event)}) == []
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "timeline", checked)
        yield


@pytest.fixture(scope="session")
def image(faultkit_session: Session) -> Image:
    """The guest's disk and kernel; skips where guests cannot run."""
    return faultkit_session.image


@pytest.fixture(autouse=True)
def forgotten(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the trials that a test has run on guests of the whole session."""
    yield
    for value in request.node.funcargs.values():
        if isinstance(value, PreparedGuest):
            value.trials.clear()


def prepared(image: Image, golden: Trial, parts: Iterable[Any], machine: Machine | None = None) -> PreparedGuest:
    """A guest on whose one template every trial runs, whatever its workload."""
    kinds = {kind_of(part): part for part in parts}
    return PreparedGuest(Session(image, machine or Machine()), golden, kinds, base=TemplateGroup(golden, kinds))


def bed(
    image: Image, driver: Any, workload: Any, monitors: tuple[Any, ...] = MONITORS, parts: tuple[Any, ...] = PARTS
) -> PreparedGuest:
    """A guest with a driver in it, and all monitors and every injector if not told otherwise."""
    return prepared(image, Trial(driver=driver, workload=workload, policy=Nothing(), seed=1, monitors=monitors), parts)


@pytest.fixture(scope="session")
def nbd(image: Image) -> PreparedGuest:
    """nbd by netlink: requests wait for a new server."""
    return bed(image, Nbd(), VerifiedIO())


@pytest.fixture(scope="session")
def nbd_client(image: Image) -> PreparedGuest:
    """nbd by nbd-client: requests fail when the server is gone."""
    return bed(image, Nbd(hold_s=0), VerifiedIO(), FEW)


@pytest.fixture(scope="session")
def nbd_ioctl(image: Image) -> PreparedGuest:
    """nbd by nbd-client in its older way, which most public reports are of."""
    return bed(image, Nbd(way="ioctl"), VerifiedIO(), FEW)


@pytest.fixture(scope="session")
def nbd_memory(image: Image) -> PreparedGuest:
    """nbd with a server that forgets everything when it dies."""
    return bed(image, Nbd(plugin="memory"), VerifiedIO(), FEW)


@pytest.fixture(scope="session")
def rtl8139(image: Image) -> PreparedGuest:
    """A network driver without a u-driver."""
    return bed(image, Rtl8139(), Transfers())


@pytest.fixture(scope="session")
def rtl8139_bridged(image: Image) -> PreparedGuest:
    """The same, with a device whose function can be reset."""
    return bed(image, Rtl8139(bridged=True), Transfers(), FEW)


def microdriver(image: Image, driver: Any, workload: Any) -> PreparedGuest:
    """A guest with a microdriver in it that is restarted when it fails; few monitors, to be prepared soon."""
    monitors = (*FEW, Crossings())
    golden = Trial(driver=driver, workload=workload, policy=RestartUDriver(), seed=1, monitors=monitors)
    return prepared(image, golden, (*OURS, recovery_parts.Waiting()))


@pytest.fixture(scope="session")
def edu(image: Image) -> PreparedGuest:
    """QEMU's teaching device."""
    return microdriver(image, Edu(), EduIO(requests=12))


@pytest.fixture(scope="session")
def rtl8139_micro(image: Image) -> PreparedGuest:
    """The network driver that is split."""
    return microdriver(image, Rtl8139Micro(), Transfers())


WATCHED_CACHES = "kmalloc-*,skbuff*,mdrv_selftest"  # of all caches it would take the guest a minute to boot
WATCHFUL = Machine(kernel_options=f"slub_debug=FZPU,{WATCHED_CACHES} kfence.sample_interval=50")


@pytest.fixture(scope="session")
def watchful(image: Image) -> PreparedGuest:
    """All microdrivers in a kernel that watches over its memory: SLUB's checks, poison, red zones, owners; KFENCE."""
    driver = together.Together((selftest_driver.Selftest(), Edu(), Rtl8139Micro()))
    golden = Trial(driver=driver, workload=selftest_driver.Asking(), policy=Nothing(), seed=1, monitors=(Kernel(),))
    return prepared(image, golden, (*OURS, EduIO(), Transfers()), WATCHFUL)


@pytest.fixture
def burners() -> Iterator[None]:
    """As many busy processes as processors, to disturb what may be disturbed."""
    count = len(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    yield
    for process in busy:
        process.kill()
        process.wait()
