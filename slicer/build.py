"""Both halves of a driver, cut and built: a folder of C files for each, in the cache, and what is made of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from faultkit.kit import ARMING
from faultkit.machine import cache, cbuild, compiler
from faultkit.machine import kbuild as modules
from faultkit.machine.image import headers, headers_version
from faultkit.model.builds import KernelModule, Program
from faultkit.model.errors import HarnessError, UsageError
from microdriver.udriver import KERNEL, USER
from slicer import report, source, write
from slicer.contract import Marshal
from slicer.cut import TextChange, cut, kernel_edits, process_edits
from slicer.interface import Interface, bytes_of_calls, interface_of
from slicer.plan import Cut, Half
from slicer.source import Source, Unit

PARTS = Path(__file__).with_name("halves")
SERVICES = KERNEL.parent / "services"
PORTS = "sliced_ports.c"  # in the kernel's half of a driver whose process reaches ports
KERNEL_PARTS = ("sliced_kernel.h", "sliced_load.c")
PROCESS_PARTS = ("sliced_process.h", "sliced_way.h", "sliced_main.c", "sliced_source.h")
OF_KERNEL = re.compile(r"-DMODULE|-DKBUILD_|-D__KBUILD_|-W|-ferror-limit")
PROCESS_FLAGS = (
    "-O2", "-g", "-w", "-std=gnu11", "-fno-strict-aliasing", "-fno-common", "-fno-strict-overflow", "-fno-pie",
    "-fno-delete-null-pointer-checks", "-fcf-protection=none", "-fno-stack-protector", "-fno-omit-frame-pointer",
    "-fms-extensions", "-fasynchronous-unwind-tables", "-mno-red-zone",
)  # fmt: skip
MOST_PROBLEMS = 12
CODE = (".text", ".rodata", ".init.text", ".exit.text")  # sections
PADDING = "__pfx_"  # before the name of a function: the bytes before its first instruction
# Functions of the C library that are as the kernel's.
LIBRARY = (
    "memchr", "memcmp", "memcpy", "memmove", "memset", "strcasecmp", "strcat", "strchr", "strcmp", "strcpy", "strcspn",
    "strlen", "strncasecmp", "strncat", "strncmp", "strncpy", "strnlen", "strpbrk", "strrchr", "strsep", "strspn",
    "strstr",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """Both halves of a driver: the k-driver's module with the runtime's, and the u-driver's program."""

    name: str
    interface: Interface
    folder: Path

    @property
    def kdriver(self) -> KernelModule:
        """The k-driver's module."""
        return self.module(self.name)

    @property
    def runtime(self) -> KernelModule:
        """The runtime's module."""
        return self.module("microdriver")

    def module(self, name: str) -> KernelModule:
        """One of the modules of the kernel's folder."""
        return KernelModule(self.folder / "kernel", name, beside=(KERNEL, ARMING))

    @property
    def native(self) -> KernelModule:
        """The driver as it was, of the same files."""
        return KernelModule(self.folder / "native", self.name)

    @property
    def program(self) -> Program:
        """The u-driver's program."""
        place = self.folder / "process"
        sources = [place / "sliced_main.c", place / "sliced_tables.c", *sorted(place.glob("*.o"))]
        return Program((*sources, *sorted(USER.glob("*.c")), *sorted(SERVICES.glob("*.c"))), headers=(KERNEL, USER))


