"""The walls of the house: who imports whom, and who knows of SQL, QEMU, x86 and bcc."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from graphlib import TopologicalSorter

from tests.source import HOME, PACKAGES, Module, code, holding, imported, imports, modules, ours, public, uses

PARTS = ("injectors", "monitors", "drivers")
TWINS = {"rtl8139_micro": "rtl8139", "sliced": "rtl8139"}  # split driver -> native one: same device, same peer
ARROWS = {
    "faultkit": (),
    "microdriver": ("faultkit",),
    "slicer": ("faultkit", "microdriver"),
    "injectors": ("faultkit",),
    "monitors": ("faultkit",),
    "drivers": ("faultkit", "microdriver", "slicer"),
    "experiments": ("faultkit", "microdriver", *PARTS),
}
FLOORS = (  # of faultkit, the lowest first: a floor imports those below it
    ("kernel_log", "model", "statistics"),
    ("guest", "machine", "verdict", "skeletons"),
    ("kit", "mutation", "store"),
    ("results",),
    ("tables", "figures"),
    ("gate", "running", "report"),
    ("pytest_plugin", "cli"),
)
FLOOR = {room: n for n, rooms in enumerate(FLOORS) for room in rooms}
FACE = "faultkit"  # the package itself: names of the model, and what reads results, by string
OF_THE_SLICER = {  # all that the slicer may import of faultkit
    "faultkit.machine",
    "faultkit.kit",
    "faultkit.machine.cache",
    "faultkit.machine.cbuild",
    "faultkit.machine.compiler",
    "faultkit.machine.image",
    "faultkit.machine.kbuild",
    "faultkit.machine.kernel_source",
    "faultkit.model.builds",
    "faultkit.model.errors",
}
ROOF = {"faultkit.cli.slice": "slicer"}  # a command, and the package that it is the door to
OF_PARTS = {"faultkit", "faultkit.kit"}  # all that a part may import of faultkit
IN_THE_GUEST = re.compile(
    r"faultkit(\.(guest|kernel_log|model)(\..*)?|\.kit)?|(injectors|monitors|drivers|microdriver)(\..*)?"
)
IN_DEBIANS_GUEST = {"bcc", "psutil", "capstone", "elftools"}

SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE TABLE)\b|json_extract|sqlite3|unpack_events")
QEMU = re.compile(
    r"qemu-system|qemu\.qmp|query-status|migrate-|pmemsave|human-monitor-command|'-append'|(?i:hpet)|pvpanic|i6300esb"
    r"|hubport|netdev=|\bwire\d|\bPAM\d*\b|in_asm|guest_errors"
)
X86 = re.compile(
    r"x86|CS_ARCH|\b(?:[re](?:ip|sp|bp|ax|bx|cx|dx|di|si)|[re]flags|ud2)\b|\b0[xX](?:E8|E9|EB)\b|'0f0b'"
    r"|__x64_|ASM_RET\b|->(?:ip|sp|bp|ax|bx|cx|dx|di|si)\b"
)
DECLARED = re.compile(r"^NEEDS = 'x86_64'$|^#ifndef CONFIG_X86_64$", re.MULTILINE)


def test_the_imports_are_seen() -> None:
    """Also those for type checking, those by string, and modules that are imported from their package."""
    text = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import one.two\nfrom faultkit.machine import qemu\n"
        "def f():\n    return importlib.import_module('three').g\n"
    )
    assert set(imported(ast.parse(text), ours())) == {"typing", "one.two", "faultkit.machine.qemu", "three"}
    assert len(ours()) > 250
    assert "faultkit.machine.qemu" in imports(ours()["faultkit.machine.template"])
    assert "faultkit.results.analysis" in imports(ours()[FACE])


def test_arrows_point_to_the_core() -> None:
    wrong = [
        f"{module.name} -> {name}"
        for module in ours().values()
        for name in imports(module)
        if (top := name.partition(".")[0]) in (*PACKAGES, "tests", "benchmarks")
        and top not in (module.package, *ARROWS[module.package], ROOF.get(module.name))
    ]
    assert not wrong


def test_the_slicer_knows_the_cache_the_kernel_and_errors_and_one_command_knows_it() -> None:
    found = {name for module in modules("slicer") for name in imports(module) if name.startswith("faultkit")}
    assert found <= OF_THE_SLICER
    doors = {module.name for module in ours().values() for name in imports(module) if name.startswith("slicer")}
    assert {name for name in doors if not name.startswith(("slicer", "drivers."))} == ROOF.keys()


def test_parts_import_the_kit_and_nothing_else_of_faultkit() -> None:
    wrong = [
        f"{module.name} -> {name}"
        for module in modules("microdriver", *PARTS)
        for name in imports(module)
        if name.partition(".")[0] == "faultkit" and name not in OF_PARTS
    ]
    assert not wrong


def room(name: str) -> str:
    """The folder or file of its package that a module lies in."""
    return name.partition(".")[2].partition(".")[0]


def test_each_floor_of_faultkit_imports_those_below_it() -> None:
    rooms = {room(name) for name in ours() if name.startswith("faultkit.")}
    assert rooms == set(FLOOR), "each room has its floor"
    wrong = [
        f"{module.name} -> {name}"
        for module in modules("faultkit")
        for name in imports(module)
        if module.name != FACE
        and name.startswith("faultkit.")
        and room(name) != room(module.name)
        and FLOOR[room(name)] >= FLOOR[room(module.name)]
    ]
    assert set(wrong) == UPWARDS.keys()


UPWARDS = {
    "faultkit.results.analysis -> faultkit.tables.outcome_table": "a campaign shows itself in a notebook",
    "faultkit.results.analysis -> faultkit.tables.rich_html": "as HTML",
    "faultkit.results.analysis -> faultkit.tables.timeline": "and so does one of its trials",
    "faultkit.results.trial_diff -> faultkit.tables.timeline": "two trials are compared as they are shown",
}


def test_a_driver_knows_no_other_driver() -> None:
    wrong = [
        f"{module.name} -> {name}"
        for module in modules("drivers")
        for name in imports(module)
        if name.startswith("drivers.") and room(name) not in (mine := room(module.name), TWINS.get(mine))
    ]
    assert not wrong


def test_no_import_cycles() -> None:
    graph = {
        module.name: {name for name in imports(module) if name in ours()} - {module.name} for module in ours().values()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_no_function_imports_and_no_import_is_relative() -> None:
    wrong = [
        f"{module.path}:{node.lineno}"
        for module in ours().values()
        for outer in ast.walk(module.tree)
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module))
        for node in ast.walk(outer)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        if not isinstance(outer, ast.Module) or getattr(node, "level", 0)
    ]
    assert not wrong


def test_only_monitors_know_bcc() -> None:
    tops = {
        module.package for module in ours().values() if "bcc" in {name.partition(".")[0] for name in imports(module)}
    }
    assert tops == {"monitors"}


def test_only_the_store_knows_sql_and_its_files_format() -> None:
    found = holding(SQL, *PACKAGES, "benchmarks", "notebooks")
    assert any(path.startswith("faultkit/store/") for path in found)
    assert not {path for path in found if not path.startswith("faultkit/store/")}


def test_only_the_machine_knows_qemu() -> None:
    found = holding(QEMU, *PACKAGES)
    assert "faultkit/machine/qemu.py" in found
    assert {path for path in found if not path.startswith("faultkit/machine/")} == KNOW_QEMU.keys()


KNOW_QEMU = {
    "drivers/rtl8139/driver.py": "a driver's `qemu_devices` are QEMU's options for its hardware",
    "drivers/sliced/nic.py": "the same, of another chip",
    "drivers/sliced/watchdog.py": "the same, of a watchdog",
    "injectors/device/link_down.py": "stored faults have this default for the name of a cable",
}


def test_the_processor_is_known_in_one_table_and_in_tools_that_say_so() -> None:
    found = holding(X86, *PACKAGES)
    declared = {path for path in found if DECLARED.search(code(path))}
    assert KNOW_X86.keys() <= found.keys()
    assert not {path: words for path, words in found.items() if path not in declared | KNOW_X86.keys()}
    assert all(path.startswith(("injectors/tools/", "faultkit/kernel/")) for path in declared)


KNOW_X86 = {
    "faultkit/model/processor.py": "the table",
    "faultkit/kernel_log/blame.py": "names of the kernel's own functions, as logs show them",
    "faultkit/machine/decoder.py": "capstone is told which decoder is wanted",
    "faultkit/machine/qemu.py": "Debian's name of QEMU's package",
    "slicer/halves/sliced_way.h": "calls that keep all arguments, whatever their types, are machine code",
}


def test_a_fault_that_leans_on_machine_code_says_which() -> None:
    """A fault's class `needs` a processor if, and only if, its module imports a tool that does, directly or not."""
    declared = {module.name for module in modules("injectors") if DECLARED.search(code(module.path))}
    folders = {"udriver", "kdriver", "device", "channel"}  # a compound fault is as its faults are
    faults = [module for module in modules("injectors") if room(module.name) in folders]
    needing = {module.name for module in faults if reached(module) & declared}
    saying = {module.name for module in faults if SAYING.search(code(module.path))}
    assert "injectors.tools.bug_code" in declared
    assert {"injectors.kdriver.text", "injectors.udriver.memory"} <= saying
    assert saying == needing


