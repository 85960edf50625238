"""rtl8139_micro's life: each of its calls but those after an error, before and after a new u-driver has come."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drivers.rtl8139.bring_up import carrier
from drivers.rtl8139.driver import DEVICE
from drivers.rtl8139.peer import DATA_PORT, DOWN, PEER_ADDRESS, UP
from drivers.rtl8139.workload import move
from faultkit.kit import Bench, retry, run
from microdriver.life import Life, Step, rejoin, reload

ANSWER_S = 3.0
CHUNK_BYTES = 4096
OTHER_MAC, MAC = "52:54:00:00:00:07", "52:54:00:00:00:01"


def transfer(bench: Bench) -> None:
    """A chunk each way, on a connection of its own."""
    with socket.create_connection((PEER_ADDRESS, DATA_PORT), timeout=ANSWER_S) as stream:
        for op in (UP, DOWN):
            move(bench, stream, op, bench.seed, CHUNK_BYTES)


def settings(bench: Bench) -> None:
    """Read the link's settings with `ethtool`."""
    run("ethtool", DEVICE)


def registers(bench: Bench) -> None:
    """The chip's registers."""
    run("ethtool", "-d", DEVICE)


def checksum(bench: Bench) -> None:
    """Switch checksums off and on."""
    for word in ("off", "on"):
        run("ethtool", "-K", DEVICE, "rx", word)


def address(bench: Bench) -> None:
    """Set another hardware address, and the old one again."""
    for mac in (OTHER_MAC, MAC):
        run("ip", "link", "set", DEVICE, "address", mac)


def renegotiate(bench: Bench) -> None:
    """Renegotiate the link."""
    run("ethtool", "-r", DEVICE)


def bounce(bench: Bench) -> None:
    """Set the interface down and up."""
    for word in ("down", "up"):
        run("ip", "link", "set", DEVICE, word)
    retry(carrier, timeout_s=ANSWER_S)


@dataclass(frozen=True, slots=True)
class RtlLife(Life):
    """rtl8139_micro comes up again, is asked and told everything, and gets a new u-driver: all that, `since` a step."""

    STEPS: ClassVar[Sequence[tuple[str, Step]]] = (
        ("reload", reload),
        ("transfer", transfer),
        ("settings", settings),
        ("registers", registers),
        ("checksum", checksum),
        ("address", address),
        ("renegotiate", renegotiate),
        ("bounce", bounce),
        ("transfer", transfer),
        ("rejoin", rejoin),
        ("settings", settings),
        ("transfer", transfer),
    )
