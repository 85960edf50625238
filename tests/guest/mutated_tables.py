"""A driver that is cut, brought up with other bytes in its tables. A module of its own: it travels as a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from drivers.sliced.questions import Questions
from faultkit.kit import Bench, Check, start, take_down


@dataclass(frozen=True, slots=True)
class TableChange:
    """Other bytes, from an offset in a file of the guest on; in hexadecimal digits."""

    path: str
    offset: int
    digits: str


@dataclass(frozen=True, slots=True)
class MutatedTables:
    """`Questions` to a driver that starts after changes of its files; its process finds poison."""

    changes: tuple[TableChange, ...] = ()
    deadline_s: float = 300.0
    late_s: float = 60.0

    def run(self, bench: Bench) -> Check:
        with bench.maintenance(), bench.request("change"):
            take_down(bench.driver)
            for each in self.changes:
                with Path(each.path).open("r+b") as file:
                    file.seek(each.offset)
                    file.write(bytes.fromhex(each.digits))
            os.environ["MDU_POISON"] = "2"
            start(bench.driver)
            bench.driver.attach()
        return Questions().run(bench)
