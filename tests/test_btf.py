"""Places of members as BTF tells them are those that the compiler uses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from monitors.btf import offset_of

SOURCE = """
#include <stddef.h>
#include <stdio.h>
enum colour { RED, GREEN };
typedef int (*callback)(int first, const char *second);
struct before { char name[5]; enum colour colour; volatile callback call; unsigned low : 3, high : 4; };
union either { long number; struct before *other; };
struct task { char first; union either either; unsigned bits : 9; int code; struct before last[3]; };
struct plain { short one; int code; };
static struct task task; static struct plain plain; static struct before before;
int main(void)
{
    printf("%zu %zu %zu %zu %zu", offsetof(struct task, code), offsetof(struct task, either),
        offsetof(struct task, last), offsetof(struct plain, code), offsetof(struct before, call));
    return !&task + !&plain + !&before;
}
"""
MEMBERS = (("task", "code"), ("task", "either"), ("task", "last"), ("plain", "code"), ("before", "call"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """A program's type information, and the offsets that the program prints."""
    folder = tmp_path_factory.mktemp("btf")
    (folder / "types.c").write_text(SOURCE)
    subprocess.run(["gcc", "-gbtf", "-o", "types", "types.c"], cwd=folder, check=True)
    subprocess.run(["objcopy", "--dump-section", ".BTF=types.btf", "types"], cwd=folder, check=True)
    printed = subprocess.run([str(folder / "types")], capture_output=True, text=True, check=True).stdout
    return (folder / "types.btf").read_bytes(), [int(word) for word in printed.split()]


def test_members_are_where_the_compiler_puts_them(compiled: tuple[bytes, list[int]]) -> None:
    btf, printed = compiled
    assert [offset_of(structure, member, btf) for structure, member in MEMBERS] == printed
    assert len({*printed}) == len(printed)


@pytest.mark.parametrize(("structure", "member"), [("task", "colour"), ("either", "number"), ("nothing", "code")])
def test_a_member_that_is_not_there_is_named(compiled: tuple[bytes, list[int]], structure: str, member: str) -> None:
    with pytest.raises(OSError, match=f"no struct {structure} with a member {member}"):
        offset_of(structure, member, compiled[0])


def test_another_format_is_refused(compiled: tuple[bytes, list[int]]) -> None:
    with pytest.raises(OSError, match="not known"):
        offset_of("task", "code", compiled[0][::-1])


def test_the_running_kernels_own_types_are_read() -> None:
    if not Path("/sys/kernel/btf/vmlinux").exists():
        pytest.skip("this kernel has no type information")
    assert offset_of("list_head", "prev") == 8
