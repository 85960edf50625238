"""The steps that build a guest: packages downloaded and unpacked, a root file system and an initramfs made of them.

The result depends on the packages alone. Files have one time, owners and modes are set, and each step runs with a fixed
environment: neither the host's clock, locale, name, mirror, umask, user nor number of processors gets into the guest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from faultkit.machine import packages
from faultkit.machine.initramfs import ArchiveMember, archive
from faultkit.machine.packages import Versions
from faultkit.machine.qemu import Files, Guest, Machine
from faultkit.model.errors import HarnessError, UnmetNeed

GUEST_PACKAGES = (
    "python3", "python3-bpfcc", "python3-psutil", "python3-capstone", "python3-pyelftools", "kmod", "iproute2",
    "procps", "nbdkit", "nbd-client", "strace", "pciutils", "ethtool",
)  # fmt: skip
HEADERS = Path("/usr/src")
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
FILES = ("vmlinuz", "initramfs", "root.sqfs")
TOOLS = (("mmdebstrap", "mmdebstrap"), ("tar2sqfs", "squashfs-tools-ng"), ("depmod", "kmod"), ("xz", "xz-utils"))
ROOT_ALIGNMENT = 128 << 20  # NVDIMMs come in whole sections
RECIPE = 4  # raise when the steps below change what they build
EPOCH = 1_767_225_600  # 2026-01-01, the guest's clock at power-on: the time of every file
KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "APT_CONFIG")

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
COMPILE = (
    'chroot "$1" env PYTHONHASHSEED=0 sh -c '
    '"python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.*"'
)  # Python would not believe byte code that is valid for a source file of another time
ANONYMOUS = (
    'cd "$1" && rm -rf etc/apt/sources.list etc/apt/sources.list.d/* etc/apt/preferences.d/* etc/apt/auth.conf.d/* '
    "var/cache/apt var/cache/ldconfig var/cache/debconf/*-old var/lib/apt var/log/apt usr/share/locale "
    "&& echo faultkit > etc/hostname && chmod 644 etc/hostname && rm -f etc/resolv.conf && : > etc/resolv.conf "
    "&& chown -R 0:0 lib/modules usr/src"
)
ASK = b"grep -E ' (read|write)_port$' /proc/kallsyms; echo b > /proc/sysrq-trigger\n"
PROBE_S = 60.0


def recipe() -> str:
    """All that a guest is made from, besides the archive's packages."""
    return json.dumps([RECIPE, GUEST_PACKAGES, UNUSED_MODULES, BOOT_MODULES, INIT, COMPILE, ANONYMOUS, EPOCH])


def check_tools() -> None:
    """Look for the tools of a build. Raises: UnmetNeed if one is missing."""
    for tool, package in TOOLS:
        if shutil.which(tool, path=search_path()) is None:
            raise UnmetNeed(f"{tool} is not installed: apt-get install {package}")


def build_guest(place: Path, kernel: str, pins: Versions, extra: Iterable[str] = ()) -> dict[str, str]:
    """Make vmlinuz, initramfs and root.sqfs, with `extra` packages; returns the versions of all that went into them."""
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=place) as scratch:
        unpacked = Path(scratch) / "kernel"
        versions = unpack(f"linux-image-{kernel}", pins, unpacked)
        versions |= unpack("busybox-static", pins, Path(scratch) / "busybox")
        shutil.copyfile(unpacked / "boot" / f"vmlinuz-{kernel}", place / "vmlinuz")
        modules = unpacked / "lib" / "modules" / kernel
        slim(modules)
        run_step("depmod", "-b", str(unpacked), kernel)
        link_headers(modules, kernel)
        versions |= installed_here(headers_packages(kernel))
        busybox = Path(scratch) / "busybox" / "bin" / "busybox"
        (place / "initramfs").write_bytes(archive(boot_files(modules, busybox)))
        return versions | build_root(place / "root.sqfs", modules, kernel, pins, extra)


def find_doors(place: Path) -> list[int]:
    """Boot the new guest once; its kernel tells the addresses of write_port() and read_port(). Raises: HarnessError."""
    found = re.findall(r"^([0-9a-f]{16}) t ((?:read|write)_port)$", boot_once(place, Machine(), PROBE_S), re.MULTILINE)
    doors = {name: int(address, 16) for address, name in found}
    if set(doors) != {"read_port", "write_port"}:
        raise HarnessError("the guest that was just built does not boot: try `faultkit doctor`")
    return [doors["write_port"], doors["read_port"]]


def boot_once(place: Path, machine: Machine, limit_s: float) -> str:
    """The console of a guest that boots, answers ASK and resets. Raises: HarnessError if it takes longer."""
    with tempfile.TemporaryDirectory(prefix="probe-", dir=place) as scratch:
        initrd, ram = Path(scratch) / "initrd", Path(scratch) / "ram"
        ask = [ArchiveMember(name) for name in ("payload", "payload/faultkit")]
        ask.append(ArchiveMember("payload/faultkit/init", ASK))
        initrd.write_bytes((place / "initramfs").read_bytes() + archive(ask))
        ram.touch()
        os.truncate(ram, machine.memory_mib << 20)
        files = Files(kernel=place / "vmlinuz", initrd=initrd, root=place / "root.sqfs", ram=ram)
        with Guest(machine, files) as guest:
            guest.run(limit_s)
            return guest.console()


