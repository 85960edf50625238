"""The options that a machine gives its kernel."""

from __future__ import annotations

from pathlib import Path

from faultkit.machine.qemu import KERNEL_OPTIONS, Files, Machine, wiring


def told(machine: Machine, tmp_path: Path) -> str:
    """The kernel's command line in QEMU's options."""
    paths = {name: tmp_path / name for name in ("kernel", "initrd", "root", "ram")}
    for path in paths.values():
        path.touch()
    options = wiring(machine, Files(**paths), (3, 4, 5, 6, 7), private=True)
    return next(option for option in options if option.startswith("console="))


def test_every_kernel_is_told_the_same(tmp_path: Path) -> None:
    assert told(Machine(), tmp_path) == KERNEL_OPTIONS


def test_more_of_it_comes_behind(tmp_path: Path) -> None:
    assert told(Machine(kernel_options="slub_debug=FZPU"), tmp_path) == f"{KERNEL_OPTIONS} slub_debug=FZPU"
