"""A template: a guest that is booted, prepared and frozen, from which trials are forked.

It is addressed by the hash of all that went into it and kept in the cache. Boot and preparation are
deterministic, so a template that was dropped comes back bit for bit when it is prepared again.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from faultkit.machine import cache, coverage, kbuild, kernel_modules, payload, qemu, symbols
from faultkit.machine.bounded import readable
from faultkit.machine.callsites import call_sites
from faultkit.machine.image import Image
from faultkit.machine.initramfs import files_of
from faultkit.machine.kernel_modules import module_name
from faultkit.machine.qemu import Files, Guest, Machine, Stop
from faultkit.machine.source_lines import line_at
from faultkit.machine.spinning import SPINNING, remove_pauses
from faultkit.machine.symbols import Symbol
from faultkit.model import processor
from faultkit.model.builds import KernelModule
from faultkit.model.code import CallSite, Function, ModuleCode
from faultkit.model.codec import class_path, encode
from faultkit.model.errors import HarnessError, UnmetNeed
from faultkit.model.mailbox import State
from faultkit.model.parts import Buffer, Driver, NeedsProcessor, Ships, Workload, iter_parts
from faultkit.model.policies import Nothing
from faultkit.model.received import complaint_of, in_short
from faultkit.model.trial import Trial

KIND = "templates"  # of the cache's entries
PREPARE_S = 180.0
SYMBOLS = "symbols"  # a template's file with the names of the kernel's functions


@dataclass(frozen=True)
class Template:
    """A frozen guest on disk."""

    path: Path
    key: str
    machine: Machine
    image: Image

    @property
    def files(self) -> Files:
        return files(self.path, self.image)

    @property
    def state(self) -> Path:
        return self.path / "state"

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The notes of agent and host at the freeze."""
        facts: dict[str, Any] = json.loads((self.path / "manifest.json").read_text())
        return facts

    @cached_property
    def code(self) -> Mapping[str, ModuleCode]:
        """The k-driver's machine code as loaded, by module."""
        return {
            name: ModuleCode(
                name,
                tuple(Function(f, at, bytes.fromhex(code), section) for f, at, code, section in module["functions"]),
                tuple(CallSite(*call) for call in module["calls"]),
                module["base"],
                None if module["executed"] is None else frozenset(module["executed"]),
                self.kernel_functions,
            )
            for name, module in self.manifest["code"].items()
        }

    @cached_property
    def kernel_functions(self) -> frozenset[str]:
        """The names of the kernel's functions, those of loaded modules included; none from an earlier version."""
        file = self.path / SYMBOLS
        return frozenset(zlib.decompress(file.read_bytes()).decode().split()) if file.exists() else frozenset()

    def source_of(self, module: str | None, function: str | None, offset: int) -> str | None:
        """The source line ("ring.c:112") at an offset into a function of the k-driver; None if it is not known."""
        of = by_module(self.manifest["code"]).get(module or "", {})
        return line_at(of.get("lines", {}), function, offset)

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Address -> name of the k-driver's functions."""
        return {f.address: f.name for module in self.code.values() for f in module.functions}

    def buffer(self, monitor: str) -> Buffer | None:
        """The place of a monitor's events in guest memory, by its full name; None if it keeps none there."""
        found = self.manifest["buffers"].get(monitor)
        return Buffer(found["head"], tuple(found["pages"]), found["start"]) if found else None

    def clock_ns(self, hpet_ns: int, started_ns: int) -> int:
        """The guest's CLOCK_MONOTONIC at a reading of its HPET, given that of the first event of the trial.

        On the line through two instants at which both clocks are known: when the guest ran on from being ready,
        and from being frozen.
        """
        hpet_ready, hpet_frozen, ready_ns = (self.manifest[key] for key in ("hpet_ready", "hpet_frozen", "ready_ns"))
        return int(started_ns + (hpet_ns - hpet_frozen) * (started_ns - ready_ns) // (hpet_frozen - hpet_ready))


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """All that a template is made from."""

    key: str
    image: Image
    machine: Machine
    archive: bytes
    golden: Trial
    origins: Mapping[str, Path] = field(default_factory=dict)  # path below /faultkit in the guest -> what it is made of

    @property
    def files(self) -> Mapping[str, str]:
        """Path below /faultkit in the guest -> a hash of the file's content."""
        found = ((name.removeprefix(f"{payload.HOME}/"), data) for name, data in files_of(self.archive))
        return {name: cache.digest(data) for name, data in found}

    def hold(self) -> bool:
        """Let nobody drop the template, if it is in the cache, as long as this process lives; False if it is not."""
        return cache.hold(KIND, self.key)

    def template(self) -> Template:
        """The template, prepared on first use (about 20 s). Raises: HarnessError, UnmetNeed."""
        build = partial(prepare, image=self.image, machine=self.machine, archive=self.archive, golden=self.golden)
        return Template(cache.entry(KIND, self.key, build, hold=True), self.key, self.machine, self.image)


def blueprint(trial: Trial, image: Image, machine: Machine, parts: Iterable[Any]) -> Blueprint:
    """The blueprint of the template for trials like this one.

    `parts`: faults, policies and triggers that its trials may name. Trials share a template if they share
    driver, monitors, and the kind of workload. Raises: HarnessError, UnmetNeed.
    """
    parts = tuple(parts)
    refuse_other_processors(parts)
    machine = machine_for(trial.driver, machine)
    key, archive = pack(trial, image, machine, parts)
    what = golden(trial)
    origins = payload.origins([trial.driver, what.workload, *trial.monitors, *parts])
    return Blueprint(key=key, image=image, machine=machine, archive=archive, golden=what, origins=origins)


def refuse_other_processors(parts: Iterable[Any]) -> None:
    """Refuse faults that are made for another processor than the guest's. Raises: UnmetNeed."""
    for part in (inner for outer in parts for inner in iter_parts(outer)):
        if isinstance(part, NeedsProcessor) and part.needs != processor.NAME:
            raise UnmetNeed(f"{class_path(type(part))} is made for {part.needs}, and the guest is {processor.NAME}")


def template(trial: Trial, image: Image, machine: Machine, parts: Iterable[Any]) -> Template:
    """The template for trials like this one, see `blueprint`. Raises: HarnessError, UnmetNeed."""
    return blueprint(trial, image, machine, parts).template()


def pack(trial: Trial, image: Image, machine: Machine, parts: Iterable[Any]) -> tuple[str, bytes]:
    """The address of a trial's template, and the payload that makes it."""
    workload = golden(trial).workload
    extra = list(parts)
    spec = payload.spec_of(trial.driver, workload, trial.monitors, payload.modules_of(extra))
    archive = payload.build_payload(spec, [trial.driver, workload, *trial.monitors, *extra], image.kernel)
    archive += kernel_modules.archive_for(trial.driver, image)
    options = " ".join([*machine.options(), machine.command_line, str(machine.memory_mib)])
    return cache.digest(image.key, options, qemu.qemu_version(), *SPINNING, archive), archive


def golden(trial: Trial) -> Trial:
    """The template's reference trial: no fault, and the workload with its default fields."""
    workload: Workload = type(trial.workload)()
    return Trial(driver=trial.driver, workload=workload, policy=Nothing(), seed=0, monitors=trial.monitors)


def machine_for(driver: Driver, machine: Machine) -> Machine:
    """The machine with the driver's hardware in it."""
    return replace(machine, devices=(*machine.devices, *driver.qemu_devices))


def group_of(trial: Trial) -> str:
    """The key of the trials that share a template: driver, monitors and the workload's class."""
    return json.dumps([encode(trial.driver), [encode(m) for m in trial.monitors], class_path(type(trial.workload))])


def prepare(place: Path, image: Image, machine: Machine, archive: bytes, golden: Trial) -> None:
    """Boot, let the agent prepare, and freeze into `place`; then record the code that a golden trial executes."""
    (place / "initrd").write_bytes(image.initramfs.read_bytes() + archive)
    ram = place / "ram"
    ram.touch()
    os.truncate(ram, machine.memory_mib << 20)
    with Guest(machine, files(place, image)) as guest, readable("the guest that was prepared"):
        clocks = {"hpet_ready": until(guest, State.READY), "hpet_frozen": until(guest, State.FROZEN)}
        manifest = manifest_of(guest.mailbox.text()) | clocks
        functions = symbols.parse_kallsyms(guest.mailbox.raw()["symbols"].decode())
        modules = LoadedCode(functions, manifest["bases"], manifest["sections"])
        manifest["code"] = {name: code_of(guest, modules, name) for name in golden.driver.modules}
        manifest["pauses_removed"] = remove_pauses(guest.gdb, functions)
        (place / SYMBOLS).write_bytes(zlib.compress(" ".join(symbols.function_names(functions)).encode()))
        guest.save(place / "state")
    add_source_lines(manifest["code"], golden.driver, image.kernel)
    add_coverage(manifest["code"], place, image, machine, golden)
    (place / "manifest.json").write_text(json.dumps(manifest))


def files(place: Path, image: Image) -> Files:
    """The files that the guests of a template are made of."""
    return Files(kernel=image.vmlinuz, initrd=place / "initrd", root=image.root, ram=place / "ram", doors=image.doors)


def until(guest: Guest, state: State) -> int:
    """Run until the agent reaches a state; returns the HPET's time there. Raises: HarnessError, UnmetNeed."""
    stop = guest.run(PREPARE_S)
    if stop is Stop.MAILBOX and guest.mailbox.state is state:
        return guest.clock_ns()
    log = cache.root() / "failed-guest.log"
    log.write_text(guest.console(), "utf-8", "replace")
    if stop is Stop.MAILBOX:
        name, told = complaint_of(guest.mailbox.text())
        kind = UnmetNeed if name == UnmetNeed.__name__ else HarnessError
        raise kind(f"the guest could not be prepared: {told} (its console: {log})")
    words = [line for line in guest.console().splitlines() if line.strip()]
    last = in_short(words[-1], 200) if words else "it wrote nothing"
    raise HarnessError(f"the guest did not boot ({stop.value}): {last} (see {log})")


def manifest_of(text: str) -> dict[str, Any]:
    """The agent's notes at the freeze. Raises: HarnessError if they do not have the shape that they should."""
    try:
        found = json.loads(text)
        bases, sections, buffers = (found[key] for key in ("bases", "sections", "buffers"))
        numbers = [found["printk_lag_ns"], found["ready_ns"], *bases.values()]
        numbers += [at for places in sections.values() for at in places.values()]
        numbers += [at for each in buffers.values() for at in (each["head"], each["start"], *each["pages"])]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        numbers = [None]
    if not all(type(number) is int for number in numbers):
        raise HarnessError(f"the notes of the guest's agent at the freeze cannot be read: {in_short(text)!r}")
    kept: dict[str, Any] = {key: found[key] for key in ("bases", "sections", "buffers", "printk_lag_ns", "ready_ns")}
    return kept


@dataclass(frozen=True, slots=True)
class LoadedCode:
    """The guest's kernel and modules, as the agent describes them."""

    symbols: tuple[Symbol, ...]
    bases: Mapping[str, int]
    sections: Mapping[str, Mapping[str, int]]

    def section(self, module: str, address: int) -> str:
        """The section of a module that an address lies in."""
        begun = [(start, name) for name, start in self.sections.get(module, {}).items() if start <= address]
        return max(begun)[1] if begun else ""


def code_of(guest: Guest, modules: LoadedCode, name: str) -> dict[str, Any]:
    """A module's functions (name, address, machine code in hex) and the calls that leave it (fields of CallSite)."""
    module = module_name(name)
    inside = {symbol.address: symbol.name for symbol in modules.symbols if symbol.module == module}
    if not inside:
        raise HarnessError(f"the k-driver {name} is not loaded after the driver's load()")
    outside = symbols.names(symbol for symbol in modules.symbols if symbol.module != module)
    functions = read_functions(guest, inside)
    return {
        "functions": [(f.name, f.address, f.code.hex(), modules.section(module, f.address)) for f in functions],
        "calls": [astuple(call) for call in call_sites(functions, outside)],
        "base": modules.bases[module],
    }


def add_source_lines(code: Mapping[str, dict[str, Any]], driver: Driver, kernel: str) -> None:
    """To the code of each module that is built here, the source lines of its functions."""
    shipped, loaded = driver.files().values() if isinstance(driver, Ships) else (), by_module(code)
    for module in (file for file in shipped if isinstance(file, KernelModule)):
        if of := loaded.get(module_name(module.name)):
            of["lines"] = kbuild.source_lines(module, kernel)


def by_module(code: Mapping[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
    """The code of modules, by their names as the kernel has them."""
    return {module_name(name): of for name, of in code.items()}


def add_coverage(
    code: Mapping[str, dict[str, Any]], place: Path, image: Image, machine: Machine, golden: Trial
) -> None:
    """To each module's code, the addresses that a golden trial executes; None where QEMU does not translate."""
    spans = {name: [(at, at + len(text) // 2) for _, at, text, _ in of["functions"]] for name, of in code.items()}
    ranges = {name: range(min(span)[0], max(end for _, end in span)) for name, span in spans.items()}
    found = None
    if machine.accel == "tcg":
        found = coverage.executed(machine, files(place, image), place / "state", golden, tuple(ranges.values()))
    for name, of in code.items():
        of["executed"] = None if found is None else sorted(found.intersection(ranges[name]))


def read_functions(guest: Guest, names: Mapping[int, str]) -> list[Function]:
    """The functions that begin at these addresses, without the padding behind each."""
    starts = sorted(names)
    ends = [*starts[1:], (starts[-1] | 0xFFF) + 1]
    code = [guest.gdb.read(at, min(end - at, 64 << 10)) for at, end in zip(starts, ends, strict=True)]
    return [Function(names[at], at, text.rstrip(b"\0")) for at, text in zip(starts, code, strict=True)]
