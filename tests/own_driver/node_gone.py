"""An injector of your own: the device node disappears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from faultkit.kit import Bench, NotPlaced, Side


@dataclass(frozen=True, slots=True)
class NodeGone:
    """Remove the device node; processes that have it open keep it.

    Activation: at once, when the node is not there any more.
    Undo: none; loading the k-driver makes a new node.
    """

    side: ClassVar[Side] = "k-driver"

    node: str

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        try:
            Path(self.node).unlink()
        except OSError as reason:
            raise NotPlaced(f"{self.node} cannot be removed: {reason.strerror}") from None
        bench.report("injector", "fault.injected", node=self.node)
        if not Path(self.node).exists():
            bench.report("injector", "fault.activated")
        yield
