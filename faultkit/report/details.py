"""The data of single trials in the page: a row of its table each, and a time line for as many as fit."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from faultkit.kernel_log import is_trouble
from faultkit.model.code import Site
from faultkit.model.codec import class_path, decode
from faultkit.model.errors import BAD_DATA
from faultkit.model.events import Event, Kind, Outcome
from faultkit.model.known import known
from faultkit.results.summary import GOLDEN
from faultkit.results.words import exact, in_words
from faultkit.store.store import Store

TABLE_ROWS = 20_000  # trials in the table, all failures among them
FEWEST_OTHERS = 2_000  # trials without a failure that are shown, however many failures there are
TIMELINES = 500
TIMELINE_BYTES = 2_200_000  # as embedded: keeps the page below 8 MB, of which plotly is 4.9
EVENTS = 1_500  # the most events in one embedded timeline
FEWEST_EVENTS = 200  # the same limit where many timelines share the room
EVENT_BYTES = 18  # the approximate size of one event as embedded
CONSOLE_LINES = 80
NAME_OF_SITE = class_path(Site)
THINNED = ("call.", "block.", "net.")
FLAGS = {
    "udriver_died": "u-driver died",
    "kdriver_reloaded": "k-driver reloaded",
    "leaked": "leaked",
    "warned": "warned",
}
VARYING = ("driver", "side", "policy", "workload", "target")  # columns that are left out if all trials are alike
COLUMNS = (
    "trial", "driver", "side", "injector", "fault_type", "target", "policy", "workload", "outcome", "detected_by",
    "detection_ms", "recovery_ms", "outage_ms", "reason", "crash_function", "flags", "void",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Embedded:
    """The packed table of trials, the packed details of some of them by number, and the rule of the choice."""

    table: str
    timelines: Mapping[int, str]
    rule: str

    def data(self) -> dict[str, Any]:
        """The part that the page's script reads."""
        return {"table": self.table, "timelines": self.timelines}


