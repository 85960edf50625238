"""The guest's disk, kernel and initramfs, built from Debian's packages and cached.

The root is Debian 12 by mmdebstrap, as a read-only squashfs that the guest sees as an NVDIMM; the kernel is
Debian's 6.12 for amd64, the same version as the headers on the host, so that modules built here load there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from faultkit.machine import cache
from faultkit.machine.initramfs import Entry, archive
from faultkit.machine.qemu import Files, Guest, Machine
from faultkit.model.errors import HarnessError, UnmetNeed

GUEST_PACKAGES = (
    "python3", "python3-bpfcc", "python3-psutil", "kmod", "iproute2", "procps", "nbdkit", "nbd-client",
    "strace", "pciutils", "ethtool",
)  # fmt: skip
HEADERS = "/usr/src"
UNUSED_MODULES = (
    "sound", "drivers/gpu", "drivers/media", "drivers/infiniband", "drivers/staging", "drivers/isdn", "drivers/iio",
    "drivers/net/wireless", "drivers/net/wwan", "drivers/net/ethernet/mellanox", "drivers/net/ethernet/intel/ice",
    "drivers/bluetooth", "drivers/hwmon", "drivers/input", "drivers/hid", "drivers/platform", "drivers/video",
    "drivers/comedi", "drivers/crypto", "drivers/accel", "drivers/thunderbolt", "net/wireless", "net/bluetooth",
    "net/mac80211", "fs/btrfs", "fs/xfs", "fs/ocfs2", "fs/gfs2", "fs/bcachefs", "fs/ceph", "fs/smb", "fs/nfs",
    "fs/nfsd",
)  # fmt: skip
BOOT_MODULES = (
    "drivers/nvdimm/libnvdimm", "drivers/acpi/nfit/nfit", "drivers/nvdimm/nd_btt", "drivers/nvdimm/nd_pmem",
    "fs/squashfs/squashfs", "fs/overlayfs/overlay",
)  # fmt: skip
ROOT_ALIGNMENT = 128 << 20  # NVDIMMs come in whole sections
RECIPE = 2  # raise when the steps below change what they build

INIT = """#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
for m in libnvdimm nfit nd_btt nd_pmem squashfs overlay; do $B insmod /mod/$m.ko; done
$B mount -t squashfs -o ro /dev/pmem0 /ro; $B mount -t tmpfs t /rw; $B mkdir -p /rw/u /rw/w
$B mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w o /new
for d in proc sys dev; do $B mount --move /$d /new/$d; done
$B cp -a /payload/. /new/
exec $B switch_root /new /bin/sh /faultkit/init
"""


ASK = b"grep -E ' (read|write)_port$' /proc/kallsyms; echo b > /proc/sysrq-trigger\n"
PROBE_S = 60.0


@dataclass(frozen=True, slots=True)
class Image:
    """A built guest."""

    path: Path
    kernel: str  # "6.12.117+deb12-amd64"
    key: str  # hash of its content
    doors: tuple[int, int]  # addresses of two kernel functions, see `faultkit.machine.qemu`

    @property
    def vmlinuz(self) -> Path:
        return self.path / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.path / "initramfs"

    @property
    def root(self) -> Path:
        return self.path / "root.sqfs"


def image() -> Image:
    """The guest for this machine's kernel headers, built on first use (about two minutes, 600 MB of disk).

    Raises: UnmetNeed if a tool or package is missing, HarnessError if the build fails.
    """
    kernel = headers_version()
    busybox = Path("/bin/busybox")
    for tool, package in (("mmdebstrap", "mmdebstrap"), ("tar2sqfs", "squashfs-tools-ng"), ("depmod", "kmod")):
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            raise UnmetNeed(f"{tool} is not installed: apt-get install {package}")
    if not busybox.exists():
        raise UnmetNeed("busybox is not installed: apt-get install busybox-static")
    inputs = json.dumps([RECIPE, kernel, GUEST_PACKAGES, UNUSED_MODULES, BOOT_MODULES, INIT])
    path = cache.entry("guests", cache.digest(inputs), lambda place: build(place, kernel, busybox), hold=True)
    facts = json.loads((path / "image.json").read_text())
    return Image(path, facts["kernel"], facts["key"], tuple(facts["doors"]))


def headers_version() -> str:
    """The newest 6.12 amd64 kernel whose headers are installed here. Raises: UnmetNeed."""
    found = sorted(Path(HEADERS).glob("linux-headers-6.12*-amd64"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UnmetNeed(
            "the headers of Debian's 6.12 kernel are not installed: apt-get install linux-headers-6.12-amd64"
        )
    return found[-1].name.removeprefix("linux-headers-")


def headers(kernel: str) -> Path:
    """Where modules for the guest's kernel are built against."""
    return Path(HEADERS) / f"linux-headers-{kernel}"


def build(place: Path, kernel: str, busybox: Path) -> None:
    """Fill `place` with vmlinuz, initramfs, root.sqfs and image.json."""
    with tempfile.TemporaryDirectory(prefix="faultkit-guest-", dir=place) as scratch:
        unpacked = unpack_kernel(Path(scratch), kernel)
        shutil.copy(unpacked / "boot" / f"vmlinuz-{kernel}", place / "vmlinuz")
        modules = unpacked / "lib" / "modules" / kernel
        slim(modules)
        run("depmod", "-b", str(unpacked), kernel)
        link_headers(modules, kernel)
        (place / "initramfs").write_bytes(archive(boot_files(modules, busybox)))
        build_root(place / "root.sqfs", modules, kernel)
    key = cache.digest(*(cache.file_digest(place / name) for name in ("vmlinuz", "initramfs", "root.sqfs")))
    (place / "image.json").write_text(json.dumps({"kernel": kernel, "key": key, "doors": find_doors(place)}))


