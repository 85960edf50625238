"""The u-driver's channel with a proxy in it: start of the proxy, and orders to it."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from drivers.nbd.proxy import ARMED
from drivers.nbd.tampering import refusal
from faultkit.kit import Tampering, retry

PROXY = Path("/run/nbd-proxy.sock")  # where nbd.ko finds the proxy in nbdkit's place
CONTROL = Path("/run/nbd-channel.sock")
ANSWER_S = 2.0


def start_proxy(server: Path) -> None:
    """Start the proxy before a server; comes back when it takes connections."""
    subprocess.Popen([sys.executable, "-m", "drivers.nbd.proxy", str(PROXY), str(CONTROL), str(server)])
    retry(hang_up, timeout_s=10.0)


def hang_up() -> None:
    """Connect, and no more. Raises: OSError if nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(str(CONTROL))


def arm(tampering: Tampering) -> int:
    """Arm a tampering, as `faultkit.model.parts.Channelled.tamper` promises."""
    if words := refusal(tampering):
        raise OSError(errno.EINVAL, words)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(ANSWER_S)
        client.connect(str(CONTROL))
        client.send(json.dumps(asdict(tampering)).encode())
        if client.recv(len(ARMED)) != ARMED:
            raise OSError(errno.EPROTO, "the proxy did not confirm")
        client.setblocking(False)
        return client.detach()
