"""A network interface's configuration, which a reload of its driver loses: read and restored by ioctl.

Not kept: statistics (they begin anew with a new interface), ring sizes (8139cp's are fixed), and what the
network stack holds above the interface (routes, neighbours, VLANs).
Sources: netdevice(7); include/uapi/linux/sockios.h, if.h and ethtool.h.
"""

from __future__ import annotations

import socket
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import ioctl
from ipaddress import IPv4Interface
from pathlib import Path

from faultkit.kit import run

GET_ALL, GET_FLAGS, SET_FLAGS, GET_NETMASK = 0x8912, 0x8913, 0x8914, 0x891B
GET_MTU, SET_MTU, GET_HARDWARE, SET_HARDWARE = 0x8921, 0x8922, 0x8927, 0x8924
GET_QUEUE, SET_QUEUE, ETHTOOL = 0x8942, 0x8943, 0x8946
PROMISCUOUS, ALL_MULTICAST = 0x100, 0x200
# ETHTOOL_GRXCSUM and ETHTOOL_SRXCSUM; likewise for checksums sent, scatter-gather, TSO, GSO, GRO, and the message level
ETHTOOL_PAIRS = ((0x14, 0x15), (0x16, 0x17), (0x18, 0x19), (0x1E, 0x1F), (0x23, 0x24), (0x2B, 0x2C), (0x07, 0x08))
REQUEST = struct.Struct("16s24s")  # struct ifreq
MOST = 64  # addresses


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that an administrator may have made."""

    mtu: int
    flags: int  # PROMISCUOUS, ALL_MULTICAST
    queue_length: int
    hardware: bytes
    addresses: tuple[str, ...]  # "10.0.0.1/24"
    multicast: tuple[str, ...]  # link-layer addresses, "01:00:5e:00:00:01"
    ethtool: tuple[int, ...]  # in the order of ETHTOOL_PAIRS


def settings(device: str) -> Settings:
    """The interface's configuration. Raises: OSError if there is no such interface."""
    with control() as stream:
        return Settings(
            mtu=number(stream, GET_MTU, device),
            flags=number(stream, GET_FLAGS, device, "<H") & (PROMISCUOUS | ALL_MULTICAST),
            queue_length=number(stream, GET_QUEUE, device),
            hardware=exchange(stream, GET_HARDWARE, device)[:8],
            addresses=tuple(addresses(stream, device)),
            multicast=tuple(multicast(device)),
            ethtool=tuple(ethtool(stream, device, get) for get, _ in ETHTOOL_PAIRS),
        )


def apply(device: str, wanted: Settings) -> None:
    """Set the interface's configuration; settings that are right already are left alone. Raises: OSError."""
    present = settings(device)
    with control() as stream:
        if wanted.hardware != present.hardware:
            exchange(stream, SET_HARDWARE, device, wanted.hardware)
        if wanted.mtu != present.mtu:
            exchange(stream, SET_MTU, device, struct.pack("<i", wanted.mtu))
        if wanted.queue_length != present.queue_length:
            exchange(stream, SET_QUEUE, device, struct.pack("<i", wanted.queue_length))
        for (_, put), value, old in zip(ETHTOOL_PAIRS, wanted.ethtool, present.ethtool, strict=True):
            if value != old:
                ethtool(stream, device, put, value)
        if wanted.flags != present.flags:
            others = number(stream, GET_FLAGS, device, "<H") & ~(PROMISCUOUS | ALL_MULTICAST)
            exchange(stream, SET_FLAGS, device, struct.pack("<H", others | wanted.flags))
    for address in sorted({*wanted.addresses} - {*present.addresses}):
        run("ip", "addr", "add", address, "dev", device)
    for group in sorted({*wanted.multicast} - {*present.multicast}):
        run("ip", "maddress", "add", group, "dev", device)


def control() -> socket.socket:
    """A socket to ask through."""
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def exchange(stream: socket.socket, command: int, device: str, data: bytes = b"") -> bytes:
    """Make an ioctl on a struct ifreq; returns the bytes behind the interface's name. Raises: OSError."""
    answer = ioctl(stream, command, REQUEST.pack(device.encode(), data))
    return bytes(answer[16:])


def number(stream: socket.socket, command: int, device: str, form: str = "<i") -> int:
    """The number that such an ioctl gives."""
    return int(struct.unpack_from(form, exchange(stream, command, device))[0])


def ethtool(stream: socket.socket, device: str, command: int, value: int = 0) -> int:
    """Make an ethtool command on a struct ethtool_value. Raises: OSError."""
    argument = array("I", (command, value))
    exchange(stream, ETHTOOL, device, struct.pack("=Q", argument.buffer_info()[0]))
    return argument[1]


def addresses(stream: socket.socket, device: str) -> Iterator[str]:
    """The interface's IPv4 addresses with the lengths of their prefixes."""
    room = array("B", bytes(MOST * REQUEST.size))
    answer = ioctl(stream, GET_ALL, struct.pack("=iiQ", len(room), 0, room.buffer_info()[0]))  # struct ifconf
    for name, found in REQUEST.iter_unpack(room[: struct.unpack_from("=i", answer)[0]]):
        if name.split(b"\0")[0].split(b":")[0].decode() == device:
            mask = exchange(stream, GET_NETMASK, device, found)
            yield str(IPv4Interface(f"{socket.inet_ntoa(found[4:8])}/{socket.inet_ntoa(mask[4:8])}"))


def multicast(device: str) -> Iterator[str]:
    """The link-layer multicast addresses that the interface listens to."""
    for line in Path("/proc/net/dev_mcast").read_text().splitlines():
        _, name, _, _, address = line.split()
        if name == device:
            yield bytes.fromhex(address).hex(":")
