"""Small campaigns on prepared guests, as `faultkit run` leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faultkit.model.codec import encode
from faultkit.pytest_plugin.guests import PreparedGuest
from faultkit.running.campaign import row_of
from faultkit.running.judging import keep
from faultkit.running.trial import run_trial
from faultkit.store.store import Store
from tests.guest.conftest import PARTS


def stored(bed: PreparedGuest, directory: Path, trials: list[dict[str, Any]]) -> Store:
    """A store with trials that were run on a bed, one by one; each differs from the golden one in some parts."""
    recipe = {"first": encode(bed.golden), "parts": [encode(part) for part in PARTS]}
    image = bed.template.image
    facts = {"image": image.key, "kernel": image.kernel, "accel": "tcg", "shift": 3, "experiment": "small"}
    store = Store.create(directory, facts | {"templates": {bed.template.key: recipe}})
    for n, parts in enumerate(trials):
        trial = bed.trial(**parts)
        keep(store, row_of(bed.template, n, trial, 1, run_trial(bed.template, trial)))
    return store
