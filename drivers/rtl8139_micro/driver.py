"""The driver rtl8139_micro: rtl8139_micro.ko and rtl_u."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from drivers.rtl8139.split import SplitNic
from microdriver import UDriver, load


@dataclass(frozen=True, slots=True)
class Rtl8139Micro(SplitNic):
    """A split driver of the RTL8139C+ Ethernet chip, the twin of rtl8139, with the same `delay_ms`.

    `whole`: at each crossing the shared objects are copied as a whole, not only the fields that the contract names.
    """

    MODULE: ClassVar = "rtl8139_micro"
    UDRIVER: ClassVar = UDriver(Path("/faultkit/bin/rtl_u"), Path("/dev/microdriver/rtl0"))

    delay_ms: int = 0
    whole: bool = False

    def load(self) -> None:
        load(self.MODULE, whole=self.whole)
