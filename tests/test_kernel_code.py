"""Kernel code of ours gives the compiler no reason to warn, however closely it looks (`make W=1`)."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from faultkit.guest.arming import ARMING
from faultkit.machine import kbuild
from faultkit.machine.image import headers_version
from faultkit.model.builds import KernelModule
from faultkit.model.errors import UnmetNeed
from tests.test_shared_numbers import orders

HOME = Path(__file__).parents[1]
RUNTIME = HOME / "microdriver" / "kernel"
MODULES = {
    "edu_micro": HOME / "drivers" / "edu",
    "null_micro": HOME / "drivers" / "null_micro",
    "rtl8139_micro": HOME / "drivers" / "rtl8139_micro",
    "selftest_micro": HOME / "tests" / "guest" / "selftest_micro",
}
CARELESS = 'static const int unused = 1;\nMODULE_LICENSE("GPL");\n'
WARNING = re.compile(r"([\w.]+\.[ch]):\d+:\d+: warning: ")
KBUILD_LINE = re.compile(r"^(?:\w+-y|CFLAGS_\S+) :=(?:.*\\\n)*.*$", re.MULTILINE)


@pytest.fixture(scope="module")
def kernel() -> str:
    """The kernel that modules are built for."""
    try:
        kbuild.check_compiler()
        return headers_version()
    except UnmetNeed as reason:
        pytest.skip(str(reason))


def test_only_the_careless_module_is_warned_of(kernel: str, tmp_path: Path) -> None:
    lines = set[str]()
    for name, folder in MODULES.items():
        sources = kbuild.files(KernelModule(folder, name, beside=(RUNTIME, ARMING)))
        lines |= set(KBUILD_LINE.findall(sources.pop("Kbuild").decode()))
        for file, content in sources.items():
            (tmp_path / file).write_bytes(content)
    (tmp_path / "careless.c").write_text(f"#include <linux/module.h>\n{CARELESS}")
    objects = " ".join(f"{name}.o" for name in ("microdriver", *MODULES, "careless"))
    (tmp_path / "Kbuild").write_text("\n".join([f"obj-m := {objects}", *sorted(lines), ""]))
    done = kbuild.make(tmp_path, kernel, "modules", "W=1")
    assert done.returncode == 0, done.stderr
    assert WARNING.findall(done.stderr) == ["careless.c"], done.stderr


def test_no_kernel_fault_is_warned_of(kernel: str, tmp_path: Path) -> None:
    """Each in a folder of its own: they share files."""
    faults = {cls.fault: importlib.import_module(cls.__module__).MODULE for cls in orders().values()}
    for name, module in faults.items():
        (tmp_path / name).mkdir()
        for file, content in kbuild.files(module).items():
            (tmp_path / name / file).write_bytes(content)
    (tmp_path / "careless").mkdir()
    (tmp_path / "careless" / "careless.c").write_text(f"#include <linux/module.h>\n{CARELESS}")
    (tmp_path / "careless" / "Kbuild").write_text("obj-m := careless.o\n")
    (tmp_path / "Kbuild").write_text("".join(f"obj-m += {name}/\n" for name in (*faults, "careless")))
    done = kbuild.make(tmp_path, kernel, "modules", "W=1")
    assert done.returncode == 0, done.stderr
    assert WARNING.findall(done.stderr) == ["careless.c"], done.stderr
    assert {path.stem for path in tmp_path.glob("*/*.ko")} == {f"faultkit_{name}" for name in faults} | {"careless"}


def test_a_module_is_the_same_wherever_and_whenever_it_is_built(kernel: str, tmp_path: Path) -> None:
    code = """#include <linux/module.h>
    const char *where(void);
    const char *where(void) { return __FILE__; }
    MODULE_LICENSE("GPL");
    MODULE_DESCRIPTION("Tells where it was built");
    """
    sources = {"Kbuild": b"obj-m := where.o\n", "where.c": code.encode()}
    places = [tmp_path / name for name in ("here", "there", "elsewhere")]
    for place in places:
        place.mkdir()
        kbuild.build(sources, kernel, (), place)
    assert len({(place / "where.ko").read_bytes() for place in places}) == 1
