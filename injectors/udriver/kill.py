"""The u-driver is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from signal import SIGKILL
from typing import ClassVar

from faultkit.kit import Bench, Side
from injectors.tools.udriver import end_by


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL to the u-driver: it is gone at once, with its requests in flight.

    Activation: its death, seen through a pidfd.
    """

    side: ClassVar[Side] = "u-driver"

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        end_by(SIGKILL, bench)
        yield
