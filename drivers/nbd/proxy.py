"""A process between nbd.ko and nbdkit that passes their messages on, and tampers with some as ordered.

python -m drivers.nbd.proxy LISTEN CONTROL SERVER, three paths of UNIX sockets. For each connection at LISTEN it makes
one to SERVER; when either end hangs up, so does the other. Whatever does not begin like a message (the handshake, or
what a broken peer sends) passes as it is.

A connection at CONTROL (SOCK_SEQPACKET) is one arming: the client sends a `Tampering` as JSON, gets ARMED, then a
packet "TIME WORDS" for each message that is met, and disarms by hanging up.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from drivers.nbd.messages import MAGIC_BYTES, REPLY_MAGIC, REQUEST_MAGIC, Conversation, Message
from drivers.nbd.netlink import receive
from drivers.nbd.tampering import Arming, tampered
from faultkit.kit import Tampering

ARMED = b"armed"
CHUNK_BYTES = 65536
PACKET_BYTES = 4096


@dataclass(slots=True)
class Armings:
    """The armed tamperings, each with the client that is told of its effects."""

    armed: dict[socket.socket, Arming] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def arrive(self, message: Message) -> tuple[list[bytes], float]:
        """The pieces that arrive in a message's place, and their delay in seconds; the first due arming decides."""
        with self.lock:
            due = [(client, arming.tampering) for client, arming in self.armed.items() if arming.is_due(message)]
            if not due:
                return [message.data], 0.0
            client, what = due[0]
            pieces, words = tampered(what, message)
            with suppress(OSError):  # it may just be hanging up
                client.send(f"{time.monotonic_ns()} {words}".encode())
        return pieces, what.delay_s if what.action == "delay" else 0.0

    def serve(self, client: socket.socket) -> None:
        """Keep one arming until its client hangs up."""
        with client, suppress(OSError):
            arming = Arming(Tampering(**json.loads(client.recv(PACKET_BYTES))))
            with self.lock:  # so that nothing is met before it is confirmed
                client.send(ARMED)
                self.armed[client] = arming
            try:
                client.recv(1)
            finally:
                with self.lock:
                    del self.armed[client]


@dataclass(slots=True)
class Relay:
    """One connection: nbd.ko's end, nbdkit's end, and the state of their conversation."""

    client: socket.socket
    server: socket.socket
    armings: Armings
    conversation: Conversation = field(default_factory=Conversation)

    def requests(self) -> None:
        """Pass on what the client sends."""
        while head := self.client.recv(MAGIC_BYTES, socket.MSG_PEEK):
            if head == REQUEST_MAGIC:
                pieces, later_s = self.armings.arrive(self.conversation.request(partial(receive, self.client)))
                for piece in pieces:
                    self.conversation.sent(piece)
            else:
                pieces, later_s = [self.client.recv(CHUNK_BYTES)], 0.0
            send(self.server, pieces, later_s)

    def replies(self) -> None:
        """Pass on what the server sends."""
        while head := self.server.recv(MAGIC_BYTES, socket.MSG_PEEK):
            if head == REPLY_MAGIC:
                pieces, later_s = self.armings.arrive(self.conversation.reply(partial(receive, self.server)))
            else:
                pieces, later_s = [self.server.recv(CHUNK_BYTES)], 0.0
            send(self.client, pieces, later_s)

    def run(self) -> None:
        """Pass messages both ways, until either end hangs up."""
        with self.client, self.server:
            back = Thread(target=self.until_end, args=(self.replies,), daemon=True)
            back.start()
            self.until_end(self.requests)
            back.join()

    def until_end(self, work: Any) -> None:
        """Pass messages one way; at the end close both connections."""
        with suppress(OSError):
            work()
        for end in (self.client, self.server):
            with suppress(OSError):  # the other way may have done so
                end.shutdown(socket.SHUT_RDWR)


def send(to: socket.socket, pieces: list[bytes], later_s: float) -> None:
    """Send the pieces after a delay."""
    if later_s:
        time.sleep(later_s)
    for piece in pieces:
        to.sendall(piece)


def pair(armings: Armings, path: str, client: socket.socket) -> None:
    """Connect a client to the server; without a server the client's connection is closed."""
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(path)
    except OSError:
        client.close()
        server.close()
        return
    Relay(client, server, armings).run()


def accept(listener: socket.socket, work: Any) -> None:
    """Work for each connection, in a thread of its own."""
    while True:
        client, _ = listener.accept()
        Thread(target=work, args=(client,), daemon=True).start()


def listening(path: str, kind: socket.SocketKind) -> socket.socket:
    """A socket that listens at a path."""
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(path)
    listener.listen()
    return listener


def main(listen: str, control: str, server: str) -> None:
    armings = Armings()
    data = listening(listen, socket.SOCK_STREAM)
    orders = listening(control, socket.SOCK_SEQPACKET)
    Thread(target=accept, args=(orders, armings.serve), daemon=True).start()
    accept(data, partial(pair, armings, server))


if __name__ == "__main__":
    main(*sys.argv[1:])
