"""Every call of rtl8139_micro but those after an error, before and after its u-driver is replaced."""

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
from microdriver.every_call import EveryCall, Step, restart, restart_udriver

ANSWER_S = 3.0
CHUNK_BYTES = 4096
OTHER_MAC, MAC = "52:54:00:00:00:07", "52:54:00:00:00:01"


def transfer(bench: Bench) -> None:
    """Transfer a chunk each way, on a connection of its own."""
    with socket.create_connection((PEER_ADDRESS, DATA_PORT), timeout=ANSWER_S) as stream:
        for op in (UP, DOWN):
            move(bench, stream, op, bench.seed, CHUNK_BYTES)


def settings(bench: Bench) -> None:
    """Ask for the link's settings."""
    run("ethtool", DEVICE)


def registers(bench: Bench) -> None:
    """Ask for the chip's registers."""
    run("ethtool", "-d", DEVICE)


def checksum(bench: Bench) -> None:
    """Switch checksums off and on."""
    for word in ("off", "on"):
        run("ethtool", "-K", DEVICE, "rx", word)


def address(bench: Bench) -> None:
    """Change the hardware address, and change it back."""
    for mac in (OTHER_MAC, MAC):
        run("ip", "link", "set", DEVICE, "address", mac)


def renegotiate(bench: Bench) -> None:
    """Negotiate the link again."""
    run("ethtool", "-r", DEVICE)


def bounce(bench: Bench) -> None:
    """Take the interface down and up."""
    for word in ("down", "up"):
        run("ip", "link", "set", DEVICE, word)
    retry(carrier, timeout_s=ANSWER_S)


@dataclass(frozen=True, slots=True)
class RtlEveryCall(EveryCall):
    """Take rtl8139_micro down and bring it up, use it, replace its u-driver; begins with the step `since`."""

    STEPS: ClassVar[Sequence[tuple[str, Step]]] = (
        ("reload", restart),
        ("transfer", transfer),
        ("settings", settings),
        ("registers", registers),
        ("checksum", checksum),
        ("address", address),
        ("renegotiate", renegotiate),
        ("bounce", bounce),
        ("transfer", transfer),
        ("rejoin", restart_udriver),
        ("settings", settings),
        ("transfer", transfer),
    )
