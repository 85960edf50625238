"""answers.ko as a driver under test, and a workload that asks it. A module of its own: it travels as a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faultkit.kit import Bench, Check, KernelModule, retry, run, unload_module

NODE = "/dev/answers"
GOLDEN: Mapping[str, int] = {
    "constant": 0x1234, "destination": 371, "sum": 12, "element": 101, "branch": 61, "rounds": 10, "steps": 8,
    "local": 5, "power": 81, "lock": 1, "unlock": 0, "restore": 0, "enable": 0, "free": 1, "allocation": 0, "copy": 21,
    "read": 0x5A5A, "frame": 0,
}  # fmt: skip
"""Questions that answers.c knows -> what it answers without a fault."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Functions of a kernel module, each of which answers with a number."""

    @property
    def modules(self) -> tuple[str, ...]:
        return ("answers",)

    @property
    def device(self) -> str:
        return ""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ()

    def files(self) -> Mapping[str, KernelModule]:
        return {"modules/answers.ko": KernelModule(Path(__file__).parent / "answers", "answers")}

    def load(self) -> None:
        run("insmod", "/faultkit/modules/answers.ko")

    def unload(self) -> None:
        unload_module("answers")

    def attach(self) -> None:
        """Nothing to do: the device node comes with the module."""

    def detach(self) -> None:
        """Nothing to do."""

    def probe(self) -> None:
        """Ask nothing: a question of the heartbeat's would meet with a fault before the workload's does."""
        with opened() as fd:
            os.read(fd, 8)


@dataclass(frozen=True, slots=True)
class Asking:
    """These questions, one after another; each answer is an event ("answer.given"). Gives up if nobody is there for
    `patience_s`."""

    questions: tuple[str, ...] = tuple(GOLDEN)
    patience_s: float = 0.0
    deadline_s: float = 5.0
    late_s: float = 1.0

    def run(self, bench: Bench) -> Check:
        try:
            retry(partial(os.stat, NODE), timeout_s=self.patience_s)
            with opened() as fd:
                for question in self.questions:
                    ask(bench, fd, question)
        except OSError as reason:
            bench.report("workload", "workload.gave_up", why=reason.strerror)
        return lambda: bench.report("workload", "check.passed", questions=len(self.questions))


def ask(bench: Bench, fd: int, question: str) -> None:
    """One of them. Raises: OSError."""
    with bench.request("ask", question=question):
        os.write(fd, question.encode())
    answer = int.from_bytes(os.read(fd, 8), "little", signed=True)
    bench.report("workload", "answer.given", question=question, answer=answer)


@contextmanager
def opened() -> Iterator[int]:
    """/dev/answers."""
    fd = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
