"""Programs that parts ship: built with their libraries, executable in the guest, and with a table of functions."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from faultkit.machine import cbuild, payload
from faultkit.model.builds import KernelModule, Program
from faultkit.model.errors import HarnessError, UsageError

ROOT_OF = r"""
#include <math.h>
#include <stdio.h>
int main(int n, char **a)
{
    (void)a;
    printf("%g", cbrt(n * 27.0));
    return 0;
}
"""


@dataclass(frozen=True, slots=True)
class Shipper:
    """A part that ships a file of each kind."""

    folder: Path

    def files(self) -> Mapping[str, Path | KernelModule | Program]:
        return {
            "bin/tool": self.folder / "tool.sh",
            "data/table": self.folder / "table.txt",
            "bin/root": Program((self.folder / "root.c",), libraries=("m",)),
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script, a table and a program."""
    (tmp_path / "tool.sh").write_text("#!/bin/sh\n")
    (tmp_path / "tool.sh").chmod(0o755)
    (tmp_path / "table.txt").write_text("1 2 3\n")
    (tmp_path / "root.c").write_text(ROOT_OF)
    return tmp_path


def test_a_program_is_linked_with_its_libraries(folder: Path) -> None:
    program = cbuild.program(Program((folder / "root.c",), libraries=("m",)))
    assert subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout == "3"


def test_a_static_program_has_the_table_by_which_faults_find_functions(folder: Path) -> None:
    program = cbuild.program(Program((folder / "root.c",), libraries=("m",)))
    headers = subprocess.run(["readelf", "-lW", str(program)], capture_output=True, text=True, check=True).stdout
    assert "GNU_EH_FRAME" in headers and "INTERP" not in headers


@pytest.mark.parametrize(
    ("library", "error", "says"),
    [("no_such_thing", HarnessError, "cannot find -lno_such_thing"), ("m -Wl,-v", UsageError, "is no library's name")],
)
def test_a_library_that_cannot_be_linked_is_named(
    folder: Path, library: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        cbuild.program(Program((folder / "root.c",), libraries=(library,)))


def test_files_that_do_not_fit_into_a_guest_are_refused(folder: Path) -> None:
    with (folder / "table.txt").open("wb") as table:
        table.truncate(payload.LARGEST_BYTES)
    with pytest.raises(UsageError, match=r"the drivers' files are 6\d MiB: at most 64 MiB fit"):
        payload.build_payload({}, [Shipper(folder)], "6.12")


def test_what_is_executable_here_is_so_in_the_guest(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "payload.cpio"
    packed.write_bytes(payload.build_payload({}, [Shipper(folder)], "6.12"))
    subprocess.run(["cpio", "-idm", "--quiet", "-F", str(packed)], cwd=tmp_path, check=True)
    home = tmp_path / payload.HOME
    assert [(home / name).stat().st_mode & 0o777 for name in ("bin/tool", "bin/root", "data/table")] == [
        0o755,
        0o755,
        0o644,
    ]
