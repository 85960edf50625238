"""The table of `isolation`: `python -m experiments.microdriver.survival RESULT`."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from faultkit.model import Outcome
from faultkit.results.analysis import frame_of
from faultkit.statistics.stats import rate
from faultkit.store import Store

SERVED = (Outcome.MASKED.name, Outcome.RECOVERED.name, Outcome.DISRUPTED.name)


def survival(frame: pd.DataFrame) -> pd.DataFrame:
    """By bug and driver: in how many trials, of those where it struck, the kernel lived and the service came back."""
    struck = frame[frame["activated"] & (frame["injector"] != "golden")]
    rows = {place: told(group["outcome"].astype(str)) for place, group in struck.groupby(["fault_type", "driver"])}
    return pd.DataFrame.from_dict(rows, orient="index")


def told(outcomes: pd.Series[str]) -> dict[str, str]:
    """One row."""
    return {
        "kernel survived": str(rate(int((outcomes != Outcome.CRASHED.name).sum()), len(outcomes))),
        "service back": str(rate(int(outcomes.isin(SERVED).sum()), len(outcomes))),
        "outcomes": ", ".join(f"{n} {outcome}" for outcome, n in outcomes.value_counts().items()),
    }


def main() -> None:
    """Print it."""
    with Store.open(Path(sys.argv[1])) as store:
        frame = frame_of(store)
    print(survival(frame).to_string())
    print(survival(frame.assign(fault_type="all")).to_string())


if __name__ == "__main__":
    main()
