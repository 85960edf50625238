"""The other end of the wire: echoes datagrams, and checks and sends seeded bytes over TCP."""

from __future__ import annotations

import random
import socket
import struct
import threading

PEER = "peer"
PEER_ADDRESS = "10.0.0.2"
ECHO_PORT, DATA_PORT = 7, 5000
ORDER = struct.Struct("<cQI")  # UP or DOWN, seed, length
UP, DOWN = b"U", b"D"
GOOD, BAD = b"+", b"-"


def content(seed: int, length: int) -> bytes:
    """The bytes that both ends expect."""
    return random.Random(seed).randbytes(length)


def receive(stream: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes. Raises: ConnectionError if the other end hangs up."""
    data = bytearray(count)
    view, got = memoryview(data), 0
    while got < count:
        size = stream.recv_into(view[got:])
        if not size:
            raise ConnectionResetError("the other end hung up")
        got += size
    return bytes(data)


def serve(stream: socket.socket) -> None:
    """One connection's orders, until it ends."""
    with stream:
        try:
            while True:
                op, seed, length = ORDER.unpack(receive(stream, ORDER.size))
                if op == UP:
                    stream.sendall(GOOD if receive(stream, length) == content(seed, length) else BAD)
                else:
                    stream.sendall(content(seed, length))
        except OSError:
            return


def echo() -> None:
    """Send every datagram back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", ECHO_PORT))
        while True:
            data, sender = server.recvfrom(2048)
            try:
                server.sendto(data, sender)
            except OSError:
                continue  # the sender's address may be gone for the moment


def main() -> None:
    threading.Thread(target=echo, daemon=True).start()
    with socket.create_server(("", DATA_PORT)) as server:
        while True:
            stream, _ = server.accept()
            threading.Thread(target=serve, args=(stream,), daemon=True).start()


if __name__ == "__main__":
    main()
