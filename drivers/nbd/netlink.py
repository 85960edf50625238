"""nbd's generic netlink commands, and the client's half of the NBD handshake.

Sources: include/uapi/linux/nbd-netlink.h; the NBD protocol (doc/proto.md of the NetworkBlockDevice project),
"fixed newstyle negotiation" with NBD_OPT_EXPORT_NAME.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NETLINK_GENERIC = 16
CTRL_ID, CTRL_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR = 1, 4, 2
NLA_F_NESTED = 1 << 15
CONNECT, DISCONNECT, RECONFIGURE = 1, 2, 3
INDEX, SIZE_BYTES, BLOCK_SIZE_BYTES, TIMEOUT, SERVER_FLAGS, SOCKETS, DEAD_CONN_TIMEOUT = 1, 2, 3, 4, 5, 7, 8
SOCK_ITEM, SOCK_FD = 1, 1
BLOCK_SIZE = 4096
TIMEVAL_BYTES = 16
HEADER = struct.Struct("=IHHIIBBH")  # nlmsghdr and genlmsghdr

OPT_EXPORT_NAME = 1
FLAG_FIXED_NEWSTYLE, FLAG_NO_ZEROES = 1, 2


@dataclass(frozen=True, slots=True)
class Connection:
    """A negotiated connection to a server."""

    fd: int
    size_bytes: int
    flags: int


@contextmanager
def handshake(path: Path, timeout_s: float = 2.0) -> Iterator[Connection]:
    """Connect and negotiate. The kernel keeps its own reference to a socket that was given to it."""
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(timeout_s)
        server.connect(str(path))
        magic, flags = receive(server, 16), struct.unpack(">H", receive(server, 2))[0]
        if magic != b"NBDMAGICIHAVEOPT" or not flags & FLAG_NO_ZEROES:
            raise OSError(errno.EPROTO, "the server does not speak fixed newstyle NBD")
        server.sendall(struct.pack(">I8sII", FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES, b"IHAVEOPT", OPT_EXPORT_NAME, 0))
        size_bytes, flags = struct.unpack(">QH", receive(server, 10))
        server.settimeout(None)
        yield Connection(server.fileno(), size_bytes, flags)


def receive(stream: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes. Raises: OSError if the peer ends before."""
    data = b""
    while len(data) < count:
        if not (part := stream.recv(count - len(data))):
            raise OSError(errno.ECONNRESET, "the server hung up in the handshake")
        data += part
    return data


def connect_device(connection: Connection, *, request_timeout_s: int, dead_connection_timeout_s: int) -> None:
    """Make nbd0 serve from this connection.

    A request without an answer for `request_timeout_s` declares the connection dead and waits, up to
    `dead_connection_timeout_s`, for `reconfigure`. Without a request timeout nbd never sends again what was in
    flight when the server died, not even after `reconfigure` (nbd_xmit_timeout in drivers/block/nbd.c).
    """
    command(
        CONNECT,
        attribute(INDEX, u32(0)),
        attribute(SIZE_BYTES, u64(connection.size_bytes)),
        attribute(BLOCK_SIZE_BYTES, u64(BLOCK_SIZE)),
        attribute(TIMEOUT, u64(request_timeout_s)),
        attribute(SERVER_FLAGS, u64(connection.flags)),
        attribute(DEAD_CONN_TIMEOUT, u64(dead_connection_timeout_s)),
        sockets(connection),
    )


def reconfigure(connection: Connection) -> None:
    """Give nbd0 a new connection in place of a dead one. Raises: OSError, also if the kernel did not take it."""
    command(RECONFIGURE, attribute(INDEX, u32(0)), sockets(connection))
    if not is_taken(connection):
        raise OSError(errno.EBUSY, "nbd0 has kept the connection that it had: that one is not dead")


def is_taken(connection: Connection) -> bool:
    """Say if the kernel holds on to a connection that `reconfigure` has offered it.

    Where no connection is dead the kernel drops the new one, and answers success (nbd_genl_reconfigure in
    drivers/block/nbd.c). To one that it takes it gives the device's request timeout as its send timeout
    (nbd_reconnect_socket); a socket has none before.
    """
    with socket.fromfd(connection.fd, socket.AF_UNIX, socket.SOCK_STREAM) as ours:
        return any(ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, TIMEVAL_BYTES))


def disconnect() -> None:
    """Take nbd0 down; requests that wait fail."""
    command(DISCONNECT, attribute(INDEX, u32(0)))


def command(number: int, *attributes: bytes) -> None:
    """Send one command of the "nbd" family. Raises: OSError with the kernel's answer."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as netlink:
        netlink.bind((0, 0))
        family = exchange(netlink, CTRL_ID, CTRL_GETFAMILY, 1, attribute(CTRL_ATTR_FAMILY_NAME, b"nbd\0"))
        exchange(netlink, family_id(family), number, 1, *attributes)


def exchange(netlink: socket.socket, family: int, number: int, version: int, *attributes: bytes) -> bytes:
    """The attributes of the answer. Raises: OSError with the kernel's error."""
    body = b"".join(attributes)
    flags = NLM_F_REQUEST | NLM_F_ACK
    netlink.send(HEADER.pack(HEADER.size + len(body), family, flags, 0, 0, number, version, 0) + body)
    answer = b""
    while True:
        data = netlink.recv(65536)
        kind = struct.unpack_from("=H", data, 4)[0]
        if kind == NLMSG_ERROR:  # the acknowledgement, if its error is 0
            error = -struct.unpack_from("=i", data, 16)[0]
            if error:
                raise OSError(error, os.strerror(error))
            return answer
        if family == CTRL_ID:
            answer = data[HEADER.size :]


def family_id(attributes: bytes) -> int:
    """The number of a family, from the answer to CTRL_GETFAMILY."""
    at = 0
    while at < len(attributes):
        size, kind = struct.unpack_from("=HH", attributes, at)
        if kind == CTRL_ATTR_FAMILY_ID:
            return int(struct.unpack_from("=H", attributes, at + 4)[0])
        at += -(-size // 4) * 4
    raise OSError(errno.ENOENT, "the kernel has no nbd family")


def sockets(connection: Connection) -> bytes:
    """The list of one connection that CONNECT and RECONFIGURE want."""
    return nested(SOCKETS, nested(SOCK_ITEM, attribute(SOCK_FD, u32(connection.fd))))


def attribute(kind: int, data: bytes) -> bytes:
    """A netlink attribute, padded."""
    size = 4 + len(data)
    return struct.pack("=HH", size, kind) + data + bytes(-size % 4)


def nested(kind: int, data: bytes) -> bytes:
    """An attribute that holds others."""
    return attribute(kind | NLA_F_NESTED, data)


def u32(value: int) -> bytes:
    return struct.pack("=I", value)


def u64(value: int) -> bytes:
    return struct.pack("=Q", value)