def cut_driver(
    driver: str, policy: Cut = Cut.ATOMIC, module: str | None = None, marshal: Marshal = Marshal.FIELDS
) -> Halves:
    """Both halves of a driver. Raises: UsageError if it cannot be cut, with the reasons."""
    found = report.sliced(driver, policy, module)
    whole = interface_of(found, service_names(), marshal)
    if whole.problems:
        more = len(whole.problems) - MOST_PROBLEMS
        words = [*whole.problems[:MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError(f"{found.program.name} cannot be cut yet: {'; '.join(words)}")
    home = source.find(driver, module)
    texts = dict(written(whole, home))
    flags = [" ".join(process_flags(unit, home)) for unit in home.units]
    content = (part for name, text in sorted(texts.items()) for part in (name, text))
    key = cache.digest(headers_version(), compiler.compiler_version(), *flags, *content)
    return Halves(name=home.name, interface=whole, folder=cache.entry("sliced", key, partial(put, texts, home)))


def shipped(driver: str, policy: str, marshal: str = Marshal.FIELDS) -> dict[str, KernelModule | Program]:
    """The files of a driver that is cut, by their paths in the guest. Raises: as `cut_driver`."""
    cut_one = cut_driver(driver, Cut(policy), marshal=Marshal(marshal))
    return {
        "modules/microdriver.ko": cut_one.runtime,
        f"modules/{cut_one.name}.ko": cut_one.kdriver,
        f"bin/{cut_one.name}_u": cut_one.program,
    }


def shipped_for_tools(driver: str, policy: str) -> dict[str, KernelModule | Path]:
    """As `shipped`, with a u-driver that knows its lines, and has the guest's C library. Raises: as `cut_driver`."""
    cut_one = cut_driver(driver, Cut(policy))
    return {
        "modules/microdriver.ko": cut_one.runtime,
        f"modules/{cut_one.name}.ko": cut_one.kdriver,
        f"bin/{cut_one.name}_u": cbuild.program(cut_one.program, cbuild.FOR_TOOLS),
    }


def written(found: Interface, home: Source) -> Iterator[tuple[str, bytes]]:
    """All files of both halves, by their paths in the folder."""
    contract = write.contract_text(found).encode()
    numbers = write.call_numbers(found).encode()
    for half, names in (("kernel", KERNEL_PARTS), ("process", PROCESS_PARTS)):
        yield from ((f"{half}/{name}", (PARTS / name).read_bytes()) for name in names)
        yield f"{half}/sliced_contract.h", contract
        yield f"{half}/sliced_calls.h", numbers
        yield from ((f"{half}/{path.name}", path.read_bytes()) for path in sorted(own_headers(home)))
    yield "kernel/sliced_tables.c", write.kernel_tables(found).encode()
    ports = found.sliced.annotations.knowledge.calls.ports & {each.name for each in found.downcalls}
    if ports:
        yield f"kernel/{PORTS}", (PARTS / PORTS).read_bytes()
    yield "kernel/Kbuild", kbuild(home, [PORTS] if ports else []).encode()
    yield "process/sliced_tables.c", write.process_tables(found, service_names()).encode()
    yield "process/sliced_inlines.h", inlines(found).encode()
    kernel = by_file(kernel_edits(found, answers(found)))
    process = by_file(process_edits(found))
    yield "native/Kbuild", native_kbuild(home).encode()
    yield from ((f"native/{path.name}", path.read_bytes()) for path in own_headers(home))
    for unit in home.units:
        name = home.relative(str(unit.file))
        text = unit.file.read_bytes()
        yield f"native/{native_name(unit, home)}.c", text
        first = first_body(found, name, text)
        yield (
            f"kernel/{unit.file.stem}_k.c",
            cut(text, kernel[name], first, "sliced_kernel.h", name, kernel_tail(found, name)),
        )
        yield (
            f"process/{unit.file.stem}_u.c",
            cut(text, process[name], first, "sliced_source.h", name, process_tail(found, name)),
        )


def by_file(edits: Iterable[tuple[str, TextChange]]) -> Mapping[str, list[TextChange]]:
    """Edits by the file that they are for."""
    found: defaultdict[str, list[TextChange]] = defaultdict(list)
    for name, edit in edits:
        found[name].append(edit)
    return found


def first_body(found: Interface, name: str, text: bytes) -> int:
    """Where the first body of a file's functions begins."""
    placed = found.sliced.plan.placed.values()
    return min(
        (e.function.braces[0] for e in placed if e.function.file == name and not e.function.made), default=len(text)
    )


def answers(found: Interface) -> Mapping[str, str]:
    """The value of each upcall if the process does not answer: an error for a signed number, or else nothing."""
    types = found.sliced.program.types
    signed = {each.label: types[each.function.type] for each in found.upcalls}
    return {
        label: "1" if kind.kind == "number" and kind.name in ("int", "long", "long long", "short") else "0"
        for label, kind in signed.items()
    }


def kernel_tail(found: Interface, name: str) -> str:
    """The names by which the kernel's tables reach a file's functions and variables."""
    lines = [*write.exported(found, name), *write.layout_checks(found, name)]
    functions = found.sliced.program.functions
    for each in found.downcalls:
        if each.name in found.sliced.annotations.knowledge.calls.ports:
            file = ""  # sliced_ports.c has it
        elif each.kind == "inline":
            file = caller_file(found, each.name)
        else:
            file = functions[each.name].file if each.kind == "driver" else ""
        if file == name:
            lines.append(write.alias(write.service_name(each), each.name))
    return "\n".join(lines) + "\n"


def caller_file(found: Interface, name: str) -> str:
    """The file of a function that calls one of a header's."""
    functions = found.sliced.program.functions
    callers = (functions[edge.caller] for edge in found.sliced.values.edges if edge.callee == name)
    return min((each.file for each in callers if each.own and each.file.endswith(".c")), default="")


def process_tail(found: Interface, name: str) -> str:
    """The names by which the process's tables reach a file's functions and variables."""
    lines = [*write.exported(found, name), *write.layout_checks(found, name)]
    lines += [
        write.alias(f"sliced_do_{each.function.name}", each.function.name)
        for each in found.upcalls
        if each.function.file == name
    ]
    return "\n".join(lines) + "\n"


def inlines(found: Interface) -> str:
    """Other names for functions of headers that only the kernel can run."""
    lines = []
    for each in found.downcalls:
        if each.kind == "inline":
            lines.append(
                f"extern typeof({each.name}) sliced_inline_{each.name};\n#define {each.name} sliced_inline_{each.name}"
            )
    return "\n".join(lines) + "\n"


def own_headers(home: Source) -> list[Path]:
    """The headers beside a driver's C files."""
    return sorted({path for unit in home.units for path in unit.file.parent.glob("*.h")})


def kbuild(home: Source, more: Iterable[str]) -> str:
    """The Kbuild of the kernel's half, with more C files than every driver has."""
    names = [*(f"{unit.file.stem}_k" for unit in home.units), *(Path(each).stem for each in more)]
    objects = " ".join(f"{name}.o" for name in names)
    runtime = " ".join(
        path.with_suffix(".o").name for folder in (KERNEL, ARMING) for path in sorted(folder.glob("*.c"))
    )
    return "\n".join(
        [
            f"obj-m := microdriver.o {home.name}.o",
            f"microdriver-y := {runtime}",
            f"{home.name}-y := {objects} sliced_tables.o sliced_load.o",
            "CFLAGS_mdrv_channel.o := -I$(src)",
            f"ccflags-y := -w {folders_and_flags(home)}",
            "",
        ]
    )


def native_kbuild(home: Source) -> str:
    """The Kbuild of the driver as it was."""
    names = [native_name(unit, home) for unit in home.units]
    lines = [f"obj-m := {home.name}.o", f"ccflags-y := -w {folders_and_flags(home)}"]
    if names != [home.name]:
        lines.insert(1, f"{home.name}-y := {' '.join(f'{name}.o' for name in names)}")
    return "\n".join([*lines, ""])


def native_name(unit: Unit, home: Source) -> str:
    """The name of a C file, so that one of several is not called as the module is."""
    stem = unit.file.stem
    return home.name if len(home.units) == 1 else f"{stem}_c" if stem == home.name else stem


def folders_and_flags(home: Source) -> str:
    """The options of the driver's own Makefile, and the folders of its headers."""
    folders = dict.fromkeys(f"-I{unit.file.parent}" for unit in home.units)
    flags = dict.fromkeys(each for unit in home.units for each in unit.options if extra(each))
    return " ".join([*flags, *folders])


@once
def kernel_options() -> frozenset[str]:
    """The options of every module's compilation."""
    return frozenset(source.kernel_options())


def extra(option: str) -> bool:
    """True for an option of the driver's own Makefile."""
    return option not in kernel_options() and option.startswith(("-D", "-I")) and not OF_KERNEL.match(option)


def process_flags(unit: Unit, home: Source) -> list[str]:
    """The compiler's options for a file of the process's half: the kernel's headers, and a process's code."""
    flags = [each for each in unit.options if not each.startswith(("-W", "-ferror-limit", "-std="))]
    others = [f"-D{name}={other}" for name, other in service_tables()["renamed"].items()]
    return [*PROCESS_FLAGS, *others, *flags]


def put(texts: Mapping[str, bytes], home: Source, place: Path) -> None:
    """Write all files, and compile those of the process that need the kernel's headers.

    Raises: HarnessError with the compiler's words.
    """
    for name, text in texts.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(text)
    for unit in home.units:
        target = place / "process" / f"{unit.file.stem}_u.c"
        command = ["gcc", *process_flags(unit, home), f"-I{target.parent}", f"-ffile-prefix-map={place}/="]
        command += ["-c", str(target), "-o", str(target.with_suffix(".o"))]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, cwd=headers(headers_version()),
            env=compiler.environment(),
        )  # fmt: skip
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "error" in line]
            raise HarnessError(
                f"the process's half of {home.name} does not build: {errors[0] if errors else done.stderr}"
            )


