"""The other end of the wire: echoes datagrams; over TCP it checks and sends seeded bytes, or any."""

from __future__ import annotations

import socket
import struct
import threading

from faultkit.kit import seeded_bytes

PEER = "peer"
PEER_ADDRESS = "10.0.0.2"
ECHO_PORT, DATA_PORT = 7, 5000
ORDER = struct.Struct("<cQI")  # what to do, seed, length
UP, DOWN = b"U", b"D"  # seeded bytes, to the peer and from it
SWALLOW, GENERATE = b"S", b"G"  # bytes that nobody looks at
PIECE_BYTES = 1 << 18
GOOD, BAD = b"+", b"-"


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
    """Carry out the orders of one connection until it ends."""
    with stream:
        try:
            while True:
                op, seed, length = ORDER.unpack(receive(stream, ORDER.size))
                obey(stream, op, seed, length)
        except OSError:
            return


def obey(stream: socket.socket, op: bytes, seed: int, length: int) -> None:
    """Carry out one order."""
    if op == UP:
        stream.sendall(GOOD if receive(stream, length) == seeded_bytes(seed, length) else BAD)
    elif op == DOWN:
        stream.sendall(seeded_bytes(seed, length))
    elif op == SWALLOW:
        swallow(stream, length)
        stream.sendall(GOOD)
    else:
        generate(stream, length)


def swallow(stream: socket.socket, count: int) -> None:
    """Receive so many bytes, and forget them. Raises: ConnectionError if the other end hangs up."""
    space = bytearray(PIECE_BYTES)
    while count:
        got = stream.recv_into(space, min(count, PIECE_BYTES))
        if not got:
            raise ConnectionResetError("the other end hung up")
        count -= got


def generate(stream: socket.socket, count: int) -> None:
    """Send so many bytes."""
    piece = bytes(PIECE_BYTES)
    while count:
        stream.sendall(piece[: min(count, PIECE_BYTES)])
        count -= min(count, PIECE_BYTES)


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
