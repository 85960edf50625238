"""ring.ko as a driver under test, and a workload for it. Runs in the guest: the standard library and faultkit only."""

from __future__ import annotations

import errno
import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faultkit.kit import Bench, Check, KernelModule, run, unload_module

NODE = "/dev/ring0"
BLOCK = 4096
BLOCKS = 64
PROBED = BLOCKS - 1  # the last block belongs to the probe
RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring of memory blocks behind a character device: all of it in the kernel."""

    @property
    def modules(self) -> tuple[str, ...]:
        return ("ring",)

    @property
    def device(self) -> str:
        return ""  # neither a block device nor a network interface

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ()

    def files(self) -> Mapping[str, KernelModule]:
        return {"modules/ring.ko": KernelModule(Path(__file__).parent, "ring")}

    def load(self) -> None:
        run("insmod", "/faultkit/modules/ring.ko")

    def unload(self) -> None:
        unload_module("ring")  # the workload may still have it open

    def attach(self) -> None:
        """Nothing to do: the device node comes with the module."""

    def detach(self) -> None:
        """Nothing to do."""

    def probe(self) -> None:
        """Write a block and read it back."""
        token = os.urandom(8) * (BLOCK // 8)
        with opened() as fd:
            write(fd, PROBED, token)
            if read(fd, PROBED) != token:
                raise OSError(errno.EBADMSG, "the ring returned another block")


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Random writes of blocks, and reads that must return what was written last.

    The ring is memory: a reload may forget a block, and then a read of it must fail, never make something up. A
    request that fails is followed by others on a fresh handle, until `give_up_s` have passed without a success.
    """

    requests: int = 80
    give_up_s: float = 4.0
    deadline_s: float = 20.0
    late_s: float = 5.0

    def run(self, bench: Bench) -> Check:
        rng = random.Random(bench.seed)
        known: dict[int, bytes] = {}
        left = self.requests
        last_success = time.monotonic()
        while left:
            with suppress(OSError), opened() as fd:
                while left:
                    step(bench, rng, known, fd)
                    left, last_success = left - 1, time.monotonic()
            if left:
                if time.monotonic() - last_success > self.give_up_s:
                    bench.report("workload", "workload.gave_up", why=f"no success for {self.give_up_s:g} s")
                    break
                time.sleep(RETRY_S)
        return partial(check, bench, known)


def step(bench: Bench, rng: random.Random, known: dict[int, bytes], fd: int) -> None:
    """One request: write a block, or read one whose content is known. Raises: OSError."""
    block = rng.randrange(PROBED)
    content = known.pop(block, None)  # unknown again if the request fails
    if content is None or rng.random() < 0.5:
        content = rng.randbytes(BLOCK)
        with bench.request("write", block=block):
            write(fd, block, content)
    else:
        with bench.request("read", block=block):
            found = read(fd, block)
        verify(bench, block, found, content)
    known[block] = content


def check(bench: Bench, known: dict[int, bytes]) -> None:
    """With a fresh handle: one more round trip, then every block that should still be there."""
    forgotten = 0
    try:
        bench.driver.probe()
        with opened() as fd:
            for block, content in sorted(known.items()):
                try:
                    verify(bench, block, read(fd, block), content)
                except OSError as reason:
                    if reason.errno != errno.ENODATA:
                        raise
                    forgotten += 1
    except OSError as reason:
        bench.report("workload", "check.failed", error=reason.strerror or str(reason))
    else:
        bench.report("workload", "check.passed", blocks=len(known), forgotten=forgotten)


def verify(bench: Bench, block: int, found: bytes, content: bytes) -> None:
    """Report a block that was handed over as right and is not."""
    if found != content:
        bench.report("workload", "read.mismatched", block=block)


@contextmanager
def opened() -> Iterator[int]:
    """A fresh handle of the device."""
    fd = os.open(NODE, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def write(fd: int, block: int, content: bytes) -> None:
    """One block. Raises: OSError, also if the driver took only a part."""
    if os.pwrite(fd, content, block * BLOCK) != BLOCK:
        raise OSError(errno.EIO, "short write")


def read(fd: int, block: int) -> bytes:
    """One block. Raises: OSError, also if the driver gave only a part."""
    content = os.pread(fd, BLOCK, block * BLOCK)
    if len(content) != BLOCK:
        raise OSError(errno.EIO, "short read")
    return content