def find_doors(place: Path) -> list[int]:
    """Boot it once and ask its kernel where write_port() and read_port() are. Raises: HarnessError."""
    found = re.findall(r"^([0-9a-f]{16}) t ((?:read|write)_port)$", boot_once(place, Machine(), PROBE_S), re.MULTILINE)
    doors = {name: int(address, 16) for address, name in found}
    if set(doors) != {"read_port", "write_port"}:
        raise HarnessError("the guest that was just built does not boot: try `faultkit doctor`")
    return [doors["write_port"], doors["read_port"]]


def boot_once(place: Path, machine: Machine, limit_s: float) -> str:
    """The output of a guest that boots, answers ASK and resets. Raises: HarnessError if it takes too long."""
    with tempfile.TemporaryDirectory(prefix="faultkit-probe-", dir=place) as scratch:
        initrd, ram = Path(scratch) / "initrd", Path(scratch) / "ram"
        ask = [Entry(name) for name in ("payload", "payload/faultkit")] + [Entry("payload/faultkit/init", ASK)]
        initrd.write_bytes((place / "initramfs").read_bytes() + archive(ask))
        ram.touch()
        os.truncate(ram, machine.memory_mib << 20)
        files = Files(kernel=place / "vmlinuz", initrd=initrd, root=place / "root.sqfs", ram=ram)
        with Guest(machine, files) as guest:
            guest.run(limit_s)
            return guest.console()


def unpack_kernel(scratch: Path, kernel: str) -> Path:
    """Debian's kernel package, downloaded and unpacked."""
    run("apt-get", "download", "-qq", f"linux-image-{kernel}", cwd=scratch)
    (package,) = scratch.glob("linux-image-*.deb")
    run("dpkg-deb", "-x", str(package), str(scratch / "kernel"))
    return scratch / "kernel"


def slim(modules: Path) -> None:
    """Drop what no guest here drives and decompress the rest: unpacking xz under emulation costs seconds."""
    for unused in UNUSED_MODULES:
        shutil.rmtree(modules / "kernel" / unused, ignore_errors=True)
    packed = [str(p) for p in modules.rglob("*.ko.xz")]
    for start in range(0, len(packed), 500):
        run("xz", "-d", *packed[start : start + 500])


def link_headers(modules: Path, kernel: str) -> None:
    """bcc looks for both `build` and `source`; Debian splits the headers into two packages."""
    common = Path(HEADERS) / f"linux-headers-{kernel.removesuffix('-amd64')}-common"
    for name, target in (("build", headers(kernel)), ("source", common)):
        (modules / name).unlink(missing_ok=True)
        (modules / name).symlink_to(target)


def boot_files(modules: Path, busybox: Path) -> list[Entry]:
    """The files of the initramfs: enough to mount the root and hand over."""
    folders = [Entry(name) for name in ("bin", "mod", "dev", "proc", "sys", "new", "ro", "rw", "payload")]
    drivers = [Entry(f"mod/{Path(m).name}.ko", (modules / "kernel" / f"{m}.ko").read_bytes()) for m in BOOT_MODULES]
    return [*folders, Entry("bin/busybox", busybox.read_bytes(), 0o755), *drivers, Entry("init", INIT.encode(), 0o755)]


def build_root(target: Path, modules: Path, kernel: str) -> None:
    """The root file system: Debian's packages, the kernel's modules and headers."""
    common = f"linux-headers-{kernel.removesuffix('-amd64')}-common"
    debian = [
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(GUEST_PACKAGES)}"),
        *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"),
        "--customize-hook=mkdir -p \"$1/lib/modules\" \"$1/usr/src\"",
        f"--customize-hook=sync-in {modules.parent} /lib/modules",
        f"--customize-hook=copy-in {HEADERS}/linux-headers-{kernel} {HEADERS}/{common} /usr/src",
        "--customize-hook=rm -rf \"$1/var/cache/apt\" \"$1/var/lib/apt/lists\" \"$1/usr/share/locale\"",
        *("bookworm", "-"),
    ]  # fmt: skip
    with subprocess.Popen(debian, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as source:
        squash = ["tar2sqfs", "-q", "-f", "-c", "lz4", "-b", "65536", str(target)]
        packed = subprocess.run(squash, stdin=source.stdout, capture_output=True, text=True, check=False)
        complaint = source.stderr.read().decode(errors="replace") if source.stderr else ""
    if source.returncode or packed.returncode:
        raise HarnessError(f"building the guest's root failed: {last_line(complaint) or last_line(packed.stderr)}")
    size = target.stat().st_size
    os.truncate(target, -(-size // ROOT_ALIGNMENT) * ROOT_ALIGNMENT)


def run(*command: str, cwd: Path | None = None) -> None:
    """A build step. Raises: HarnessError with the step's last words."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, env={**os.environ, "PATH": path})
    except FileNotFoundError:
        raise UnmetNeed(f"{command[0]} is not installed: run `faultkit doctor`") from None
    except subprocess.CalledProcessError as reason:
        raise HarnessError(f"`{' '.join(command[:4])}` failed: {last_line(reason.stderr)}") from None


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
