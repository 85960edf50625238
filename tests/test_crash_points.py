"""The table of crossings, and whether it proves that it has them all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from drivers.rtl8139 import Phases
from drivers.rtl8139_micro import Rtl8139Micro
from experiments.microdriver.tables.crossings import Incomplete, crossings, crossings_text, gaps, table
from faultkit.model.events import Event
from faultkit.running.judging import keep_all
from faultkit.store.store import Store
from injectors.channel.channel import Channel
from tests.records import a_row, at
from tests.synthetic import meta

RECOVERED = (at(1, "error.detected", by="pidfd", what="gone"), at(251, "service.restored"))


def a_sweep(place: Path, *met: str) -> pd.DataFrame:
    """Trials at the first, second... message of a phase, which met with these; "": none."""
    with a_store(place, *met) as store:
        return crossings(store)


def a_store(place: Path, *met: str) -> Store:
    """The same, as a campaign."""
    store = Store.create(place, meta(len(met)))
    keep_all(
        store,
        [
            a_row(
                n,
                *(*witnessed(words), *(RECOVERED if words else ())),
                driver=Rtl8139Micro(),
                workload=Phases("link change"),
                fault=Channel("kill", "any", nth=n + 1),
            )
            for n, words in enumerate(met)
        ],
    )
    return store


def witnessed(words: str) -> tuple[Event, ...]:
    """The account of a witness."""
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


def test_that_a_sweep_is_incomplete_is_told_behind_its_table(tmp_path: Path) -> None:
    with a_store(tmp_path / "c", "upcall a", "return a") as store:
        texts = crossings_text(store)
        assert "return" in next(texts)
        with pytest.raises(Incomplete, match="link change, kill, restart_udriver: met at "):
            next(texts)