SAYING = re.compile(r"^    needs: ClassVar\[str\] = NEEDS$", re.MULTILINE)


def reached(module: Module) -> set[str]:
    """All modules of injectors that a module imports, directly or not."""
    found = {name for name in imports(module) if name in ours() and name.startswith("injectors.")}
    return found.union(*(reached(ours()[name]) for name in found))


def test_what_runs_in_the_guest_needs_the_standard_library_and_its_own_half() -> None:
    half = [module for module in ours().values() if IN_THE_GUEST.fullmatch(module.name)]
    assert {"faultkit.kit", "faultkit.guest.bench", "drivers.nbd", FACE} <= {module.name for module in half}
    standard = {*sys.stdlib_module_names, *IN_DEBIANS_GUEST}
    wrong = [
        f"{module.name} -> {name}"
        for module in half
        for name in imports(module)
        if name.partition(".")[0] not in standard and not IN_THE_GUEST.fullmatch(name) and module.name != FACE
    ]
    assert not wrong


def test_every_module_says_what_it_holds() -> None:
    assert not [
        module.path for module in modules(*PACKAGES, "tests", "benchmarks") if not ast.get_docstring(module.tree)
    ]


OPENINGS = re.compile(r"(Who|What|Whether|Its|Of)\b")


def test_no_docstring_opens_with_a_question_word_or_a_possessive() -> None:
    """A first line is a noun phrase or an imperative: it names its subject."""
    wrong = [
        f"{module.path}: {name}: {text.splitlines()[0]}"
        for module in modules(*PACKAGES, "tests", "benchmarks")
        for name, text in module.documented()
        if text and OPENINGS.match(text)
    ]
    assert not wrong, "\n".join(wrong)
    skeletons = list((HOME / "faultkit" / "skeletons").rglob("*.py.in"))
    assert len(skeletons) > 2
    assert not [path for path in skeletons if re.search(rf'"""{OPENINGS.pattern}', path.read_text())]


