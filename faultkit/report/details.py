"""What the dashboard embeds of single trials: a row of its table each, and a timeline for as many as fit."""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from faultkit.model import Event
from faultkit.store import Store, class_name
from faultkit.summary import GOLDEN

TABLE_ROWS = 5_000
TIMELINES = 500
TIMELINE_BYTES = 2_500_000  # as embedded: keeps the page below 8 MB, of which plotly is 4.9
EVENTS = 1_500  # in one embedded timeline, fewer where many are embedded
FEWEST_EVENTS = 200
EVENT_BYTES = 18  # about what one takes as embedded
CONSOLE_LINES = 80
THINNED = ("call.", "block.", "net.")
TROUBLE = ("BUG:", "Oops", "panic", "lockup", "LOCKUP", "WARNING:", "blocked for more than")
FLAGS = {
    "udriver_died": "u-driver died",
    "kdriver_reloaded": "k-driver reloaded",
    "leaked": "leaked",
    "warned": "warned",
}
VARYING = ("driver", "policy", "workload", "target")  # a column only where trials differ in it


def worst_first(trials: pd.DataFrame) -> pd.DataFrame:
    """By severity, then by number; void trials last."""
    severity = trials["outcome"].cat.codes
    return trials.assign(severity=severity).sort_values(["severity", "trial"], ascending=[False, True])


def table(trials: pd.DataFrame, limit: int) -> dict[str, Any]:
    """Column names and rows for the page's table, by number; the worst `limit` trials if there are more."""
    shown = worst_first(trials).head(limit).sort_values("trial")
    plain = shown.assign(
        outcome=shown["outcome"].astype("string").fillna("void"),
        detection_ms=(shown["detection_latency_ns"] / 1e6).round(3),
        recovery_ms=(shown["recovery_ns"] / 1e6).round(3),
        outage_ms=(shown["outage_ns"] / 1e6).round(3),
        flags=[", ".join(flags_of(row)) for row in shown[list(FLAGS)].itertuples(index=False)],
    )
    same = shared(trials)
    columns = [name for name in COLUMNS if name not in same]
    rows = plain[columns].astype(object).where(plain[columns].notna(), None)
    return {"columns": columns, "rows": rows.to_numpy().tolist()}


def shared(trials: pd.DataFrame) -> dict[str, str]:
    """What all trials with a fault have in common, by column: not worth a column of the table."""
    faulty = trials[trials["injector"] != GOLDEN]
    values = {name: faulty[name].unique() for name in VARYING}
    return {name: str(found[0]) for name, found in values.items() if len(found) == 1 and not pd.isna(found[0])}


COLUMNS = (
    "trial", "driver", "injector", "target", "policy", "workload", "outcome", "detected_by",
    "detection_ms", "recovery_ms", "outage_ms", "crash_function", "flags", "void",
)  # fmt: skip


def flags_of(row: Iterable[Any]) -> Iterator[str]:
    """The flags that are set, in words."""
    return (words for words, value in zip(FLAGS.values(), row, strict=True) if not pd.isna(value) and value)


def timelines(store: Store, trials: pd.DataFrame, count: int, budget: int) -> dict[int, str]:
    """Trial -> its packed details, worst first, until `count` trials or `budget` bytes are reached."""
    found: dict[int, str] = {}
    used, chosen = 0, worst_first(trials)["trial"].head(count)
    limit = min(EVENTS, max(FEWEST_EVENTS, budget // (EVENT_BYTES * max(1, len(chosen)))))
    for n in chosen:
        text = packed(details(store, int(n), limit))
        used += len(text)
        if used > budget:
            break
        found[int(n)] = text
    return found


def packed(data: Mapping[str, Any]) -> str:
    """JSON, deflated, in base64: what a browser's DecompressionStream("deflate") takes."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), level=9)).decode()


def details(store: Store, n: int, limit: int) -> dict[str, Any]:
    """One trial: its parts, its events without the bulk, how many were left out, and its console."""
    events = store.events(n)
    kept = thin(events, limit)
    left_out = Counter(e.kind.partition(".")[0] for e in events)
    left_out.subtract(e.kind.partition(".")[0] for e in kept)
    plan = store.plan(n)
    return {
        "parts": parts(plan),
        "late_s": plan["workload"].get("late_s"),
        "events": [[e.t_ns, e.source, e.kind, {key: exact(value) for key, value in e.data.items()}] for e in kept],
        "left_out": +left_out,
        "console": excerpt(store.console(n)),
    }


def exact(value: Any) -> Any:
    """The same value; an integer that JavaScript cannot hold (an address, say) as hexadecimal digits."""
    return hex(value) if isinstance(value, int) and abs(value) > 2**53 else value


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
    return event.kind in ("request.issued", "request.completed")


def excerpt(console: str, lines: int = CONSOLE_LINES) -> str:
    """The console from shortly before the first sign of trouble on, or its end."""
    text = console.splitlines()
    trouble = (i - 2 for i, line in enumerate(text) if any(word in line for word in TROUBLE))
    start = max(0, next(trouble, len(text) - lines))
    return "\n".join(text[start : start + lines])


def parts(plan: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a trial as one reads them: `fault` -> `text(function=cp_rx_poll, bit=3)`."""
    names = ("driver", "fault", "trigger", "policy", "workload")
    found = {name: described(plan.get(name)) for name in names if plan.get(name)}
    return found | {"seed": str(plan.get("seed"))}


def described(part: Any) -> str:
    """An encoded part in a few words."""
    if isinstance(part, Mapping):
        fields = ", ".join(f"{key}={described(value)}" for key, value in part.items() if key != "is")
        return f"{class_name(part)}({fields})" if fields else class_name(part)
    if isinstance(part, list):
        return f"({', '.join(map(described, part))})"
    return str(exact(part))


def rule(campaign_trials: int, shown_rows: int, shown_timelines: int) -> str:
    """What was left out of the table, and by which rule; empty if nothing was."""
    notes = []
    if shown_rows < campaign_trials:
        notes.append(f"The table holds the {shown_rows} worst of {campaign_trials} trials, by outcome and then number.")
    if shown_timelines < shown_rows:
        notes.append(f"Timelines are embedded for the {shown_timelines} worst.")
    return " ".join(notes)