def unpack(package: str, pins: Versions, target: Path) -> dict[str, str]:
    """Download and unpack one of Debian's packages, pinned if the archive has that version; returns its version."""
    download = target.with_name(f"{target.name}.deb")
    download.mkdir()
    wanted = f"{package}={pins[package]}" if package in pins else package
    try:
        run_step("apt-get", "download", "-qq", wanted, cwd=download)
    except HarnessError:
        if package not in pins:
            raise
        run_step("apt-get", "download", "-qq", package, cwd=download)
    (file,) = download.glob("*.deb")
    run_step("dpkg-deb", "-x", str(file), str(target))
    return {package: run_step("dpkg-deb", "-f", str(file), "Version").strip()}


def installed_here(names: Iterable[str]) -> dict[str, str]:
    """The versions of some of the host's packages."""
    return {name: run_step("dpkg-query", "-W", "-f", "${Version}", name) for name in names}


def slim(modules: Path) -> None:
    """Drop the modules that no guest needs and decompress the rest: unpacking xz under emulation costs seconds."""
    for unused in UNUSED_MODULES:
        shutil.rmtree(modules / "kernel" / unused, ignore_errors=True)
    packed = [str(p) for p in modules.rglob("*.ko.xz")]
    for start in range(0, len(packed), 500):
        run_step("xz", "-d", *packed[start : start + 500])


def link_headers(modules: Path, kernel: str) -> None:
    """Make `build` and `source`, which bcc looks for; Debian splits the headers into two packages."""
    for name, package in zip(("build", "source"), headers_packages(kernel), strict=True):
        (modules / name).unlink(missing_ok=True)
        (modules / name).symlink_to(HEADERS / package)


def headers_packages(kernel: str) -> tuple[str, str]:
    """The two packages with a kernel's headers."""
    return f"linux-headers-{kernel}", f"linux-headers-{kernel.removesuffix('-amd64')}-common"


def boot_files(modules: Path, busybox: Path) -> list[ArchiveMember]:
    """The initramfs: enough to mount the root and hand over."""
    folders = [ArchiveMember(name) for name in ("bin", "mod", "dev", "proc", "sys", "new", "ro", "rw", "payload")]
    drivers = [
        ArchiveMember(f"mod/{Path(m).name}.ko", (modules / "kernel" / f"{m}.ko").read_bytes()) for m in BOOT_MODULES
    ]
    return [
        *folders,
        ArchiveMember("bin/busybox", busybox.read_bytes(), 0o755),
        *drivers,
        ArchiveMember("init", INIT.encode(), 0o755),
    ]


def build_root(target: Path, modules: Path, kernel: str, pins: Versions, extra: Iterable[str]) -> dict[str, str]:
    """Make the root file system from packages, modules and headers; returns the packages' versions."""
    scratch = modules.parents[3]
    preferences, status = scratch / "preferences", scratch / "status"
    preferences.write_text(packages.preferences(pins))
    debian = [
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join((*GUEST_PACKAGES, *sorted(extra)))}"),
        "--skip=cleanup/apt",  # it would make apt's folders again, with an owner that depends on the scratch directory
        *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"),
        f"--setup-hook=upload {preferences} /etc/apt/preferences.d/faultkit",
        "--customize-hook=mkdir -p \"$1/lib/modules\" \"$1/usr/src\"",
        f"--customize-hook=sync-in {modules.parent} /lib/modules",
        f"--customize-hook=copy-in {' '.join(str(HEADERS / each) for each in headers_packages(kernel))} /usr/src",
        f"--customize-hook=download /var/lib/dpkg/status {status}",
        *(f"--customize-hook={COMPILE}", f"--customize-hook={ANONYMOUS}"),
        *("bookworm", "-"),
    ]  # fmt: skip
    pack(debian, target)
    size = target.stat().st_size
    os.truncate(target, -(-size // ROOT_ALIGNMENT) * ROOT_ALIGNMENT)
    return packages.installed(status.read_text("utf-8"))


def pack(debian: list[str], target: Path) -> None:
    """Make a squashfs of the archive that a command writes. Raises: HarnessError."""
    squash = ["tar2sqfs", "-q", "-f", "-c", "lz4", "-b", "65536", "-k", "-d", f"mtime={EPOCH}", str(target)]
    with subprocess.Popen(
        debian, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), umask=0o022
    ) as source:
        packed = subprocess.run(
            squash,
            stdin=source.stdout,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment(),
            check=False,
        )
        complaint = source.stderr.read().decode(errors="replace") if source.stderr else ""
    if source.returncode or packed.returncode:
        raise HarnessError(f"building the guest's root failed: {last_line(complaint) or last_line(packed.stderr)}")


def run_step(*command: str, cwd: Path | None = None) -> str:
    """Run a step; returns its output. Raises: HarnessError with the step's last words."""
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            check=True,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment(),
            umask=0o022,
        ).stdout
    except FileNotFoundError:
        raise UnmetNeed(f"{command[0]} is not installed: run `faultkit doctor`") from None
    except subprocess.CalledProcessError as reason:
        raise HarnessError(f"`{' '.join(command[:4])}` failed: {last_line(reason.stderr)}") from None


def environment() -> Mapping[str, str]:
    """The environment of every step: the same on any host, but for the way to tools and to the archive."""
    kept = {k: v for k, v in os.environ.items() if k in KEPT_VARIABLES or k.lower().endswith("_proxy")}
    return {**kept, "PATH": search_path(), "LC_ALL": "C.UTF-8", "TZ": "UTC", "SOURCE_DATE_EPOCH": str(EPOCH)}


def search_path() -> str:
    """The PATH in which tools are found."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def last_line(text: str) -> str:
    """The last line that is not empty."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
