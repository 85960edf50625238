"""The runtime's tests in a kernel that checks its memory, and has nothing to report.

It has SLUB's checks, poison, red zones and owners (`slub_debug`), and KFENCE.

The tests are those of two other modules, with a guest of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from drivers.edu import Edu, EduIO
from drivers.rtl8139 import Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit import Trial
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template, template
from faultkit.model.trial import Record
from faultkit.running.trial import run_trial
from monitors.kernel import Kernel
from tests.guest import test_microdriver_runtime as runtime
from tests.guest import test_microdrivers as drivers
from tests.guest.conftest import Bed, selftest_driver, together
from tests.guest.test_microdriver_runtime import *  # noqa: F403  # pytest finds tests by their names in this module
from tests.guest.test_microdrivers import *  # noqa: F403

pytestmark = pytest.mark.guest

CACHES = "kmalloc-*,skbuff*,mdrv_selftest"  # of all caches it would take the guest a minute to boot
WATCHFUL = Machine(kernel_options=f"slub_debug=FZPU,{CACHES} kfence.sample_interval=50")
ALL = replace(
    runtime.GOLDEN, driver=together.Together((selftest_driver.Selftest(), Edu(), Rtl8139Micro())), monitors=(Kernel(),)
)
PARTS = (*drivers.PARTS, EduIO(), Transfers())


@pytest.fixture(scope="module")
def watchful(image: Image) -> Template:
    """A guest with all microdrivers in it."""
    return template(ALL, image, WATCHFUL, PARTS)


@pytest.fixture(scope="module")
def selftest(watchful: Template) -> Bed:
    return Bed(watchful, runtime.GOLDEN)


@pytest.fixture(scope="module", params=drivers.GOLDEN)
def golden(request: pytest.FixtureRequest) -> Trial:
    return replace(drivers.GOLDEN[request.param], monitors=(Kernel(),))


@pytest.fixture(scope="module")
def run(watchful: Template) -> Callable[[Trial], Record]:
    def with_nothing_to_report(trial: Trial) -> Record:
        record = run_trial(watchful, trial)
        assert "kernel.warn" not in {event.kind for event in record.events}, record.console[-5000:]
        return record

    return with_nothing_to_report


@pytest.mark.parametrize(
    ("mistake", "words", "warns"),
    [
        ("use_after_free", "BUG mdrv_selftest", 2),  # and that the cache cannot go, because the object is kept back
        ("watched_use_after_free", "BUG: KFENCE: use-after-free write", 1),
    ],
)
def test_a_use_after_free_is_reported(selftest: Bed, mistake: str, words: str, warns: int) -> None:
    ran, done = runtime.play(selftest, f"ask {mistake}", warns=warns)
    assert done[0][1] == 0 and words in ran.first("kernel.warn").data["text"]
