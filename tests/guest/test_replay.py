"""A trial run again is the same trial, bit for bit, whatever else the machine does."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from faultkit import After, AtOnce, AtRequest, Nothing, ReloadKDriver, RestartUDriver
from faultkit.machine import cache
from faultkit.machine.image import Image
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from faultkit.running.replay import first_difference
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError
from injectors.kdriver.text import Text
from injectors.udriver.crash import Crash
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from injectors.udriver.memory import Memory
from tests.guest.conftest import bed

pytestmark = pytest.mark.guest
DRAWS = [n * 0x9E3779B97F4A7C15 % 2**64 for n in range(1, 4)]
AGREE = 0.98
UDRIVER_FAULTS = (Kill(), Hang(), Crash("SIGSEGV"), Crash("SIGABRT"), *(Memory("heap", draw) for draw in DRAWS))
NBD_FAULTS = (
    *UDRIVER_FAULTS,
    *(Text(operator, draw) for operator in ("bit_flip", "nop", "inverted_branch") for draw in DRAWS),
    *(CallError("sock_sendmsg", -errno.EPIPE, nth=nth) for nth in (1, 7)),
    *(CallDelay("sock_sendmsg", 20_000, nth=nth, times=3) for nth in (1, 7)),
)
RTL8139_FAULTS = (
    *(Text(operator, draw) for operator in ("bit_flip", "nop", "inverted_branch") for draw in DRAWS[:2]),
    *(CallError("dma_map_page_attrs", -1, nth=nth, times=3) for nth in (1, 7)),
    CallDelay("dma_map_page_attrs", 20_000, times=3),
)


def nbd_trials() -> Iterator[dict[str, Any]]:
    """Every injector, under a restart at one request, and alone at another moment."""
    for n, fault in enumerate(NBD_FAULTS):
        yield {"fault": fault, "trigger": AtRequest(11 + 3 * n), "policy": RestartUDriver(), "seed": n}
    for n, fault in enumerate(UDRIVER_FAULTS[:4]):
        yield {"fault": fault, "trigger": After(0.013 * (n + 1)), "policy": Nothing(), "seed": 100 + n}
    yield {"policy": RestartUDriver(), "seed": 200}


def rtl8139_trials() -> Iterator[dict[str, Any]]:
    """Every injector into the k-driver, under a reload."""
    for n, fault in enumerate(RTL8139_FAULTS):
        trigger = AtOnce() if n % 4 == 3 else AtRequest(5 + 3 * n)
        yield {"fault": fault, "trigger": trigger, "policy": ReloadKDriver(), "seed": n}
    yield {"policy": ReloadKDriver(), "seed": 200}


def difference(one: Ran, two: Ran) -> str:
    """The first event that differs, for a failed test."""
    then, now = first_difference(one.record.events, two.record.events)
    return f"{one.record.trial.fault} under {one.record.trial.policy}: then {then}, now {now}"


@pytest.mark.alone
def test_trials_are_the_same_alone_and_two_at_a_time_on_a_busy_machine(
    nbd: PreparedGuest, rtl8139: PreparedGuest, request: pytest.FixtureRequest
) -> None:
    work = [(nbd, parts) for parts in nbd_trials()] + [(rtl8139, parts) for parts in rtl8139_trials()]
    alone = [bed.run(**parts) for bed, parts in work]
    request.getfixturevalue("burners")
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda item: item[0].run(**item[1]), work))
        again += list(pool.map(lambda item: item[0].run(**item[1]), work[::2]))
    pairs = list(zip([*alone, *alone[::2]], again, strict=True))
    assert [two.outcome for _, two in pairs] == [one.outcome for one, _ in pairs]
    assert len({one.outcome for one in alone}) > 3, "trials that all end alike prove little"
    differ = [difference(one, two) for one, two in pairs if one.record.events != two.record.events]
    print(f"{len(pairs) - len(differ)} of {len(pairs)} runs are bit-identical", *differ, sep="\n")
    assert len(differ) <= (1 - AGREE) * len(pairs), "\n".join(differ)


def test_a_template_that_was_dropped_comes_back_bit_for_bit(
    nbd: PreparedGuest, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("guests", "modules"):
        (tmp_path / kind).symlink_to(cache.root() / kind)
    monkeypatch.setenv("FAULTKIT_CACHE", str(tmp_path))
    fresh = bed(image, nbd.golden.driver, nbd.golden.workload)
    assert fresh.template.key == nbd.template.key
    assert fresh.template.path != nbd.template.path, "it was prepared again"
    assert fresh.template.manifest == nbd.template.manifest
    assert sha256(fresh.template.files.ram) == sha256(nbd.template.files.ram)
    for parts in ({"seed": 5}, {"fault": Kill(), "trigger": AtRequest(20), "policy": RestartUDriver()}):
        one, two = nbd.run(**parts), fresh.run(**parts)
        assert one.record.events == two.record.events, difference(one, two)


def sha256(path: Path) -> str:
    """A file's hash."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_another_seed_is_another_trial(nbd: PreparedGuest) -> None:
    assert nbd.run(seed=3).record.events != nbd.run(seed=4).record.events
