"""Checked TCP transfers both ways."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread

from drivers.rtl8139.peer import DATA_PORT, DOWN, GOOD, ORDER, PEER_ADDRESS, UP, receive
from faultkit.kit import Bench, Check, Kind, Patience, final_check, seeded_bytes


@dataclass(frozen=True, slots=True)
class Transfers:
    """Seeded chunks to the peer and from it, one connection each way; both ends verify every byte.

    Plain blocking sockets: a dead link is a request that neither completes nor fails. After an error the
    connection is made anew, until `give_up_s` of virtual time have passed without success.
    `duration_s` > 0: for so long, however many chunks that comes to. `pause_s`: before each chunk.
    """

    chunks: int = 32  # each way
    chunk_bytes: int = 8192
    give_up_s: float = 3.0
    deadline_s: float = 12.0
    late_s: float = 5.0
    duration_s: float = 0.0
    pause_s: float = 0.0

    def run(self, bench: Bench) -> Check:
        directions = [(op, random.Random(f"{bench.seed}/{op!r}")) for op in (UP, DOWN)]
        threads = [Thread(target=self.work, args=(bench, *direction), daemon=True) for direction in directions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return partial(self.check, bench)

    def work(self, bench: Bench, op: bytes, rng: random.Random) -> None:
        """Transfer one direction's chunks, each until it succeeds; end early if the peer cannot be reached any more."""
        left = self.chunks
        end = time.monotonic() + self.duration_s
        patience = Patience(bench, self.give_up_s)
        while left:
            with suppress(OSError), socket.socket() as stream:
                with bench.request("connect"):
                    stream.connect((PEER_ADDRESS, DATA_PORT))
                while left:
                    time.sleep(self.pause_s)
                    transfer(bench, stream, op, rng.getrandbits(32), self.chunk_bytes)
                    patience.renew()
                    left = time.monotonic() < end if self.duration_s else left - 1
            if left and patience.is_over():
                return

    def check(self, bench: Bench) -> None:
        """One more chunk each way, on a fresh connection."""
        peer = partial(socket.create_connection, (PEER_ADDRESS, DATA_PORT), timeout=5)
        with final_check(bench, bytes=2 * self.chunk_bytes), peer() as stream:
            for op in (UP, DOWN):
                move(bench, stream, op, bench.seed, self.chunk_bytes)


def transfer(bench: Bench, stream: socket.socket, op: bytes, seed: int, length: int) -> None:
    """Transfer one chunk as a request of the workload."""
    with bench.request("send" if op == UP else "receive", bytes=length):
        move(bench, stream, op, seed, length)


def move(bench: Bench, stream: socket.socket, op: bytes, seed: int, length: int) -> None:
    """One chunk, verified by the end that receives it."""
    data = seeded_bytes(seed, length)
    stream.sendall(ORDER.pack(op, seed, length) + (data if op == UP else b""))
    right = receive(stream, 1) == GOOD if op == UP else receive(stream, length) == data
    if not right:
        bench.report("workload", Kind.READ_MISMATCHED, op="send" if op == UP else "receive", seed=seed)
