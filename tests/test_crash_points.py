"""The table of crossings, and whether it proves that it has them all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from drivers.rtl8139 import LifeCycle
from drivers.rtl8139_micro import Rtl8139Micro
from experiments.microdriver.crossings import crossings, gaps, table
from faultkit.model import Event
from faultkit.store import Store
from injectors.channel import Channel
from tests.records import a_row, at
from tests.synthetic import meta

RECOVERED = (at(1, "error.detected", by="pidfd", what="gone"), at(251, "service.restored"))


def a_sweep(place: Path, *met: str) -> pd.DataFrame:
    """Trials at the first, second... message of a phase, which met with these; "": none."""
    store = Store.create(place, meta(len(met)))
    store.add_many(
        a_row(
            n,
            *(*told(words), *(RECOVERED if words else ())),
            driver=Rtl8139Micro(),
            workload=LifeCycle("link change"),
            fault=Channel("kill", "any", nth=n + 1),
        )
        for n, words in enumerate(met)
    )
    return crossings(store)


def told(words: str) -> tuple[Event, ...]:
    """What a witness says."""
    return (at(0, "fault.activated", met=words),) if words else ()


def test_a_row_per_crossing_with_what_came_of_it(tmp_path: Path) -> None:
    found = table(a_sweep(tmp_path / "a", "upcall link_changed of 68 bytes: kill", ""))
    place = ("rtl8139_micro", "link change", 1, "upcall", "link_changed")
    assert found.index.tolist() == [place]
    assert found.loc[place, ("kill", "restart_udriver")] == "RECOVERED 0.25 s"


@pytest.mark.parametrize(
    ("met", "complete"),
    [
        (("upcall a", "return a", "upcall settings"), True),
        (("upcall a", "return a", ""), True),
        (("upcall a", "return a"), False),
        (("upcall a", "upcall settings", "return a", ""), False),
    ],
)
def test_a_sweep_is_complete_if_the_last_trial_alone_met_none_of_it(
    tmp_path: Path, met: tuple[str, ...], complete: bool
) -> None:
    assert (not gaps(a_sweep(tmp_path / "b", *met))) is complete
