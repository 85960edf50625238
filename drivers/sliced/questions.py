"""Questions to a network driver, whose answers are recorded: a split driver has to give those of the whole one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drivers.rtl8139.driver import ADDRESS, DEVICE
from drivers.rtl8139.workload import Transfers
from drivers.sliced.nic import LINK_S
from faultkit.kit import Bench, Check, Kind, final_check, retry

ANSWER_S = 20.0
GROUP = "33:33:00:00:00:09"
LOOKS = (
    f"ethtool {DEVICE}",
    f"ethtool -i {DEVICE}",
    f"ethtool -k {DEVICE}",
    f"ethtool -g {DEVICE}",
    f"ethtool -d {DEVICE} raw off",
    f"ethtool -e {DEVICE}",
    f"ethtool -S {DEVICE}",
    f"ip -d link show {DEVICE}",
)
SHELL = (
    f"ethtool -s {DEVICE} wol g; ethtool {DEVICE} | grep -i wake; ethtool -s {DEVICE} wol d",
    f"ethtool -s {DEVICE} msglvl 0x7fff; ethtool {DEVICE} | grep -A1 message; ethtool -s {DEVICE} msglvl 7",
    f"ethtool -K {DEVICE} rx off; ethtool -k {DEVICE} | grep rx-check; ethtool -K {DEVICE} rx on",
    f"ethtool -r {DEVICE}",
    f"ethtool -c {DEVICE}",
    f"ethtool -G {DEVICE} rx 32",
    f"ethtool -s {DEVICE} autoneg off speed 10 duplex half; ethtool {DEVICE}; ethtool -s {DEVICE} autoneg on",
    *(f"ip link set {DEVICE} mtu {mtu}; ip link show {DEVICE}" for mtu in (59, 60, 68, 3000, 4096, 4097, 1500)),
    f"ip link set {DEVICE} address 52:54:00:00:00:77; ip link show {DEVICE}",
    f"ip link set {DEVICE} address 01:00:00:00:00:77; ip link show {DEVICE}",
    f"ip link set {DEVICE} address 52:54:00:00:00:01; ip link show {DEVICE}",
    f"ip link set {DEVICE} promisc on; ip link show {DEVICE}; ip link set {DEVICE} promisc off",
    f"ip link set {DEVICE} allmulticast on; ip link show {DEVICE}; ip link set {DEVICE} allmulticast off",
    f"ip maddr add {GROUP} dev {DEVICE}; ip maddr show dev {DEVICE}; ip maddr del {GROUP} dev {DEVICE}",
    f"ip link add link {DEVICE} name v7 type vlan id 7; ip -d link show v7; ip link del v7",
    f"for i in 1 2 3; do ip link set {DEVICE} down; ip link set {DEVICE} up; done; ip link show {DEVICE}",
    f"cat /sys/class/net/{DEVICE}/statistics/{{rx_errors,tx_errors,tx_dropped,collisions}} 2>&1",
    "cat /sys/module/8139cp/parameters/* /sys/module/8139too/parameters/* /sys/module/e1000/parameters/* 2>/dev/null",
)


@dataclass(frozen=True, slots=True)
class Questions:
    """Ask everything that `ethtool` and `ip` can ask, before and after checked transfers. Each answer is an event.

    IPv6 is off: its packets of its own would wait in the device, or not, when the link goes down.
    """

    deadline_s: float = 240.0
    late_s: float = 60.0

    def run(self, bench: Bench) -> Check:
        Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6").write_text("1")
        for command in (*LOOKS, *SHELL):
            self.ask(bench, command)
        subprocess.run(["ip", "addr", "replace", ADDRESS, "dev", DEVICE], check=False)
        retry(bench.driver.probe, timeout_s=LINK_S)
        check = Transfers(chunks=8).run(bench)
        for command in LOOKS:
            self.ask(bench, command)
        return partial(self.check, bench, check)

    def ask(self, bench: Bench, command: str) -> None:
        """One question, as a shell command; its answer is an event."""
        with bench.request("ask"):
            done = subprocess.run(
                ["sh", "-c", command], capture_output=True, text=True, errors="replace", timeout=ANSWER_S, check=False
            )
        bench.report(
            "workload", Kind.QUESTION_ANSWERED, command=command, status=done.returncode, text=done.stdout + done.stderr
        )

    def check(self, bench: Bench, inner: Check) -> None:
        """The transfers' own check, and one look more."""
        with final_check(bench):
            retry(bench.driver.probe, timeout_s=LINK_S)
        inner()
