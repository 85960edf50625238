"""The prerequisites of a campaign, and the commands that install the missing ones."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faultkit.machine import cache, image, image_build, qemu
from faultkit.machine.fence import fence_of
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.model.errors import FaultkitError, HarnessError, UnmetNeed

OLDEST_QEMU = (7, 2)
DISK_BYTES = 3 << 30
KVM_PROBE_S = 10.0
TOOLS = (
    ("setpriv", "util-linux", "keeps QEMU from outliving faultkit"),
    ("mmdebstrap", "mmdebstrap", "builds the guest's root"),
    ("tar2sqfs", "squashfs-tools-ng", "packs the guest's root"),
    ("depmod", "kmod", "indexes the guest's modules"),
    ("xz", "xz-utils", "unpacks the guest's modules"),
    ("gcc", "build-essential", "builds kernel modules"),
    ("make", "build-essential", "builds kernel modules"),
)


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """One prerequisite: its purpose or its version, and the command that installs it if it is missing."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


def examine() -> Iterator[Prerequisite]:
    """Each prerequisite in turn."""
    yield checked("QEMU", qemu_version, f"apt-get install {qemu.PACKAGE}")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    for tool, package, purpose in TOOLS:
        yield Prerequisite(tool, shutil.which(tool, path=path) is not None, purpose, f"apt-get install {package}")
    yield Prerequisite("QEMU's fence", True, str(fence_of(qemu.QEMU)))  # SECURITY.md has what that means
    yield checked("kernel headers", image.headers_version, "apt-get install linux-headers-6.12-amd64")
    yield checked("disk space", disk_space, f"free some space, or set FAULTKIT_CACHE (now {cache.place()})")


def checked(name: str, question: Callable[[], str], mend: str) -> Prerequisite:
    """A prerequisite that is examined by a call."""
    try:
        return Prerequisite(name, True, question(), mend)
    except FaultkitError as reason:
        return Prerequisite(name, False, str(reason), mend)


def qemu_version() -> str:
    """QEMU's version. Raises: UnmetNeed if it is too old."""
    version = qemu.qemu_version()
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_QEMU:
        raise UnmetNeed(f"{version} is too old: {'.'.join(map(str, OLDEST_QEMU))} or later is needed")
    return version


def disk_space() -> str:
    """Room in the cache. Raises: UnmetNeed if a guest and two templates do not fit."""
    place = cache.place()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < DISK_BYTES:
        raise UnmetNeed(f"{free / 2**30:.1f} GiB free, {DISK_BYTES >> 30} GiB needed")
    return f"{free / 2**30:.0f} GiB free in {cache.place()}"


def require_kvm(guest: Image) -> None:
    """Boot a guest under KVM. Raises: UnmetNeed if it does not run: a /dev/kvm that opens proves nothing."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise UnmetNeed("--accel kvm: /dev/kvm cannot be opened here; leave the option out to use TCG")
    try:
        image_build.boot_once(guest.path, Machine(accel="kvm"), KVM_PROBE_S)
    except HarnessError as reason:
        raise UnmetNeed(
            f"--accel kvm: /dev/kvm is there, but no guest runs on it ({reason}); leave the option out to use TCG"
        ) from None
