"""Modules of the kernel that the guest lacks: which a driver needs, and how they come into a template."""

from __future__ import annotations

import lzma
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faultkit import Nothing, Trial
from faultkit.machine import kernel_modules
from faultkit.machine.image import Image, image
from faultkit.machine.kernel_modules import ModuleTable, archive_for, closure, members, rules, wanted
from faultkit.machine.qemu import Machine
from faultkit.machine.template import pack, template
from faultkit.model.builds import KernelModule
from faultkit.model.errors import HarnessError, UnmetNeed, UsageError
from faultkit.running.trial import run_trial
from faultkit.verdict.judge import judge
from tests.guest.sound_driver import Listing, Sound
from tests.records import Nbd

TABLE = ModuleTable.of(
    "kernel/sound/snd-dummy.ko.xz: kernel/sound/core/snd-pcm.ko.xz kernel/sound/core/snd.ko.xz kernel/lib/x.ko\n"
    "kernel/sound/core/snd-pcm.ko.xz: kernel/sound/core/snd.ko.xz kernel/lib/x.ko\n"
    "kernel/sound/core/snd.ko.xz: kernel/lib/x.ko\n"
    "kernel/lib/x.ko:\n"
)
NOWHERE = Image(Path("nowhere"), "6.12", "none", (0, 0))


@dataclass(frozen=True)
class Brings(Nbd):
    """A driver that brings a module."""

    def files(self) -> Mapping[str, Any]:
        return {"modules/nbd.ko": KernelModule(Path(__file__).with_name("own_driver"), "ring")}


def test_all_that_a_module_needs_comes_with_it_but_what_the_guest_has() -> None:
    assert closure(["snd_dummy"], TABLE, frozenset({"x"}), "sound") == ["snd", "snd_dummy", "snd_pcm"]
    assert closure(["snd"], TABLE, frozenset(), "sound") == ["snd", "x"]


def test_modprobe_loads_first_what_must_come_first() -> None:
    install, remove = rules("snd_dummy", TABLE.needs["snd_dummy"])
    assert install == (
        "install snd_dummy /sbin/modprobe x && /sbin/modprobe snd && /sbin/modprobe snd_pcm && "
        "/sbin/insmod /faultkit/kernel/snd_dummy.ko $CMDLINE_OPTS\n"
    )
    assert remove == "remove snd_dummy /sbin/rmmod snd_dummy\n"


def test_a_module_travels_unpacked(tmp_path: Path) -> None:
    file = tmp_path / TABLE.files["snd"]
    file.parent.mkdir(parents=True)
    file.write_bytes(lzma.compress(b"code"))
    found = {member.name: member.data for member in members(["snd"], TABLE, tmp_path)}
    assert found["payload/faultkit/kernel/snd.ko"] == b"code"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("snd_dumy", "did you mean snd_dummy"), ("quite_another", "name it in `modules`, or bring it by")],
)
def test_a_module_of_no_kernel_is_told_with_its_neighbours(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"sound needs the module {name}, which .* does not have: {hint}"):
        closure([name], TABLE, frozenset(), "sound")


def test_what_a_driver_brings_is_not_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "nbd.ko"
    monkeypatch.setattr(kernel_modules, "built", lambda *_: file)
    monkeypatch.setattr(kernel_modules, "depends", lambda _: iter(["snd-pcm".replace("-", "_")]))
    assert wanted(Nbd(), "6.12") == {"nbd"}
    assert wanted(Brings(), "6.12") == {"snd_pcm"}, "but what that needs is"


def test_without_a_built_guest_nothing_is_looked_for() -> None:
    assert archive_for(Sound(), NOWHERE) == b""


def test_what_cannot_be_fetched_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAULTKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(kernel_modules, "modules_of_guest", lambda _: frozenset({"nbd"}))

    def fetch(*_: Any, **__: Any) -> None:
        raise HarnessError("the archive has no linux-image-6.12 1 any more")

    monkeypatch.setattr(kernel_modules, "fetch", fetch)
    with pytest.raises(UnmetNeed) as raised:
        archive_for(Sound(), NOWHERE)
    assert str(raised.value) == (
        "sound needs snd_dummy, which the guest lacks, and the kernel's package with it cannot be fetched: the archive "
        "has no linux-image-6.12 1 any more"
    )


@pytest.mark.guest
def test_a_driver_whose_modules_the_guest_lacks_runs() -> None:
    trial = Trial(driver=Sound(), workload=Listing(), policy=Nothing(), seed=1)
    found = run_trial(template(trial, image(), Machine(), ()), trial)
    assert judge(found).outcome.name == "MASKED" and found.by_kind["check.passed"], found.console
    others = Trial(driver=Nbd(), workload=Listing(), policy=Nothing(), seed=1)
    assert b"modprobe.d/faultkit" not in pack(others, image(), Machine(), ())[1], "others' payloads are as they were"


@pytest.mark.guest
def test_a_name_of_no_module_is_told_before_anything_is_prepared(tmp_path: Path) -> None:
    (tmp_path / "typo.py").write_text(
        '"""Does it?"""\nfrom faultkit import Nothing, Trial\nfrom tests.guest.sound_driver import Listing, Sound\n'
        "def trials(seed):\n"
        '    yield Trial(driver=Sound(("snd-dumy",)), workload=Listing(), policy=Nothing(), seed=seed)\n'
    )
    image()
    command = [sys.executable, "-m", "faultkit.cli", "run", str(tmp_path / "typo.py"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "did you mean snd_dummy" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
