"""The C text of both halves of a driver: tables of what crosses, and the names by which files reach one another.

Tables hold numbers alone, of the compiler's: either half compiles them, and checks the layouts that they were made for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from slicer.contract import PRIVATE, ObjectType, TableField
from slicer.cut import numbered
from slicer.fields import MOST_ARGUMENTS
from slicer.interface import Argument, Downcall, Interface, Static
from slicer.knowledge import Acquired, SharedRange
from slicer.tree import FunctionValue, Var, nodes

DEADLINE_MS = 10_000
KINDS = {
    "nothing": "MDRV_NOTHING_ARG",
    "value": "MDRV_VALUE",
    "ref": "MDRV_REF",
    "text": "MDRV_TEXT",
    "copy": "MDRV_COPY",
    "borrow": "MDRV_BORROW",
    "keep": "MDRV_KEEP",
    "buffer": "MDRV_BUFFER",
}
RANGES = {
    "object": "MDRV_SHARE_OBJECT",
    "registers": "MDRV_SHARE_REGISTERS",
    "coherent": "MDRV_SHARE_COHERENT",
    "addresses": "MDRV_SHARE_ADDRESSES",
    "bar": "MDRV_SHARE_BAR",
}
FREED = Acquired("release", ("result",), None)  # memory that the process allocates, and no device manages
MODES = {1: "MDRV_IN", 2: "MDRV_OUT", 3: "MDRV_INOUT"}


def contract_text(found: Interface) -> str:
    """The tables that both halves have: types, calls, fields that cross."""
    numbers = {each.name: number for number, each in enumerate(found.types)}
    statics = {each.name: number for number, each in enumerate(found.statics)}
    lines = [
        "/* The contract of the halves of this driver. Made by the slicer: do not edit. */",
        '#include "microdriver.h"',
        "#ifdef __KERNEL__",
        "#define SLICED_NAMES(type)",
        "#else",
        "#define SLICED_NAMES(type) .names = sliced_names_##type,",
        "#endif",
    ]
    for each in found.types:
        lines += field_table(each, numbers)
    lines += ["static const struct mdrv_type sliced_types[] = {"]
    lines += [type_row(each, statics) for each in found.types]
    lines += ["};", *call_tables(found, numbers)]
    counts = {"types": found.types, "upcalls": found.upcalls, "downcalls": found.downcalls}
    lines += [
        "static const struct mdrv_contract sliced_contract = {",
        f'\t.name = "{found.sliced.program.name}",',
        *(f"\t.{kind} = sliced_{kind}, .{kind}_count = {len(rows)}," for kind, rows in counts.items()),
        "};",
    ]
    return "\n".join(lines) + "\n"


def call_tables(found: Interface, numbers: Mapping[str, int]) -> list[str]:
    """The calls both ways, with the kinds of their arguments; and the fields that cross with each upcall."""
    places = {each.name: {path: number for number, path in enumerate(each.fields)} for each in found.types}
    kinds = Signatures(numbers)
    lines, upcalls = list[str](), list[str]()
    for upcall in found.upcalls:
        name = upcall.function.name
        rows = [
            f"\tMDRV_SMALL_ACCESS({numbers[each.type]}, {places[each.type][each.path]}, {MODES[each.mode]}),"
            for each in upcall.accesses
        ]
        lines += table(f"__u32 sliced_fields_{name}", rows)
        kind = kinds.name_of(upcall.arguments, upcall.result)
        flags = "MDRV_AGAIN | MDRV_ENDS" if upcall.ends else "MDRV_AGAIN"
        upcalls.append(
            f'\t{{ .name = "{name}", .small = sliced_fields_{name}, .accesses_count = {len(rows)},'
            f" .deadline_ms = {DEADLINE_MS}, .flags = {flags}, .signature = {kind} }},"
        )
    downcalls = [
        f'\t{{ .name = "{each.name}", .signature = {kinds.name_of(each.arguments, each.result)} }},'
        for each in found.downcalls
    ]
    lines += kinds.lines
    lines += table("struct mdrv_call sliced_upcalls", upcalls)
    return [*lines, *table("struct mdrv_call sliced_downcalls", downcalls)]


def table(name: str, rows: list[str]) -> list[str]:
    """A table in C, which has a row even if it is empty."""
    empty = "\t{ 0 }," if name.startswith("struct") else "\t0,"
    return [f"static const {name}[] = {{", *(rows or [empty]), "};"]


def field_table(kind: ObjectType, numbers: Mapping[str, int]) -> list[str]:
    """The fields of a type; their names are the process's alone, since injectors ask it for them."""
    fields = kind.fields.values()
    lines = table(f"struct mdrv_small_field sliced_of_{kind.name}", [field_row(each, numbers) for each in fields])
    names = table(f"char *const sliced_names_{kind.name}", [f'\t"{each.path}",' for each in fields])
    return [*lines, "#ifndef __KERNEL__", *names, "#endif"]


