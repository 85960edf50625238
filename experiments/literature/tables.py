"""Tables of a stored campaign of one of the published evaluations.

Shares are written as `k/n p % [low, high]`, with exact 95 % intervals (Clopper and Pearson).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from faultkit.model.codec import decode
from faultkit.model.events import Outcome
from faultkit.model.known import known
from faultkit.model.parts import simple_faults
from faultkit.results.analysis import frame_of, rates
from faultkit.results.causes import causes
from faultkit.results.sweeps import throughput
from faultkit.statistics.rates import Rate, rate
from faultkit.store import queries
from faultkit.store.store import Store

Table = Callable[[Store], pd.DataFrame]
MENDED = ("RECOVERED", "DISRUPTED")
BORNE = ("MASKED", *MENDED)  # the service is there at the end, and no data are wrong


def valid(store: Store) -> pd.DataFrame:
    """The trials that count: no void, golden or INACTIVE ones."""
    frame = frame_of(store)
    return frame[frame["outcome"].notna() & (frame["outcome"] != "INACTIVE") & (frame["injector"] != "golden")]


def counted(frame: pd.DataFrame, outcomes: Sequence[str]) -> Rate:
    """The share of trials with one of these outcomes."""
    return rate(int(frame["outcome"].isin(outcomes).sum()), len(frame))


def accounts(store: Store) -> pd.DataFrame:
    """The accounting, the number of each outcome, and the share of MASKED or RECOVERED, by driver and policy."""
    frame = frame_of(store)
    keys = ["driver", "policy"]
    shares = rates(frame, keys)
    endings = frame[frame["injector"] != "golden"].groupby([*keys, "outcome"], observed=False).size().unstack()
    table = shares.join(endings[[outcome.name for outcome in Outcome]], on=keys)
    table["MASKED or RECOVERED"] = shares.apply(lambda row: str(rate(int(row.survived), int(row.activated))), axis=1)
    return table.drop(columns=["survived", "share", "low", "high"])


def by_type(store: Store) -> pd.DataFrame:
    """Activated trials, and the number of each outcome, by type of fault and driver."""
    frame = valid(store)
    table = frame.groupby(["fault_type", "driver", "outcome"], observed=True).size().unstack(fill_value=0)
    table.insert(0, "activated", table.sum(axis=1))
    return table.reset_index().rename_axis(columns=None)


def unrecovered(store: Store) -> pd.DataFrame:
    """Causes why the service did not come back, or came back wrong: trials by driver and policy."""
    table = causes(store).groupby(["cause", "driver", "policy"]).size().rename("trials")
    return table.reset_index().sort_values(["driver", "policy", "trials"], ascending=[True, True, False])


def eliminated(store: Store) -> pd.DataFrame:
    """By driver, over pairs that differ in the policy alone: crashes without recovery, and of these, with it."""
    rows = [(driver, pairs.n, pairs.without, pairs.both, str(pairs.gone)) for driver, pairs in crash_pairs(store)]
    return pd.DataFrame(rows, columns=["driver", "pairs", "crashed without", "crashed with, too", "eliminated"])


@dataclass(frozen=True, slots=True)
class CrashPairs:
    """Pairs of trials of which the first ran without recovery."""

    n: int
    without: int
    both: int

    @property
    def gone(self) -> Rate:
        return rate(self.without - self.both, self.without)


def crash_pairs(store: Store) -> Iterator[tuple[str, CrashPairs]]:
    """The pairs of each driver; pairs with a void trial are left out."""
    frame = frame_of(store)
    frame = frame[frame["injector"] != "golden"]
    for driver, group in frame.groupby("driver"):
        first, second = group.iloc[0::2].reset_index(), group.iloc[1::2].reset_index()
        both_valid = first["outcome"].notna() & second["outcome"].notna()
        one, two = (side["outcome"][both_valid] == "CRASHED" for side in (first, second))
        yield str(driver), CrashPairs(int(both_valid.sum()), int(one.sum()), int((one & two).sum()))


def manifested(store: Store) -> pd.DataFrame:
    """Manifested faults, and the share of them after which the service came back, by fault model and driver."""
    frame = valid(store)
    frame = frame[frame["manifested"]]
    groups = [*frame.groupby(["fault_type", "driver"]), *frame.assign(driver="both").groupby(["fault_type", "driver"])]
    rows = [(str(model), str(driver), len(group), str(counted(group, MENDED))) for (model, driver), group in groups]
    return pd.DataFrame(rows, columns=["fault model", "driver", "manifested", "recovered"])


def shadowed(store: Store) -> pd.DataFrame:
    """Failures hidden, mended visibly, and neither, by driver; of all failures, and of the detected ones."""
    frame = valid(store)
    failed = frame[frame["manifested"]]
    rows = []
    for driver, group in failed.groupby("driver"):
        for which, some in (("all", group), ("detected", group[group["detected_by"].notna()])):
            automatic, manual = counted(some, ["RECOVERED"]), counted(some, ["DISRUPTED"])
            rows.append((driver, which, len(some), str(automatic), str(manual), len(some) - automatic.k - manual.k))
    return pd.DataFrame(rows, columns=["driver", "failures", "n", "automatic", "manual", "failed"])


def fault_load(store: Store) -> pd.DataFrame:
    """By driver and number of faults at once: the share of trials whose service was there at the end."""
    faults = ((trial.n, trial.plan["fault"]) for trial in queries.planned(store))
    loads = {n: len(simple_faults(decode(fault, known))) for n, fault in faults if fault}
    frame = frame_of(store)
    frame = frame[frame["outcome"].notna() & (frame["injector"] != "golden")]
    frame = frame.assign(faults=frame["trial"].map(loads))
    rows = [(driver, faults, str(counted(group, ("INACTIVE", *BORNE))))
            for (driver, faults), group in frame.groupby(["driver", "faults"])]  # fmt: skip
    return pd.DataFrame(rows, columns=["driver", "faults", "service there at the end"])


def alarms(store: Store) -> pd.DataFrame:
    """Golden trials with a detection, with a restart, or with an error that the workload saw, by driver."""
    frame = frame_of(store)
    frame = frame[frame["outcome"].notna()]
    rows = [
        (driver, len(group), *(str(rate(int(told.sum()), len(group))) for told in alarmed(group)))
        for driver, group in [*frame.groupby("driver"), ("both", frame)]
    ]
    return pd.DataFrame(rows, columns=["driver", "trials", "detected", "restarted", "noticed"])


def alarmed(group: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    """The golden trials with a detection, with a restart, and with an error that the workload saw."""
    return group["detected_by"].notna(), group["recoveries"] > 0, group["manifested"].astype(bool)


def loss(store: Store) -> pd.DataFrame:
    """By driver, kind of request and interval between kills: faults put in, wrong reads, throughput lost."""
    frame = throughput(store)
    frame = frame[frame["interval_s"].notna()].sort_values(["driver", "op", "interval_s"])
    table = frame[["driver", "op", "interval_s", "faults", "mismatched"]].reset_index(drop=True)
    return table.assign(lost=[f"{100 * share:.1f} %" for share in frame["loss"]])


def together(store: Store) -> pd.DataFrame:
    """Trials run alone and several at a time: the numbers with the same outcome, and with the same events."""
    found = store.meta().interference or {}
    columns = ["jobs", "trials", "outcome_agrees", "events_agree"]
    return pd.DataFrame([[found[name] for name in columns]], columns=columns)


TABLES: Mapping[str, Mapping[str, Table]] = {
    "nooks_400": {"eliminated": eliminated, "accounts": accounts, "unrecovered": unrecovered},
    "shadow": {"outcomes": shadowed, "accounts": accounts, "by-type": by_type, "unrecovered": unrecovered},
    "theseus_3": {"manifested": manifested, "accounts": accounts, "unrecovered": unrecovered},
    "minix_t2": {"fault-load": fault_load, "unrecovered": unrecovered},
    "kill_sweep": {"loss": loss},
    "false_positive": {"alarms": alarms},
    "quickstart_nbd": {"interference": together, "accounts": accounts},
}
"""By experiment, what is published of it."""
