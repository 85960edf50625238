"""Tables of the costs of splitting: `performance`, `initialisation` and `sliced_costs`.

Virtual time goes on by 8 ns an instruction (`faultkit.machine.qemu`), so that busy time counts instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from faultkit import Record
from faultkit.kit import Event, Kind, name_of
from faultkit.store.store import Store

INSTRUCTION_NS = 8
TWINS = {"rtl8139_micro": "rtl8139", "rtl8139_sliced": "rtl8139", "e1000_sliced": "e1000"}
"""A split driver -> the whole one."""


def measured(store: Store, kind: str) -> pd.DataFrame:
    """A row per event of a kind: its data, and the trial's `driver`."""
    records = (store.record(n) for n in sorted(store.done()))
    return pd.DataFrame([{"driver": subject(r)} | dict(e.data) for r in records for e in r.events if e.kind == kind])


def subject(record: Record) -> str:
    """The driver's name, with a mark if it copies whole objects."""
    driver = record.trial.driver
    whole = getattr(driver, "whole", False) or getattr(driver, "marshal", "") == "whole"
    return f"{name_of(driver)}, whole" if whole else name_of(driver)


def throughput_table(store: Store) -> pd.DataFrame:
    """Median megabytes a virtual second and million instructions a megabyte, by direction and driver."""
    frame = measured(store, Kind.TRANSFER_MEASURED)
    megabytes = frame["bytes"] / 1e6
    frame["mb_s"] = megabytes / (frame["took_ns"] / 1e9)
    frame["mi_per_mb"] = frame["busy_ns"] / INSTRUCTION_NS / 1e6 / megabytes
    table = frame.pivot_table(index="direction", columns="driver", values=["mb_s", "mi_per_mb"], aggfunc="median")
    for figure in ("mb_s", "mi_per_mb"):
        for split, whole in TWINS.items():
            if {(figure, split), (figure, whole)} <= {*table.columns}:
                table[figure, f"{split}/{whole}"] = table[figure, split] / table[figure, whole]
    return table.sort_index(axis=1)


def initialisation_times(store: Store) -> pd.DataFrame:
    """Median seconds from the k-driver's loading to a carrier, of which opening, crossings and bytes, by driver."""
    frame = pd.DataFrame(list(bring_ups(store)))
    table = frame.groupby("driver").median()
    whole = {name: table["init_s"].get(TWINS.get(name.removesuffix(", whole"), "")) for name in table.index}
    table["init/whole"] = table["init_s"] / pd.Series(whole, dtype=float)
    return table


def bring_ups(store: Store) -> Iterator[dict[str, Any]]:
    """A row per trial."""
    for n in sorted(store.done()):
        record = store.record(n)
        up = next((e for e in record.events if e.kind == Kind.DRIVER_BROUGHT_UP), None)
        if up is None:
            continue
        since_ns = loaded_ns(record.events, record.trial.driver.modules[0])
        open_s = up.data["open_ns"] / 1e9
        counts = {name: up.data.get(name, 0) for name in ("crossings", "bytes")}
        yield {"driver": subject(record), "init_s": (up.t_ns - since_ns) / 1e9, "open_s": open_s} | counts


def loaded_ns(events: tuple[Event, ...], module: str) -> int:
    """When a module was loaded last."""
    return max(e.t_ns for e in events if e.kind == Kind.MODULE_LOADED and e.data["name"] == module)


def crossings(store: Store) -> pd.DataFrame:
    """The cost of an empty upcall, beside a system call and a pipe round trip, in virtual nanoseconds."""
    frame = measured(store, Kind.COST_MEASURED)
    frame["p50_instructions"] = frame["p50_ns"] // INSTRUCTION_NS
    return frame.set_index("call").drop(columns="driver")


def performance_text(store: Store) -> Iterator[str]:
    """The tables of `performance`."""
    yield titled("throughput", throughput_table, store)
    yield titled("crossings", crossings, store)


def initialisation_text(store: Store) -> Iterator[str]:
    """The table of `initialisation`."""
    yield titled("initialisation", initialisation_times, store)


def sliced_text(store: Store) -> Iterator[str]:
    """The tables of `sliced_costs`."""
    yield titled("throughput", throughput_table, store)
    yield titled("initialisation", initialisation_times, store)


def titled(name: str, table: Callable[[Store], pd.DataFrame], store: Store) -> str:
    """A table, with what it says of itself above."""
    return f"{name}: {table.__doc__}\n{table(store).round(4).to_string()}"