def embedded(store: Store, trials: pd.DataFrame, campaigns: int) -> Embedded:
    """The single trials of one of so many campaigns, which share the room."""
    shown = chosen(trials, TABLE_ROWS // campaigns)
    lines = timelines(store, shown, TIMELINES // campaigns, TIMELINE_BYTES // campaigns)
    return Embedded(table(shown, trials), lines, rule(trials, shown, len(lines)))


def chosen(trials: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The trials to show: at most `limit`, or all failures and void ones and a random sample of the rest."""
    if len(trials) <= limit:
        return trials
    kept = trials["void"].notna() | (trials["outcome"] >= Outcome.LOST.name)
    others = trials[~kept]
    room = min(len(others), max(FEWEST_OTHERS, limit - int(kept.sum())))
    return pd.concat([trials[kept], others.sample(room, random_state=0)]).sort_values("trial")


def table(shown: pd.DataFrame, trials: pd.DataFrame) -> str:
    """The columns of the page's table for the trials `shown`, packed; without those that are alike in all `trials`."""
    plain = shown.assign(
        outcome=shown["outcome"].astype("string").fillna("void"),
        detection_ms=(shown["detection_latency_ns"] / 1e6).round(3),
        recovery_ms=(shown["recovery_ns"] / 1e6).round(3),
        outage_ms=(shown["outage_ns"] / 1e6).round(3),
        flags=[", ".join(flags_of(row)) for row in shown[list(FLAGS)].itertuples(index=False)],
    )
    same = shared(trials)
    return packed({name: column(plain[name]) for name in COLUMNS if name not in same})


def column(values: pd.Series[Any]) -> Any:
    """Numbers as a list, null where one is missing; strings as a list of different ones and a place in it for each."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(object).where(values.notna(), None).tolist()
    codes, different = pd.factorize(values)
    return {"codes": codes.tolist(), "of": list(different)}


def shared(trials: pd.DataFrame) -> dict[str, str]:
    """The values that all trials with a fault share, by column: the table needs no column for them."""
    faulty = trials[trials["injector"] != GOLDEN]
    values = {name: faulty[name].unique() for name in VARYING}
    return {name: str(found[0]) for name, found in values.items() if len(found) == 1 and not pd.isna(found[0])}


def flags_of(row: Iterable[Any]) -> Iterator[str]:
    """The flags that are set, in words."""
    return (words for words, value in zip(FLAGS.values(), row, strict=True) if not pd.isna(value) and value)


def in_turn(trials: pd.DataFrame) -> pd.DataFrame:
    """The first trial of each outcome, worst first, then the second of each, and so on; void ones last."""
    severity = trials["outcome"].cat.codes
    turn = trials.groupby(severity).cumcount().where(severity >= 0, len(trials))
    return trials.assign(severity=severity, turn=turn).sort_values(["turn", "severity"], ascending=[True, False])


def timelines(store: Store, trials: pd.DataFrame, count: int, budget: int) -> dict[int, str]:
    """Trial -> its packed details, of each outcome in turn, until `count` trials or `budget` bytes are reached."""
    found: dict[int, str] = {}
    used, some = 0, in_turn(trials)["trial"].head(count)
    limit = min(EVENTS, max(FEWEST_EVENTS, budget // (EVENT_BYTES * max(1, len(some)))))
    for n in some:
        text = packed_details(store, int(n), limit)
        used += len(text)
        if used > budget:
            break
        found[int(n)] = text
    return found


def packed_details(store: Store, n: int, limit: int) -> str:
    """The packed details of a trial, or the reason why there are none."""
    try:
        return packed(details(store, n, limit))
    except BAD_DATA as reason:  # one trial must not cost the page
        return packed({"failed": f"{type(reason).__name__}: {reason}"})


def packed(data: Mapping[str, Any]) -> str:
    """JSON, deflated, in base64: what a browser's DecompressionStream("deflate") takes."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(errors="replace"), level=9)).decode()


def details(store: Store, n: int, limit: int) -> dict[str, Any]:
    """One trial: its parts, its changes, its events without the bulk, the number left out, its console."""
    events = store.events(n)
    kept = thin(events, limit)
    left_out = Counter(e.kind.partition(".")[0] for e in events)
    left_out.subtract(e.kind.partition(".")[0] for e in kept)
    plan = store.plan(n)
    return {
        "parts": parts(plan),
        "changes": list(changes(plan, events)),
        "late_s": plain(plan["workload"].get("late_s")),
        "events": [[e.t_ns, e.source, e.kind, plain(e.data)] for e in kept],
        "left_out": +left_out,
        "console": excerpt(store.console(n)),
    }


def plain(value: Any) -> Any:
    """Data as every browser reads it: large integers and numbers that are not finite become text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else exact(value)


def changes(plan: Mapping[str, Any], events: Iterable[Event]) -> Iterator[dict[str, str]]:
    """The changes that the faults made: where, before and after. Code is in the plan, data in the events."""
    for site in sites_in(plan.get("fault")):
        yield {"where": f"{site.function}+{site.offset:#x}", "before": site.before, "after": site.after}
    for event in events:
        if event.kind == Kind.FAULT_INJECTED and "old" in event.data:
            places = (event.data.get(name) for name in ("region", "register", "function", "address"))
            where = " ".join(str(exact(place)) for place in places if place is not None)
            yield {"where": where, "before": digits(event.data["old"]), "after": digits(event.data.get("new"))}


def digits(value: Any) -> str:
    """A byte as two hexadecimal digits; any other value as it was reported."""
    return f"{value:#04x}" if isinstance(value, int) else str(value)


def sites_in(encoded: Any) -> Iterator[Site]:
    """The sites that the faults in an encoded part were settled on."""
    if isinstance(encoded, Mapping) and encoded.get("is") == NAME_OF_SITE:
        yield decode(encoded, known)
    elif isinstance(encoded, (Mapping, list)):
        for inner in encoded.values() if isinstance(encoded, Mapping) else encoded:
            yield from sites_in(inner)


def thin(events: Sequence[Event], limit: int) -> list[Event]:
    """Events without calls, block requests and packets; of a workload's requests at most those next to the fault."""
    kept = [e for e in events if not e.kind.startswith(THINNED)]
    if len(kept) <= limit:
        return kept
    fault_ns = next((e.t_ns for e in kept if e.kind.startswith("fault.")), 0)
    ordinary = sorted((e for e in kept if is_ordinary(e)), key=lambda e: abs(e.t_ns - fault_ns))
    surplus = {id(e) for e in ordinary[max(0, limit - len(kept) + len(ordinary)) :]}
    return [e for e in kept if id(e) not in surplus]


def is_ordinary(event: Event) -> bool:
    """A request on its way, as there are thousands."""
    return event.kind in (Kind.REQUEST_ISSUED, Kind.REQUEST_COMPLETED)


def excerpt(console: str, lines: int = CONSOLE_LINES) -> str:
    """The console from shortly before the first sign of trouble on, or its end."""
    text = console.splitlines()
    trouble = (i - 2 for i, line in enumerate(text) if is_trouble(line))
    start = max(0, next(trouble, len(text) - lines))
    return "\n".join(text[start : start + lines])


def parts(plan: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a trial as one reads them: `fault` -> `text(function=cp_rx_poll, bit=3)`."""
    names = ("driver", "fault", "trigger", "policy", "workload")
    found = {name: in_words(plan.get(name)) for name in names if plan.get(name)}
    return found | {"seed": str(plan.get("seed"))}


def rule(trials: pd.DataFrame, shown: pd.DataFrame, timelines: int) -> str:
    """A sentence on the trials that were left out, and on the rule; empty if none was."""
    notes = []
    if len(shown) < len(trials):
        all_of = shown[shown["void"].notna() | (shown["outcome"] >= Outcome.LOST.name)]
        notes.append(
            f"The table holds {len(shown)} of {len(trials)} trials: all {len(all_of)} that ended LOST or worse or are "
            "void, and a random sample of the others. All other figures on this page are of all trials."
        )
    if timelines < len(shown):
        notes.append(f"Time lines are embedded for {timelines} trials, the first of each outcome in turn.")
    return " ".join(notes)
