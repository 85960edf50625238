"""Messages between k-driver and u-driver go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import ClassVar

from faultkit.kit import Bench, Channelled, Driver, NotPlaced, Side, Tampering
from injectors.tools.witness import witnessed


@dataclass(frozen=True, slots=True)
class Channel:
    """Tamper with messages between k-driver and u-driver: lose, delay, cut short, double or change them.

    `action`: "drop", "delay", "truncate", "duplicate" or "corrupt"; on a microdriver also "reorder", "stale", and
    "kill" or "stop", which kill or stop the u-driver at that message. `direction`: "request" or "reply"; on a
    microdriver "upcall", "return", "downcall", "result" or "any". The other fields are those of
    `faultkit.model.parts.Tampering`. The heartbeat's messages count, too.

    Activation: each message tampered with, stamped before the result goes out.
    Data: `action`, `direction`, `message`, `nth`, `times`; in `fault.activated` `met`: the act and its message.
    Undo: later messages pass unharmed.
    """

    side: ClassVar[Side] = "channel"

    action: str
    direction: str
    message: str = ""
    nth: int = 1
    times: int = 1
    delay_s: float = 0.1
    cut_bytes: int = 1
    field: str = ""
    byte: int | None = None
    value: int | None = None
    draw: int = 0

    @property
    def fault_type(self) -> str:
        return f"{self.direction}: {self.action}"

    def foresee(self, driver: Driver) -> None:
        channel_of(driver)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        try:
            fd = channel_of(bench.driver).tamper(Tampering(**asdict(self)))
        except OSError as reason:
            raise NotPlaced(f"a message cannot be tampered with: {reason.strerror or reason}") from None
        told = {"direction": self.direction, "message": self.message or "any", "nth": self.nth, "times": self.times}
        with witnessed(bench, fd, action=self.action, **told):
            yield


def channel_of(driver: Driver) -> Channelled:
    """The driver, if its messages can be tampered with. Raises: NotPlaced."""
    if not isinstance(driver, Channelled):
        raise NotPlaced(f"{type(driver).__name__} has no channel whose messages can be tampered with")
    return driver