@once
def service_tables() -> Mapping[str, Any]:
    """The list of the services: names by file, and other names for those that the C library has for itself."""
    found: dict[str, Any] = tomllib.loads((SERVICES / "names.toml").read_text())
    return found


@once
def service_names() -> frozenset[str]:
    """The functions and variables of the kernel's that the process has of its own, by their names there."""
    tables = service_tables()
    every = (name for names in tables["services"].values() for name in names)
    return frozenset([*every, *tables["renamed"], *LIBRARY])


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A driver that was built. Sizes are bytes of code and constants (`text_bytes`).

    `moved_bytes`: of the whole driver's functions, those that went to the process; `stayed_bytes`: the others.
    """

    halves: Halves
    folder: Path
    native_bytes: int
    kernel_bytes: int
    moved_bytes: int
    stayed_bytes: int


def build_into(
    target: Path, driver: str, policy: Cut, module: str | None = None, marshal: Marshal = Marshal.FIELDS
) -> Built:
    """Cut a driver, build both halves, and put all files into a folder. Raises: UsageError, UnmetNeed, HarnessError."""
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} is not empty: name a folder that is not there yet")
    found = cut_driver(driver, policy, module, marshal)
    kdriver = modules.built_module(found.kdriver)
    runtime = modules.built_module(found.runtime)
    process = cbuild.program(found.program)
    for half in ("kernel", "process"):
        shutil.copytree(found.folder / half, target / half)
    for path, name in ((kdriver, f"{found.name}.ko"), (runtime, "microdriver.ko"), (process, f"{found.name}_u")):
        shutil.copy2(path, target / name)
    native = modules.built_module(found.native)
    moved = {each.function.name for each in found.interface.sliced.plan.of(Half.PROCESS)}
    sizes = function_bytes(native)
    return Built(
        halves=found,
        folder=target,
        native_bytes=text_bytes(native),
        kernel_bytes=text_bytes(kdriver),
        moved_bytes=sum(size for name, size in sizes.items() if name in moved),
        stayed_bytes=sum(size for name, size in sizes.items() if name not in moved),
    )


def built_json(found: Built) -> dict[str, Any]:
    """A driver that was built, for programs."""
    whole = found.halves.interface
    crossing = bytes_of_calls(whole)
    return {
        **{key: value for key, value in report.plan_json(whole.sliced.plan).items() if key != "placed"},
        "upcalls": len(whole.upcalls),
        "downcalls": len(whole.downcalls),
        "types": len(whole.types),
        "fields": sum(len(each.fields) for each in whole.types),
        "field_bytes": crossing[0],
        "object_bytes": crossing[1],
        "function_bytes": {"process": found.moved_bytes, "kernel": found.stayed_bytes},
        "native_bytes": found.native_bytes,
        "kernel_bytes": found.kernel_bytes,
        "bytes_ratio": round(found.kernel_bytes / found.native_bytes, 3),
        "folder": str(found.folder),
    }


def built_lines(found: Built) -> Iterator[str]:
    """A driver that was built, for people."""
    data = built_json(found)
    yield f"{data['driver']}, policy {data['policy']}: {report.sizes_text(found.halves.interface.sliced.plan)}"
    yield f"calls: {data['upcalls']} up, {data['downcalls']} down; fields that cross: {data['fields']}"
    yield (
        f"bytes that upcalls name: {data['field_bytes']} of fields, "
        f"{data['field_bytes'] / data['object_bytes']:.1%} of the objects that hold them"
    )
    yield f"the whole driver's functions: {found.moved_bytes} bytes in the process, {found.stayed_bytes} in the kernel"
    yield (
        f"kernel's half: {found.kernel_bytes} bytes of code and constants, {data['bytes_ratio']} of the whole driver's "
        f"{found.native_bytes}"
    )
    name = found.halves.name
    yield f"{found.folder}: microdriver.ko, {name}.ko, {name}_u; C files in kernel/ and process/"
    yield f"to run them: insmod microdriver.ko; insmod {name}.ko; ./{name}_u"


def function_bytes(module: Path) -> dict[str, int]:
    """The bytes of each function of a module; parts that the compiler made of one count to it."""
    parts: dict[tuple[Any, int], tuple[str, int]] = {}  # by place: a function may have two names
    with module.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        for each in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
            if each["st_info"]["type"] == "STT_FUNC":
                parts[each["st_shndx"], each["st_value"]] = (
                    each.name.removeprefix(PADDING).partition(".")[0],
                    each["st_size"],
                )
    found: defaultdict[str, int] = defaultdict(int)
    for name, size in parts.values():
        found[name] += size
    return found


def text_bytes(module: Path) -> int:
    """The bytes of code and constants of a module: of its sections .text, .rodata, .init.text and .exit.text."""
    with module.open("rb") as file:
        return sum(each.data_size for each in ELFFile(file).iter_sections() if each.name.startswith(CODE))
