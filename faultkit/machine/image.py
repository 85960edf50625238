"""The guest's disk, kernel and initramfs, built from Debian's packages and cached.

The root is Debian 12 as a read-only squashfs that the guest sees as an NVDIMM. The kernel is Debian's 6.12 for amd64,
the same version as the headers on the host, so that modules built here load there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from faultkit.machine import cache, image_build, packages
from faultkit.machine.image_build import HEADERS
from faultkit.machine.packages import Versions
from faultkit.model.errors import UnmetNeed

KIND = "guests"  # of the cache's entries
FACTS = "image.json"


@dataclass(frozen=True, slots=True)
class Image:
    """A built guest."""

    path: Path
    kernel: str  # "6.12.117+deb12-amd64"
    key: str  # hash of its content
    doors: tuple[int, int]  # addresses of two kernel functions, see `faultkit.machine.qemu`
    hashes: Mapping[str, str] = field(default_factory=dict)  # file -> hash of its content
    packages: Versions = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path) -> Self:
        """The image that was built in a directory."""
        facts: dict[str, Any] = json.loads((path / FACTS).read_text())
        doors = (facts["doors"][0], facts["doors"][1])
        return cls(path, facts["kernel"], facts["key"], doors, facts.get("hashes", {}), facts.get("packages", {}))

    @property
    def vmlinuz(self) -> Path:
        return self.path / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.path / "initramfs"

    @property
    def root(self) -> Path:
        return self.path / "root.sqfs"


def image(kernel: str | None = None, pins: Versions | None = None, extra: tuple[str, ...] = ()) -> Image:
    """The guest for a kernel whose headers are here, built on first use (about two minutes, 600 MB of disk).

    `kernel`: by default the newest. `pins`: versions of packages to prefer to the newest, as far as the archive has
    them. `extra`: more of Debian's packages, for a guest beside the usual one. Raises: UnmetNeed if a tool or package
    is missing, HarnessError if the build fails.
    """
    kernel, pins = kernel or headers_version(), pins or {}
    image_build.check_tools()
    key = cache_key(kernel, pins, extra)
    return Image.at(cache.entry(KIND, key, lambda place: build(place, kernel, pins, extra), hold=True))


def image_at_hand() -> Image | None:
    """The guest for the newest kernel, if it need not be built. Raises: UnmetNeed without headers."""
    key = cache_key(headers_version(), {})
    path = cache.place() / KIND / key
    return Image.at(path) if path.is_dir() and cache.hold(KIND, key) else None


def cache_key(kernel: str, pins: Versions, extra: tuple[str, ...] = ()) -> str:
    """The key of a guest's entry in the cache."""
    return cache.digest(image_build.recipe(), kernel, json.dumps(pins, sort_keys=True), *sorted(extra))


def build(place: Path, kernel: str, pins: Versions, extra: tuple[str, ...] = ()) -> None:
    """Fill `place` with vmlinuz, initramfs, root.sqfs and image.json."""
    versions = image_build.build_guest(place, kernel, pins, extra)
    hashes = {name: cache.file_digest(place / name) for name in image_build.FILES}
    doors = image_build.find_doors(place)
    facts = {"kernel": kernel, "key": cache.digest(*hashes.values()), "doors": doors}
    (place / FACTS).write_text(json.dumps(facts | {"hashes": hashes, "packages": versions}, indent=1))


def recorded_guest(key: str, kernel: str, hashes: Mapping[str, str], versions: Versions) -> Image:
    """The guest that a campaign was run on: a cached one, or built again from packages of the same versions.

    Raises: UnmetNeed that names the packages that differ, HarnessError if the build fails.
    """
    if found := cached(key):
        return found
    if not versions:
        raise UnmetNeed(f"the guest {key} ({kernel}) is not in the cache, and no versions of its packages were kept")
    if not headers(kernel).is_dir():
        raise UnmetNeed(f"the guest {key} needs the headers of its kernel: apt-get install linux-headers-{kernel}")
    built = image(kernel, versions)
    if built.key != key:
        raise UnmetNeed(f"the guest {key} cannot be built here: {difference(hashes, versions, built)}")
    return built


def difference(hashes: Mapping[str, str], versions: Versions, built: Image) -> str:
    """The differences between a recorded guest and one that was built to be the same."""
    if found := packages.differences_text(versions, built.packages):
        return f"the archive has other packages: {found}"
    others = ", ".join(name for name, value in hashes.items() if built.hashes.get(name) != value)
    return f"the packages are the same, but not {others or 'its content'}: it was built by another version of faultkit"


def cached(key: str) -> Image | None:
    """The guest with this content, if it is in the cache; nobody drops it as long as this process lives."""
    guests = (Image.at(facts.parent) for facts in sorted((cache.place() / KIND).glob(f"[!.]*/{FACTS}")))
    return next((guest for guest in guests if guest.key == key and cache.hold(KIND, guest.path.name)), None)


def headers_version() -> str:
    """The newest 6.12 amd64 kernel whose headers are installed here. Raises: UnmetNeed."""
    found = sorted(HEADERS.glob("linux-headers-6.12*-amd64"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UnmetNeed(
            "the headers of Debian's 6.12 kernel are not installed: apt-get install linux-headers-6.12-amd64"
        )
    return found[-1].name.removeprefix("linux-headers-")


def headers(kernel: str) -> Path:
    """The directory that modules for a kernel are built against."""
    return HEADERS / f"linux-headers-{kernel}"
