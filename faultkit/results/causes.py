"""Why a service did not come back by itself: from a trial's outcome and events to one phrase. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd

from faultkit.model.codec import decode
from faultkit.model.events import Event, Kind, Outcome
from faultkit.store import moved
from faultkit.store.store import Store, unpack_events
from faultkit.verdict.outcomes import FAILED

CRASH_REPORTS = (Kind.KERNEL_OOPS, Kind.KERNEL_LOCKUP)