def field_row(field: TableField, numbers: Mapping[str, int]) -> str:
    """One field."""
    size, more = field.size, ""
    if field.shape == "bits":
        shift = (field.mask & -field.mask).bit_length() - 1
        more = f", .shift = {shift}, .bits = {field.mask.bit_count()}"
    elif field.shape == "data":
        size = field.length
    elif field.shape == "pointer" and field.to:
        more = f", .link = {numbers[field.to] + 1}"
    return f"\t{{ .offset = {field.offset}, .bytes = {size}, .shape = MDRV_{field.shape.upper()}{more} }},"


def type_row(kind: ObjectType, statics: Mapping[str, int]) -> str:
    """One type."""
    more = f", .global = {statics[kind.variable] + 1}" if kind.variable else ""
    return (
        f'\t{{ .name = "{kind.name}", .bytes = {kind.size}, .small = sliced_of_{kind.name},'
        f" .fields_count = {len(kind.fields)}, SLICED_NAMES({kind.name}){more.removeprefix(',')} }},"
    )


class Signatures:
    """The kinds of calls' arguments and results; calls of one kind share a table."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self.numbers = numbers
        self.names: dict[tuple[str, ...], str] = {}
        self.lines: list[str] = []

    def name_of(self, arguments: Iterable[Argument], result: Argument) -> str:
        """The name of a call's table."""
        given = [*arguments]
        every = [*given, *[Argument()] * (MOST_ARGUMENTS - len(given)), result]
        rows = tuple(argument_row(each, self.numbers) for each in every)
        if rows not in self.names:
            self.names[rows] = name = f"sliced_arguments_{len(self.names)}"
            self.lines += table(f"struct mdrv_argument {name}", list(rows))
        return self.names[rows]


def argument_row(each: Argument, numbers: Mapping[str, int]) -> str:
    """One argument."""
    length = "MDRV_NO_LENGTH" if each.length is None else str(each.length)
    flags = ", .flags = MDRV_READ | MDRV_WRITE" if each.kind == "buffer" else ""
    kind = f", .type = {numbers[each.type]}" if each.type else ""
    return f"\t{{ .kind = {KINDS[each.kind]}, .length = {length}, .bytes = {each.size}{kind}{flags} }},"


def call_numbers(found: Interface) -> str:
    """The numbers of all calls, for both halves."""
    lines = [f"#define {numbered(each.function.name)} {number}" for number, each in enumerate(found.upcalls)]
    lines += [f"#define {numbered(each.name)} {number}" for number, each in enumerate(found.downcalls)]
    return "\n".join(lines) + "\n"


# Names by which tables reach functions and variables of the driver's files.


def static_name(each: Static) -> str:
    """The name by which the tables know a function or variable."""
    return f"sliced_at_{each.name}"


def exported(found: Interface, file: str) -> Iterator[str]:
    """Other names for the functions and variables of a file, which may be static."""
    for each in found.statics:
        if each.file == file:
            yield alias(static_name(each), each.name)


def alias(name: str, of: str) -> str:
    """Another name, that other files may use."""
    return f'extern typeof({of}) {name} __attribute__((alias("{of}")));'


def declared(name: str, symbol: str) -> str:
    """The address of a symbol whose type does not matter."""
    return f'extern char {name}[] __asm__("{symbol}");'


