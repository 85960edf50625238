"""The fence around QEMU, which a guest may take over: rights, limits, a user and a root directory of its own.

Rights and limits hold for everybody. The user needs root, and a range of numbers of users. The root directory needs
root with the right to mount, and a QEMU in /usr. `fence_of` finds out once what can be had.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

WITHOUT_RIGHTS = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
"""A guest may take its QEMU over: root's capabilities are gone then, too."""
FIRST_USER = 0x70000000  # QEMU's user is this number and that of its process: no two QEMUs share one
MOST_PROCESSES = 1 << 22  # the kernel's limit of their numbers
FILES = 128
FILE_BYTES = 64 << 20  # of what it writes; guests' memory is mapped, and not written
TASKS = 64  # threads; it starts no process
SPACE_BYTES = 4 << 30  # of addresses, besides what it maps of the guest: translated code alone has a gibibyte
AS_OWN_USER = 'u=$(({first} + $$)); exec setpriv --reuid "$u" --regid "{group}" --clear-groups "$@"'
# The parent may have died before the kernel was told to look at it. A shell adds to the environment.
WHILE_PARENT_LIVES = '[ "$PPID" = "$0" ] && exec env -i PATH="$PATH" "$@"'

OWN_ROOT = """
set -e
umask 022
mount -t tmpfs -o mode=755,size=64k,nr_inodes=64 faultkit /tmp
cd /tmp
mkdir usr proc dev old
mount --bind /usr usr
mount -o remount,bind,ro,nosuid,nodev usr
for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then
    cp -P "/$name" "$name"
  elif [ -d "/$name" ]; then
    mkdir "$name"
    mount --bind "/$name" "$name"
    mount -o remount,bind,ro,nosuid,nodev "$name"
  fi
done
[ -x ".$1" ]
mount -t proc -o hidepid=invisible,subset=pid,nosuid,nodev,noexec proc proc
ln -s /proc/self/fd dev/fd
if [ -c /dev/kvm ]; then
  touch dev/kvm
  mount --bind /dev/kvm dev/kvm
fi
pivot_root . old
cd /
umount -l old
rmdir old
mount -o remount,ro /
echo made
read -r _
"""
"""Make a root directory with nothing in it but /usr, read-only, and a /proc that shows a process only itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The parts of the fence that can be had here."""

    own_user: bool
    root: int | None  # a descriptor of the mount namespace with the root directory

    def __str__(self) -> str:
        """The parts that are more than rights and limits, in words."""
        found = ["a user"] * self.own_user + ["a root directory"] * (self.root is not None)
        return f"limits, and {' and '.join(found)} of its own" if found else "limits; it runs as your user"

    def command(self, words: list[str], *, mapped_bytes: int, kvm: bool) -> list[str]:
        """A command inside the fence, of a QEMU that maps so many bytes. The process keeps its number.

        The kernel kills it when the thread that started it is gone.
        """
        limits = [f"--as={mapped_bytes + SPACE_BYTES}", f"--nofile={FILES}", f"--fsize={FILE_BYTES}", "--core=0"]
        rights = ["--pdeathsig", "KILL", *WITHOUT_RIGHTS, "sh", "-c", WHILE_PARENT_LIVES, str(os.getpid()), *words]
        inside = ["nsenter", f"--mount=/proc/{os.getpid()}/fd/{self.root}"] if self.root is not None else []
        if not self.own_user:
            return [*inside, "prlimit", *limits, "setpriv", *rights]
        group = str(Path("/dev/kvm").stat().st_gid) if kvm else "$u"
        become = AS_OWN_USER.format(first=FIRST_USER, group=group)
        return [*inside, "prlimit", *limits, f"--nproc={TASKS}", "sh", "-c", become, "sh", *rights]

    def opened(self, path: Path, flags: int = os.O_RDONLY) -> int:
        """A file that QEMU gets by a descriptor, which it opens anew; for its user, all may do so by then.

        A file that it is to write lies where nobody else comes to: see `withdrawn`.
        """
        fd = os.open(path, flags | os.O_CLOEXEC)
        if self.own_user:
            mode = stat.S_IMODE(os.fstat(fd).st_mode)
            wanted = mode | (0o666 if flags & os.O_RDWR else 0o444)
            if mode != wanted:
                os.fchmod(fd, wanted)
        return fd


def withdrawn(fd: int) -> None:
    """Take back the right of all to write a file."""
    with suppress(OSError):
        os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) & ~0o022)


def fence_of(program: str) -> Fence:
    """The fence that can be had for a program of the search path."""
    return built(shutil.which(program) or "")


@lru_cache(maxsize=4)
def built(program: str) -> Fence:
    """The fence for a program at this path; the root directory is made once, and is gone with this process."""
    if os.geteuid() != 0:
        return Fence(own_user=False, root=None)
    return Fence(own_user=users_are_mapped() and open_to_all(Path(program)), root=own_root(os.path.realpath(program)))


def users_are_mapped() -> bool:
    """Report whether root has the range of numbers of users that QEMUs get."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= FIRST_USER and first + count >= FIRST_USER + MOST_PROCESSES:
            return True
    return False


def open_to_all(program: Path) -> bool:
    """Report whether every user may execute a program."""
    try:
        folders = all(folder.stat().st_mode & stat.S_IXOTH for folder in program.resolve().parents)
        return folders and program.stat().st_mode & 0o5 == 0o5
    except OSError:
        return False


def own_root(program: str) -> int | None:
    """The mount namespace with a root directory of QEMU's own, as a descriptor; None where none can be made."""
    try:
        maker = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", OWN_ROOT, "sh", program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        return None
    with maker:
        made = maker.stdout.readline() if maker.stdout else b""
        if made != b"made\n":
            return None
        return os.open(f"/proc/{maker.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
