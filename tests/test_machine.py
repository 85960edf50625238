"""The options that a machine gives its kernel."""

from __future__ import annotations

from pathlib import Path

from faultkit.machine.qemu import KERNEL_OPTIONS, Descriptors, Machine, wiring


def told(machine: Machine, tmp_path: Path) -> str:
    """The kernel's command line in QEMU's options."""
    with (tmp_path / "any").open("wb") as file:
        options = wiring(machine, Descriptors(*[file.fileno()] * len(Descriptors._fields)), private=True)
    return next(option for option in options if option.startswith("console="))


def test_every_kernel_is_told_the_same(tmp_path: Path) -> None:
    assert told(Machine(), tmp_path) == KERNEL_OPTIONS


def test_more_of_it_comes_behind(tmp_path: Path) -> None:
    assert told(Machine(kernel_options="slub_debug=FZPU"), tmp_path) == f"{KERNEL_OPTIONS} slub_debug=FZPU"
