"""The guest's side of the mailbox: put a text there, and stop at that very instruction for the host to read it."""

from __future__ import annotations

import json
import mmap
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

from faultkit.model.errors import NotPlaced
from faultkit.model.mailbox import SIZE, Mailbox, State

IDLE_PORT = 0x80  # where BIOSes leave progress codes; nothing listens


class HostLink:
    """The way to the host: each exchange stops the guest. `port` is a descriptor of /dev/port."""

    def __init__(self, mailbox: Mailbox, port: int) -> None:
        self.mailbox = mailbox
        self._port = port
        self._lock = threading.Lock()
        self._stops = 0
        self.resumed_ns = 0  # CLOCK_MONOTONIC when the guest last ran on: what the host's clock is set by

    def exchange(self, state: State, text: str = "") -> str:
        """Stop the guest for the host to read the text; return the text that the host has put in its place."""
        self.mailbox.put(state, text)
        self._stop_at_door()
        self.resumed_ns = time.monotonic_ns()
        return self.mailbox.text()

    def _stop_at_door(self) -> None:
        """Call the kernel's write_port() and read_port() in turn: there the host's breakpoints are."""
        self._stops += 1
        if self._stops % 2:
            os.pwrite(self._port, b"\0", IDLE_PORT)
        else:
            os.pread(self._port, 1, IDLE_PORT)

    def call(self, request: str) -> None:
        """Let a fault's host side act. Raises: NotPlaced."""
        with self._lock:
            answer: dict[str, Any] = json.loads(self.exchange(State.CALL, request))
        if "error" in answer:
            raise NotPlaced(answer["error"])

    def fail(self, reason: str) -> None:
        """End the guest: the trial, or the template, is void."""
        self.exchange(State.BROKEN, reason)


def open_link() -> HostLink:
    """The way to the host of this guest."""
    (address,) = re.findall(r"mailbox=0x([0-9a-f]+)", Path("/proc/cmdline").read_text())
    memory = os.open("/dev/mem", os.O_RDWR | os.O_CLOEXEC)
    mailbox = Mailbox(mmap.mmap(memory, SIZE, offset=int(address, 16)))
    return HostLink(mailbox, os.open("/dev/port", os.O_RDWR | os.O_CLOEXEC))
