"""The driver nbd: nbd.ko and nbdkit, connected in one of two ways."""

from __future__ import annotations

import errno
import mmap
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import Literal

from drivers.nbd import channel, netlink, settings
from faultkit.kit import Remedy, Tampering, retry, run, unload_module

SOCKET = Path("/run/nbd.sock")
SERVER = "nbdkit"
PIDFILE = Path("/run/nbdkit.pid")
FORMER = Path("/run/nbdkit.former.pid")  # of one that another was started beside
CONNECTED, SIZE = Path("/sys/block/nbd0/pid"), Path("/sys/block/nbd0/size")
STORE = Path("/run/nbd")  # a file system of its own: it can be full, and nobody else suffers
DISK = STORE / "disk.img"
NODE = "/dev/nbd0"
PAGE = 4096
SPARE_MIB = 1
REQUEST_TIMEOUT_S = 1  # nbd counts in seconds
STOP_S = 1.0  # for a killed server to be gone
REPLACE = Remedy("a second u-driver serves before the first is gone", ("start_beside", "dismiss", "reattach"))


@dataclass(frozen=True, slots=True)
class Nbd:
    """Linux' network block device, served by nbdkit through a UNIX socket.

    `hold_s` > 0: connected by netlink with a dead-connection timeout: requests wait that long for a new server, so
    a restart can be transparent. `hold_s` = 0: connected by nbd-client: when the server dies, new requests fail at
    once, and those in flight when their timeout of a second is over. The device must be disconnected and connected
    again. `way`: "ioctl" connects by nbd-client in its older way (`-nonetlink`), in which a process stays in the kernel
    for the connection; nothing is held then, whatever `hold_s` says.
    `plugin`: "file" keeps the data when nbdkit dies, "memory" forgets it.
    `delay_ms`: how long nbdkit takes for each request, as a disk would; the processor idles meanwhile. `proxied`: a
    process in the channel passes all messages on, so that they can be tampered with; it belongs to neither side,
    and outlives both.
    """

    hold_s: int = 5
    way: Literal["netlink", "ioctl"] = "netlink"
    plugin: str = "file"
    size_mib: int = 8
    proxied: bool = False
    delay_ms: int = 0

    @property
    def modules(self) -> tuple[str, ...]:
        return ("nbd",)

    @property
    def device(self) -> str:
        return "nbd0"

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        return ()

    @property
    def udriver(self) -> str:
        return SERVER

    @property
    def server(self) -> Path:
        """The socket where nbd.ko finds its server."""
        return channel.PROXY if self.proxied else SOCKET

    @property
    def holds(self) -> bool:
        """Requests wait for a new server."""
        return self.hold_s > 0 and self.way == "netlink"

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        return {"replace": REPLACE} if self.holds else {}

    @property
    def store(self) -> str:
        return str(STORE)

    def prepare(self) -> None:
        STORE.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={self.size_mib + SPARE_MIB}m", "nbd", str(STORE))
        if self.proxied:
            channel.start_proxy(SOCKET)

    def load(self) -> None:
        run("modprobe", "nbd", "nbds_max=1", "max_part=0")

    def unload(self) -> None:
        unload_module("nbd")  # somebody may just be trying to open the device

    def attach(self) -> None:
        if not self.holds:
            older = ["-nonetlink"] if self.way == "ioctl" else []
            run("nbd-client", "-unix", str(self.server), NODE, "-timeout", str(REQUEST_TIMEOUT_S), *older)
            retry(is_connected, timeout_s=1.0)  # nbd-client's child connects it
            return
        with netlink.handshake(self.server) as connection:
            netlink.connect_device(
                connection, request_timeout_s=REQUEST_TIMEOUT_S, dead_connection_timeout_s=self.hold_s
            )

    def detach(self) -> None:
        with suppress(OSError):  # there may be nothing to disconnect
            netlink.disconnect()
        retry(is_disconnected, timeout_s=3.0)

    def reattach(self) -> None:
        if self.holds:
            with netlink.handshake(self.server) as connection:
                retry(lambda: netlink.reconfigure(connection), timeout_s=3.0)  # once the dead socket is seen
        else:
            self.detach()
            self.attach()

    def start_udriver(self) -> None:
        SOCKET.unlink(missing_ok=True)
        if not DISK.exists():
            DISK.touch()
            os.truncate(DISK, self.size_mib << 20)
        source = ["file", str(DISK)] if self.plugin == "file" else [self.plugin, f"{self.size_mib}M"]
        slow = ["--filter=delay"] if self.delay_ms else []
        times = [f"rdelay={self.delay_ms}ms", f"wdelay={self.delay_ms}ms"] if self.delay_ms else []
        run("nbdkit", "-U", str(SOCKET), "-P", str(PIDFILE), *slow, *source, *times)  # comes back when it serves

    def start_beside(self) -> None:
        """Start a second nbdkit while there is a first, which goes on with the connections that it has."""
        with suppress(FileNotFoundError):
            PIDFILE.replace(FORMER)
        self.start_udriver()

    def dismiss(self) -> None:
        """Kill the first nbdkit, and do not wait for its end. It executes no further instruction of its own."""
        end_server(FORMER, wait_s=0)

    def stop_udriver(self) -> None:
        for pidfile in (FORMER, PIDFILE):
            end_server(pidfile, wait_s=STOP_S)

    def udriver_pid(self) -> int:
        return server_pid(PIDFILE)

    def tamper(self, tampering: Tampering) -> int:
        if not self.proxied:
            raise OSError(errno.EOPNOTSUPP, "there is no proxy in the channel: use Nbd(proxied=True)")
        return channel.arm(tampering)

    def save(self) -> dict[str, str]:
        return settings.settings(self.device)

    def restore(self, state: dict[str, str]) -> None:
        settings.apply(self.device, state)

    def probe(self) -> None:
        """Read the last page."""
        with direct(os.O_RDONLY) as (fd, page):
            read(fd, page, (self.size_mib << 20) - PAGE)


