"""The fence around QEMU, as far as it shows on the host without a guest."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from faultkit.machine.fence import FIRST_USER, Fence, built, open_to_all, withdrawn

BARE = Fence(own_user=False, root=None)
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
TELL = "import os, resource; print(os.getuid(), os.getpid(), resource.getrlimit(resource.RLIMIT_AS)[1], *os.environ)"


def ran(fence: Fence, program: str) -> tuple[list[str], int]:
    """The answer of a Python program inside a fence, and the number of the process that was started."""
    process = subprocess.Popen(
        fence.command([sys.executable, "-I", "-S", "-c", program], mapped_bytes=1 << 20, kvm=False),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return process.communicate()[0].split(), process.pid


def test_a_command_keeps_its_process_and_has_limits() -> None:
    (user, pid, space, *environment), started = ran(BARE, TELL)
    assert (int(user), int(pid)) == (os.geteuid(), started)
    assert {*environment} <= {"PATH", "LC_CTYPE"}, "Python adds the last"
    assert int(space) == (4 << 30) + (1 << 20)


@AS_ROOT
def test_the_whole_fence_of_a_program_of_everybody_has_a_user_and_a_root() -> None:
    found = built("/usr/bin/env")
    assert found.own_user, "root without a range of users"
    answer = subprocess.run(
        found.command(["sh", "-c", "echo $$ $(id -u) $(ls /)"], mapped_bytes=0, kvm=False),
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert int(answer[1]) == FIRST_USER + int(answer[0])
    if found.root is not None:
        assert "usr" in answer[2:] and not {"etc", "home", "root", "work", "tmp"} & {*answer[2:]}


UNDER_A_UMASK = """
import os, subprocess
os.umask(0o077)
from faultkit.machine.fence import built
lent = f"/dev/fd/{os.memfd_create('lent', 0)}"
command = built("/usr/bin/env").command(["ls", "/usr", lent], mapped_bytes=0, kvm=False)
print(subprocess.run(command, capture_output=True, text=True, close_fds=False).stderr)
"""


@AS_ROOT
def test_its_user_comes_to_its_files_whatever_the_umask() -> None:
    done = subprocess.run([sys.executable, "-c", UNDER_A_UMASK], capture_output=True, text=True, check=True)
    assert done.stdout == "\n", "no complaint"


STARTER = """
import os, sys
from faultkit.machine.fence import Fence
words = Fence(own_user=False, root=None).command(["echo", "begun"], mapped_bytes=0, kvm=False)
if os.fork():
    os._exit(0) if sys.argv[1] == "dies" else os.wait()
else:
    os.execvp("sh", ["sh", "-c", 'sleep 0.3; exec "$@"', "sh", *words])
"""


@pytest.mark.parametrize(("fate", "said"), [("stays", "begun\n"), ("dies", "")])
def test_a_command_does_not_begin_when_its_starter_has_died(fate: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", STARTER, fate], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == said


def test_a_fence_tells_what_it_has() -> None:
    assert str(BARE) == "limits; it runs as your user"
    assert str(Fence(own_user=True, root=None)) == "limits, and a user of its own"
    assert str(Fence(own_user=True, root=3)) == "limits, and a user and a root directory of its own"


@AS_ROOT
def test_a_program_in_a_place_of_roots_own_is_started_by_root(tmp_path: Path) -> None:
    program = tmp_path / "qemu"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    tmp_path.chmod(0o700)
    assert not open_to_all(program)
    assert built(str(program)) == BARE
    assert not open_to_all(tmp_path / "missing") and open_to_all(Path("/usr/bin/env"))


@pytest.mark.parametrize(("mode", "flags", "wanted"), [(0o600, os.O_RDONLY, 0o644), (0o640, os.O_RDWR, 0o666)])
def test_a_file_that_is_lent_can_be_opened_by_qemus_user_and_is_taken_back(
    tmp_path: Path, mode: int, flags: int, wanted: int
) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    for fence, expected in ((BARE, mode), (Fence(own_user=True, root=None), wanted)):
        fd = fence.opened(path, flags)
        assert stat.S_IMODE(path.stat().st_mode) == expected
        withdrawn(fd)
        assert not stat.S_IMODE(path.stat().st_mode) & 0o022
        os.close(fd)
