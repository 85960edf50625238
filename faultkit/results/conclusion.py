"""The conclusion of a campaign for scripts, as `faultkit run --json` prints it at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultkit.results.summary import (
    GOLDEN,
    VOID_SHARE,
    accounting,
    again_line,
    counts_json,
    survival,
    unjudged_line,
)
from faultkit.statistics.rates import Rate
from faultkit.statistics.sequential import confidence_sequence
from faultkit.store import queries
from faultkit.store.store import Store


def conclusion(store: Store) -> dict[str, Any]:
    """The counts of `summary.counts_json`, rates with intervals, the stop decision, and the reasons of void trials."""
    counts, meta = counts_json(store), store.meta()
    rates = {name: rate_json(survival(ended)) for name, ended in counts["by"].items() if name != GOLDEN}
    return counts | {
        "survived": rate_json(survival(counts["outcomes"])),
        "survived_by": rates,
        "stop": stop_json(meta.stop, meta.decision),
        "void_reasons": queries.void_reasons(store),
    }


def rate_json(rate: Rate) -> dict[str, Any]:
    """MASKED or RECOVERED of the activated; `share` is null if there are none, the interval exact, 95 %."""
    return {"k": rate.k, "n": rate.n, "share": rate.share if rate.n else None, "low": rate.low, "high": rate.high}


def stop_json(stop: Mapping[str, Any] | None, decision: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A campaign's rule, its decision, and the interval that allows for repeated looks; None without a rule."""
    if not stop or not decision:
        return None
    low, high = confidence_sequence(decision["k"], decision["n"])
    return {"rule": dict(stop), **decision, "low": low, "high": high}


def trouble(store: Store) -> str | None:
    """The trouble with a campaign of which too many trials are void; None for others."""
    ran, void = len(store.done()), accounting(store)["void"]
    if void <= VOID_SHARE * ran:
        return unjudged_line(store)
    first = f"{void} of {ran} trials are void, the first: {queries.first_void(store)}"
    line = again_line(store)
    return f"{first}; {line}" if line else first
