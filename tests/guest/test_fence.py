"""The fence around a running QEMU, as /proc shows it; root has more of it than others."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from drivers.nbd import Nbd
from faultkit import Outcome
from faultkit.machine import fence, qemu, serial
from faultkit.machine.fence import FIRST_USER, Fence
from faultkit.machine.image import Image
from faultkit.machine.qemu import Guest
from faultkit.pytest_plugin.guests import PreparedGuest
from monitors.kernel import Kernel
from tests.guest.conftest import bed, hostile_parts

pytestmark = pytest.mark.guest
Hostile = hostile_parts.Hostile
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a user and a root directory of QEMU's own need root")


@pytest.fixture(scope="module")
def guest(image: Image) -> PreparedGuest:
    """nbd under a workload that was taken over."""
    return bed(image, Nbd(), Hostile(), (Kernel(),), ())


def fork(guest: PreparedGuest) -> Guest:
    """A fork, not yet running."""
    return Guest(guest.template.machine, guest.template.files, fork_of=guest.template.state)


@pytest.fixture
def running(guest: PreparedGuest) -> Iterator[Guest]:
    """A fork that has been loaded."""
    with fork(guest) as forked:
        forked.load()
        yield forked


def limits(pid: int) -> Mapping[str, str]:
    """The hard limits of a process."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[1] for line in lines}


def open_files(pid: int) -> Iterator[tuple[Path, int, os.stat_result]]:
    """The descriptors of a process: the path in /proc, the flags, and the file's status."""
    for path in Path(f"/proc/{pid}/fd").iterdir():
        found = re.search(r"^flags:\s*0([0-7]+)$", Path(f"/proc/{pid}/fdinfo/{path.name}").read_text(), re.MULTILINE)
        assert found
        yield path, int(found[1], 8), path.stat()


def test_memory_files_and_core_are_limited(running: Guest) -> None:
    found = limits(running.pid)
    assert found["Max core file size"] == "0"
    assert int(found["Max open files"]) == fence.FILES
    assert int(found["Max file size"]) == fence.FILE_BYTES
    assert fence.SPACE_BYTES < int(found["Max address space"]) < 2 * fence.SPACE_BYTES


def test_no_file_of_the_disk_is_open_for_writing(running: Guest) -> None:
    """Above all not the template's RAM, which is a sealed copy in memory."""
    seals = 0
    for path, flags, status in open_files(running.pid):
        if not stat.S_ISREG(status.st_mode):
            continue
        target = str(path.readlink())
        if not target.startswith("/memfd:"):
            assert flags & os.O_ACCMODE == os.O_RDONLY, target
        elif "sealed-ram" in target:
            fd = os.open(path, os.O_RDWR)
            seals |= fcntl.fcntl(fd, fcntl.F_GET_SEALS)
            with pytest.raises(PermissionError):
                os.pwrite(fd, b"x", 0)
            os.close(fd)
    assert seals & fcntl.F_SEAL_WRITE


@AS_ROOT
def test_each_qemu_has_a_user_and_a_group_of_its_own(guest: PreparedGuest) -> None:
    with fork(guest) as one, fork(guest) as two:
        for each in (one, two):
            status = Path(f"/proc/{each.pid}/status").read_text()
            own = str(FIRST_USER + each.pid)
            for name in ("Uid", "Gid"):
                found = re.search(rf"^{name}:\s(.*)$", status, re.MULTILINE)
                assert found and found[1].split() == [own] * 4
            assert re.search(r"^Groups:\s*$", status, re.MULTILINE)
            assert int(limits(each.pid)["Max processes"]) == fence.TASKS


@AS_ROOT
def test_its_root_directory_holds_programs_and_itself(running: Guest) -> None:
    if fence.fence_of(qemu.QEMU).root is None:
        pytest.skip("this root may not mount")
    root = Path(f"/proc/{running.pid}/root")
    links = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}
    assert {path.name for path in root.iterdir()} - links == {"usr", "proc", "dev"}
    assert {path.name for path in (root / "dev").iterdir()} <= {"fd", "kvm"}
    mounts = Path(f"/proc/{running.pid}/mountinfo").read_text().splitlines()
    assert mounts and all(
        line.split()[5].startswith("ro") or " - proc " in line for line in mounts if "/dev" not in line
    )
    assert Path(f"/proc/{running.pid}/ns/mnt").readlink() != Path("/proc/self/ns/mnt").readlink()


@pytest.mark.parametrize("weaker", [Fence(own_user=False, root=None), Fence(own_user=True, root=None)])
def test_a_trial_is_the_same_inside_any_fence(
    guest: PreparedGuest, weaker: Fence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where faultkit runs without root, or in a container that may not mount."""
    if weaker.own_user and os.geteuid():
        pytest.skip("a user of QEMU's own needs root")
    whole = guest.run(workload=Hostile())
    monkeypatch.setattr(qemu, "fence_of", lambda _program: weaker)
    bare = guest.run(workload=Hostile())
    assert bare.record.events == whole.record.events and bare.record.console == whole.record.console


def test_a_flood_on_the_console_is_bounded_while_it_is_written(
    guest: PreparedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = 16 << 10
    for module, names in ((serial, ("HEAD_BYTES", "TAIL_BYTES", "PIECE_BYTES")), (serial, ("RING_BYTES",)),
                          (qemu, ("RING_BYTES",))):  # fmt: skip
        for name in names:
            monkeypatch.setattr(module, name, 2 * small if name == "RING_BYTES" else small)
    sizes: list[int] = []
    text = Guest.console

    def console(self: Guest) -> str:
        sizes.extend(each.st_size for path, _, each in open_files(self.pid) if "console" in str(path.readlink()))
        return text(self)

    monkeypatch.setattr(Guest, "console", console)
    ran = guest.run(workload=Hostile("floods", str(400)))
    assert ran.outcome is Outcome.MASKED
    assert sizes and max(sizes) <= small
    assert "flood 0 " in ran.record.console and "flood 399 " in ran.record.console
    assert "left out" in ran.record.console and len(ran.record.console) < 3 * small