def server_pid(pidfile: Path) -> int:
    """The nbdkit that has written a file. Raises: OSError if there is none."""
    try:
        pid = int(pidfile.read_text())
    except ValueError:
        raise ProcessLookupError(errno.ESRCH, "nbdkit has not written its pid") from None
    if Path(f"/proc/{pid}/comm").read_text().strip() != SERVER:
        raise ProcessLookupError(errno.ESRCH, "nbdkit is gone")
    return pid


def end_server(pidfile: Path, wait_s: float) -> None:
    """Kill the nbdkit that has written a file, if there is one, and wait so long for its end."""
    with suppress(OSError):
        pidfd = os.pidfd_open(server_pid(pidfile))
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select([pidfd], [], [], wait_s)
        os.close(pidfd)


def is_connected() -> None:
    """Refuse to go on while the device has no server. Raises: OSError."""
    if not CONNECTED.exists() or SIZE.read_text() == "0\n":
        raise OSError(errno.ENOTCONN, "nbd0 is not connected")


def is_disconnected() -> None:
    """Refuse to go on while the device has a server. Raises: OSError."""
    if CONNECTED.exists():
        raise OSError(errno.EBUSY, "nbd0 is still connected")


@contextmanager
def direct(flags: int) -> Iterator[tuple[int, mmap.mmap]]:
    """The device, past the page cache, and a page to read and write it with."""
    fd = os.open(NODE, flags | os.O_DIRECT | os.O_CLOEXEC)
    try:
        yield fd, mmap.mmap(-1, PAGE)
    finally:
        os.close(fd)


def read(fd: int, page: mmap.mmap, offset: int) -> bytes:
    """Read one page. Raises: OSError, also for a short read (a device without a server has no size)."""
    if os.preadv(fd, [page], offset) != PAGE:
        raise OSError(errno.ENXIO, "short read: the device has no server")
    return page[:]


def write(fd: int, page: mmap.mmap, offset: int, data: bytes) -> None:
    """Write one page. Raises: OSError, also for a short write."""
    page[:] = data
    if os.pwritev(fd, [page], offset) != PAGE:
        raise OSError(errno.ENXIO, "short write: the device has no server")