def homonyms(found: Mapping[str, Mapping[str, str]]) -> set[str]:
    """The names that two modules define. Drivers know no other driver, so each has its own `settings` and the like."""
    return {
        name
        for name, homes in found.items()
        if len(homes) > 1
        and len({home.rpartition(".")[0] for home in homes if home.startswith("drivers.")}) < len(homes)
    }


def test_no_two_public_classes_or_functions_have_one_name() -> None:
    """One thing has one name, and one name means one thing."""
    found = public(*PACKAGES, "benchmarks")
    assert len(found) > 800
    wrong = [
        f"{name}: {home}: {line}"
        for name in sorted(homonyms(found) - set(DELIBERATE))
        for home, line in found[name].items()
    ]
    assert not wrong, "\n".join(wrong)
    assert set(DELIBERATE) <= homonyms(found), "this one is no homonym any more"


DELIBERATE = {
    "arm": "`Channelled.tamper` of a driver, on each kind of channel",
    "figures": "a benchmark's figures, which bench.py asks each for",
    "load": "`faultkit.load` of a campaign and `microdriver.load` of a driver: users import both",
}


def test_homonyms_are_seen() -> None:
    """Also those that are used by their module's name; a function of a module's own is no public one."""
    text = "from one import f\nfrom two import three as t\nt.g()\n__all__ = ['h']\n"
    module = Module("mine.py", "mine", ast.parse(text))
    assert set(uses(module, {"one", "two.three"})) == {("one", "f"), ("two.three", "g"), ("mine", "h")}
    assert homonyms({"f": {"faultkit.a": "", "injectors.b": ""}, "g": {"faultkit.a": ""}}) == {"f"}
    assert homonyms({"f": {"drivers.a.x": "", "drivers.b.x": ""}}) == set()
    assert homonyms({"f": {"drivers.a.x": "", "drivers.a.y": ""}}) == {"f"}
    assert homonyms({"f": {"drivers.a.x": "", "faultkit.y": ""}}) == {"f"}
