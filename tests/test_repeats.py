"""Resources that many recoveries have left behind, from records with known answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.edu import Edu
from drivers.rtl8139_micro import Rtl8139Micro
from experiments.microdriver.tables.repeats import recovery_s, table
from faultkit.model.events import Event
from faultkit.running.judging import keep_all
from faultkit.store.store import Store
from tests.records import a_row, at
from tests.synthetic import meta

HELD = {"slab_bytes": 5000, "interrupt_handlers": 7, "agent_fds": 9, "fds": 4, "module_refs": {"edu_micro": 1}}


def recovered(count: int, slower_ms: float = 0.0) -> Iterator[Event]:
    """A recovery a second, each of 10 ms and a little longer than the one before."""
    for n in range(count):
        yield at(1000 * n, "error.detected", by="pidfd", what="gone")
        yield at(1000 * n + 5, "error.detected", by="heartbeat", what="late")
        yield at(1000 * n + 10 + slower_ms * n, "service.restored")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two with 200 recoveries, one with too few to compare its ends."""
    after = HELD | {"slab_bytes": 9000, "fds": None, "module_refs": {"edu_micro": 3}}
    samples = (at(0, "resources.sampled", **HELD), at(1e6, "resources.sampled", **after))
    runs = ((Edu(), recovered(200)), (Rtl8139Micro(), recovered(200, slower_ms=0.1)), (Edu(), recovered(199)))
    store = Store.create(tmp_path / "result", meta(len(runs)))
    keep_all(
        store, [a_row(n, samples[0], *events, samples[1], driver=driver) for n, (driver, events) in enumerate(runs)]
    )
    return store


def test_a_recovery_counts_from_its_first_detection() -> None:
    assert recovery_s([*recovered(2)]) == pytest.approx([0.01, 0.01])


def test_the_ends_are_told_apart(store: Store) -> None:
    found = table(store)
    assert found["driver"].tolist() == ["edu", "rtl8139_micro"] and found["recoveries"].tolist() == [200, 200]
    assert found["first_p50_s"].tolist() == pytest.approx([0.01, 0.015], abs=1e-4)
    assert found["last_p50_s"].tolist() == pytest.approx([0.01, 0.025], abs=1e-4)


def test_what_is_held_more_is_told(store: Store) -> None:
    row = table(store).iloc[0]
    assert row["slab_bytes"] == 4000 and row["module_refs"] == 2 and row["interrupt_handlers"] == 0
