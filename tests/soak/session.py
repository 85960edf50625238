"""One run of faultkit's command line, from its start to the last process that it leaves."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import IO

import psutil

ROOT = Path(__file__).parents[2]
PR_SET_CHILD_SUBREAPER = 36
KEPT_BYTES = 8192
GONE_S = 5.0  # the kernel ends what a killed harness leaves behind


def adopt_orphans() -> None:
    """Let processes whose parent has died become children of this one, where they are seen."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places that a soak works in: each is a small file system, or lies in one."""

    results: Path
    cache: Path
    temporary: Path

    @property
    def out(self) -> Path:
        """The directory of the campaign's results."""
        return self.results / "run"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of faultkit."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FAULTKIT_CACHE": str(self.cache),
            "TMPDIR": str(self.temporary),
        }


class Listener(threading.Thread):
    """The reader of one of its streams: keeps the last lines, and may go away before the stream ends."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.said = b""
        self._stream = stream
        self._away = threading.Event()
        self.start()

    def run(self) -> None:
        """Read until the end of the stream, or until it is to go away."""
        with self._stream:
            while not self._away.is_set():
                if select([self._stream], [], [], 0.05)[0]:
                    data = os.read(self._stream.fileno(), 1 << 16)
                    if not data:
                        return
                    self.said = (self.said + data)[-KEPT_BYTES:]

    def go_away(self) -> None:
        """Close the stream; comes back when it is closed."""
        self._away.set()
        self.join()


@dataclass(frozen=True, slots=True)
class FaultkitRun:
    """A running `faultkit run --resume`, and the readers of its standard output and standard error."""

    process: subprocess.Popen[bytes]
    readers: tuple[Listener, Listener]

    @classmethod
    def start(cls, places: Places, out: Path, seed: int, jobs: int, trials: int) -> FaultkitRun:
        """Begin a campaign, or go on with it."""
        words = [ROOT / "tests/soak/campaign.py", "--seed", seed, "--jobs", jobs, "--trials", trials,
                 "--replay-sample", 0, "--out", out, "--resume"]  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", "from faultkit.cli import main; main()", "run", *map(str, words)],
            cwd=places.results, env=places.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert process.stdout and process.stderr
        return cls(process, (Listener(process.stdout), Listener(process.stderr)))

    @property
    def running(self) -> bool:
        """True until it has ended."""
        return self.process.poll() is None

    def complaints(self) -> str:
        """The last of what it wrote to its standard error."""
        self.readers[1].join(1.0)
        return self.readers[1].said.decode(errors="replace")

    def send(self, number: signal.Signals) -> bool:
        """Send it a signal; False if it has ended."""
        if self.running:
            self.process.send_signal(number)
            return True
        return False

    def guests(self) -> list[psutil.Process]:
        """The QEMUs that it has, and what is about to become one."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def ended_within(self, seconds: float) -> bool:
        """Wait for its end; False if it goes on."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        return False


def left_over() -> list[str]:
    """The processes that outlive the harness that started them; each gets a few seconds to go."""
    deadline = time.monotonic() + GONE_S
    while (found := living_children()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def living_children() -> list[str]:
    """The children of this process that live, those that it adopted among them, by command line. Reaps dead ones."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.status() == psutil.STATUS_ZOMBIE:
                with suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)
            else:
                found.append(" ".join(child.cmdline())[:200])
    return found