def layout_checks(found: Interface, file: str) -> Iterator[str]:
    """Checks that the compiler lays records out as the tables say, in the first file that uses each type."""
    records = found.sliced.program.records
    for kind in found.types:
        users = [each.function.file for each in found.upcalls if any(a.type == kind.name for a in each.accesses)]
        if not kind.record or users[:1] != [file]:
            continue
        parts = [(kind.record, "", 0), *([(kind.private, f"{PRIVATE}.", kind.private_at)] if kind.private else [])]
        for record, prefix, start in parts:
            word = "union" if records[record].union else "struct"
            end = start + records[record].size_bytes
            yield f'_Static_assert(sizeof({word} {record}) == {end - start}, "{record}");'
            for each in kind.fields.values():
                ours = each.path.startswith(f"{PRIVATE}.") == bool(prefix) if kind.private else True
                if ours and each.shape != "bits" and "(" not in each.path:
                    path = each.path.removeprefix(prefix)
                    yield f'_Static_assert(offsetof({word} {record}, {path}) == {each.offset - start}, "{each.path}");'


def statics_table(found: Interface) -> list[str]:
    """The table of functions and variables that both halves have."""
    lines = [declared(static_name(each), static_name(each) if each.file else each.name) for each in found.statics]
    rows = [f"\t{{ .at = {static_name(each)}, .bytes = {each.size} }}," for each in found.statics]
    return [*lines, *table("struct mdrv_static sliced_statics", rows)]


def kernel_tables(found: Interface) -> str:
    """The tables of the kernel's half alone: the functions of downcalls, and what they acquire and share."""
    calls = found.sliced.annotations.knowledge.calls
    numbers = {each.name: number for number, each in enumerate(found.types)}
    lines = [
        "/* Made by the slicer: do not edit. */",
        '#include "sliced_kernel.h"',
        '#include "sliced_contract.h"',
        *statics_table(found),
    ]
    rows = []
    for each in found.downcalls:
        symbol = f"sliced_port_{each.name}" if each.name in calls.ports else symbol_of(each)
        lines.append(declared(service_name(each), symbol))
        more = ""
        acquired = FREED if each.kind == "allocate" else calls.acquire.get(each.name)
        shared = SharedRange("object", each.type) if each.type else calls.share.get(each.name)
        if acquired and any(acquired.release == other.name for other in found.downcalls):
            lines.append(
                f"static const struct mdrv_acquire sliced_acquire_{each.name} = {acquire_row(each, acquired, found)};"
            )
            more += f", .acquire = &sliced_acquire_{each.name}"
        if shared:
            lines.append(f"static const struct mdrv_sharing sliced_share_{each.name} = {share_row(shared, numbers)};")
            more += f", .sharing = &sliced_share_{each.name}"
        if each.kind == "release":
            more += ", .unshare = 1"
        if each.name in calls.unshare:
            more += f", .unshare = {calls.unshare[each.name] + 1}"
        if each.name in calls.keeps:
            more += f", .keeps = {1 << calls.keeps[each.name]}"
        rows.append(f"\t{{ .function = {service_name(each)}{more} }},")
    lines += table("struct mdrv_service sliced_services", rows)
    lines += [
        "const struct mdrv_ops sliced_ops = {",
        "\t.joined = sliced_joined,",
        "\t.services = sliced_services,",
        "\t.statics = sliced_statics,",
        f"\t.statics_count = {len(found.statics)},",
        "};",
        "const struct mdrv_contract *const sliced_contract_of_driver = &sliced_contract;",
    ]
    return "\n".join(lines) + "\n"


def service_name(each: Downcall) -> str:
    """The name by which the kernel's table knows the function of a downcall."""
    return f"sliced_do_{each.name}"


def symbol_of(each: Downcall) -> str:
    """The symbol of a downcall's function in the kernel's half."""
    own = {"kernel": each.name, "allocate": "sliced_allocate", "manage": "sliced_allocate", "release": "sliced_release"}
    return own.get(each.kind, service_name(each))


def acquire_row(each: Downcall, acquired: Acquired, found: Interface) -> str:
    """The row of a thing that a function acquires."""
    release = next(n for n, other in enumerate(found.downcalls) if other.name == acquired.release)
    when = {"nothing": "MDRV_ALWAYS", "ref": "MDRV_IF_POINTER"}.get(each.result.kind, "MDRV_IF_ZERO")
    sources = [source(text) for text in acquired.sources]
    sources += ["MDRV_ZERO"] * (MOST_ARGUMENTS - len(sources))
    irq = 0 if acquired.interrupt is None else acquired.interrupt + 1
    lock = 0 if acquired.lock is None else acquired.lock + 1
    return (
        f"{{ .release = {release}, .when = {when}, .from = {{ {', '.join(sources)} }}, .irq = {irq}, .lock = {lock} }}"
    )


def source(text: str) -> str:
    """The source of a value: an argument, the result, or what an argument leads to."""
    if text == "result":
        return "MDRV_FROM_RESULT"
    if text.startswith("out "):
        return f"MDRV_OUT{text.split()[1]}"
    return f"MDRV_ARG{text}" if text.isdigit() else "MDRV_ZERO"


def share_row(shared: SharedRange, numbers: Mapping[str, int]) -> str:
    """The row of a thing that a function gives to both halves."""
    at, size, physical = source(shared.at), source(shared.size), source(shared.physical)
    kind = numbers.get(shared.record, 0)
    return f"{{ .kind = {RANGES[shared.kind]}, .at = {at}, .bytes = {size}, .phys = {physical}, .type = {kind} }}"


def process_tables(found: Interface, defined: frozenset[str]) -> str:
    """The tables of the process alone: functions of upcalls, ways to the kernel's. `defined`: by the services."""
    lines = ["/* Made by the slicer: do not edit. */", '#include "sliced_process.h"', *statics_table(found)]
    lines += [declared(f"sliced_do_{e.function.name}", f"sliced_do_{e.function.name}") for e in found.upcalls]
    rows = [f"\tsliced_do_{each.function.name}," for each in found.upcalls]
    lines += ["static const void *const sliced_functions[] = {", *(rows or ["\tNULL,"]), "};"]
    for number, each in enumerate(found.downcalls):
        if each.kind == "kernel":
            lines.append(f"SLICED_WAY({each.name}, {number})")
        elif each.kind == "inline":
            lines.append(f"SLICED_WAY(sliced_inline_{each.name}, {number})")
    ways = {each.name for each in found.downcalls if each.kind == "kernel"}
    sizes = {each.name: each.size for each in found.types}
    rows = [
        f"\t{{ .bytes = {sizes[each.type]}, .call = {number}, .managed = {int(each.kind == 'manage')} }},"
        for number, each in enumerate(found.downcalls)
        if each.type
    ]
    release = [number for number, each in enumerate(found.downcalls) if each.kind == "release"]
    lines += table("struct sliced_allocation sliced_allocation_rows", rows)
    lines += [
        "const struct sliced_allocation *const sliced_allocations = sliced_allocation_rows;",
        f"const __u32 sliced_allocations_count = {len(rows)};",
        f"const __u32 sliced_release = {release[0] if release else 0};",
    ]
    lines += [
        f'__asm__(".comm {static.name}, {max(static.size, 8)}, 8");'
        for static in found.statics
        if not static.file and static.name not in defined | ways | found.sliced.program.declared.keys()
    ]
    named = {static.name for static in found.statics if static.name in found.sliced.program.declared}
    lines += [f"SLICED_NO_WAY({name})" for name in sorted({*tables_only(found), *named} - defined - ways)]
    lines += [
        "const struct mdu_driver sliced_driver = {",
        "\t.contract = &sliced_contract,",
        "\t.functions = sliced_functions,",
        "\t.statics = sliced_statics,",
        f"\t.statics_count = {len(found.statics)},",
        "};",
    ]
    return "\n".join(lines) + "\n"


def tables_only(found: Interface) -> list[str]:
    """The kernel's functions and variables that the driver's tables name."""
    program = found.sliced.program
    names = set[str]()
    for name, variable in program.globals.items():
        if not variable.own or "." in name:
            continue
        for node in nodes(variable.initial):
            if isinstance(node, FunctionValue) or (isinstance(node, Var) and node.scope == "global"):
                names.add(node.name)
    own = {name for name, each in program.functions.items() if each.own}
    own |= {name for name, each in program.globals.items() if each.own and each.defined}
    statics = {each.name for each in found.statics}
    return sorted(each for each in names - own - statics if "." not in each)
