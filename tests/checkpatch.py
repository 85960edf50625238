"""`checkpatch.pl` of the kernel's sources, run over every C file of the repository.

The script comes from Debian's package linux-source-6.12: `faultkit.machine.kernel_source` keeps it in the cache.
`python -m tests.checkpatch` prints the findings and fails if there are any.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from faultkit.machine import kernel_source
from faultkit.model.errors import HarnessError

ROOT = Path(__file__).parents[1]
FILES = tuple(f"scripts/{name}" for name in ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch"))
OPTIONS = ("--no-tree", "--no-summary", "--quiet", "--strict", "--terse", "--show-types", "--max-line-length=100")
FINDING = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): (?:ERROR|WARNING|CHECK):(?P<type>[A-Z_]+): (?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of checkpatch.pl: its type of mistake at a place."""

    file: str
    line: int
    type: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.type}: {self.text}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Findings of a type that stand in some files, for a reason."""

    type: str
    files: str  # a pattern of fnmatch
    reason: str

    def covers(self, finding: Finding) -> bool:
        """True if the exception is meant for this finding."""
        return finding.type == self.type and fnmatch(finding.file, self.files)


REGISTERS = "a process reads device registers by volatile pointers: it has no readl()"
EXCEPTIONS = (
    Allowed("VOLATILE", "*_u.c", REGISTERS),
    Allowed("VOLATILE", "microdriver/user/mdu.[ch]", REGISTERS),
    Allowed("VOLATILE", "tests/guest/selftest_micro/st_mapper.c", REGISTERS),
    Allowed("VOLATILE", "tests/code_faults.c", "the compiler must keep the variables, whose stores are looked for"),
    Allowed("VOLATILE", "microdriver/services/registers.c", REGISTERS),
    Allowed("PREFER_DEFINED_ATTRIBUTE_MACRO", "microdriver/services/services.h", "these are the macros' definitions"),
    Allowed("STATIC_CONST_CHAR_ARRAY", "microdriver/services/numbers.c", "the kernel's names, which others use"),
    Allowed("CONSIDER_KSTRTO", "microdriver/services/numbers.c", "these are the functions themselves"),
    Allowed("COMPLEX_MACRO", "microdriver/services/*.c", "the macro gives a function"),
    Allowed("MACRO_WITH_FLOW_CONTROL", "microdriver/services/*.c", "the macro gives a function, which returns"),
    Allowed("PREFER_DEFINED_ATTRIBUTE_MACRO", "microdriver/user/mdu_*.[ch]", "a program has no such macros"),
    Allowed("LEADING_SPACE", "faultkit/kernel/arming.c", "lines of assembler are indented within their strings"),
    Allowed("LINE_SPACING", "faultkit/kernel/arming.c", "NOKPROBE_SYMBOL() stands right behind its function"),
    Allowed("LINE_SPACING", "injectors/kmod/*", "NOKPROBE_SYMBOL() stands right behind its function"),
    Allowed("LINE_SPACING", "tests/code_faults.c", "functions of one line stand together"),
    Allowed("BIT_MACRO", "microdriver/kernel/microdriver.h", "user space includes it, and has no BIT()"),
    Allowed("MACRO_ARG_REUSE", "faultkit/kernel/arming.h", "the argument names a member, without side effects"),
    Allowed("MACRO_ARG_REUSE", "microdriver/*/m*.[ch]", "the arguments name a member or a table, without side effects"),
    Allowed("MACRO_ARG_REUSE", "tests/guest/sliced_micro/sl_contract.h", "the argument names a table"),
    Allowed("MACRO_ARG_UNUSED", "tests/guest/sliced_micro/sl_contract.h", "only the u-driver's tables have names"),
    Allowed("BRACKET_SPACE", "tests/guest/sliced_micro/sl_contract.h", "the macro gives a designated initialiser"),
    Allowed("COMPLEX_MACRO", "microdriver/user/mdu_describe.c", "the macro gives two initialisers"),
    Allowed("COMPLEX_MACRO", "tests/user_services/warnings.c", "the macro gives assembler"),
    Allowed("COMPLEX_MACRO", "tests/guest/answers/answers.c", "the macro gives two attributes"),
    Allowed("LONG_LINE", "*.bpf.c", "bcc's programs are as wide as Python's files"),
    Allowed("LONG_LINE_COMMENT", "*.bpf.c", "bcc's programs are as wide as Python's files"),
    Allowed("INIT_ATTRIBUTE", "slicer/halves/*.h", "the words are defined away"),
    Allowed("EXPORT_SYMBOL", "slicer/halves/sliced_source.h", "the words are defined away"),
    Allowed("MACRO_ARG_UNUSED", "slicer/halves/sliced_source.h", "the words are defined away"),
    Allowed("TRAILING_SEMICOLON", "slicer/halves/*.h", "module_init() and its kind stand without one"),
    Allowed("PREFER_DEFINED_ATTRIBUTE_MACRO", "slicer/halves/sliced_kernel.h", "a file may have undefined the macro"),
    Allowed("MACRO_WITH_FLOW_CONTROL", "slicer/halves/sliced_kernel.h", "the gate returns from the function behind it"),
    Allowed("SUSPECT_CODE_INDENT", "slicer/halves/sliced_kernel.h", "the macro ends with a return"),
    Allowed("MULTISTATEMENT_MACRO_USE_DO_WHILE", "slicer/halves/sliced_ports.c", "the macro gives a function"),
    Allowed("AVOID_EXTERNS", "slicer/halves/sliced_ports.c", "the driver's tables alone know the functions"),
    Allowed("AVOID_EXTERNS", "tests/slicer_r*/*.c", "the functions are nobody's: the slicer alone reads them"),
    Allowed("UNCOMMENTED_DEFINITION", "tests/slicer_refused/refused.c", "the lock is never taken"),
    Allowed("VOLATILE", "tests/guest/provoke/provoke.c", "the compiler must keep what does harm"),
    Allowed("LONG_LINE", "tests/guest/provoke/provoke.c", "recorded logs name the lines behind it"),
    Allowed("AVOID_BUG", "tests/guest/provoke/provoke.c", "the report is what is wanted"),
    Allowed("STRCPY", "tests/guest/provoke/provoke.c", "the report is what is wanted"),
    Allowed("CAMELCASE", "microdriver/user/mdu_describe.c", "C's own name of a format"),
    Allowed("PREFER_KERNEL_TYPES", "drivers/null_micro/crossing_cost.c", "a program, which has C's own types"),
    Allowed("CONST_STRUCT", "tests/guest/selftest_micro/st_downcalls.c", "a copy in which one function is replaced"),
    Allowed("MSLEEP", "tests/guest/selftest_micro/st_locking.c", "a pause whose length does not matter"),
    Allowed(
        "STATIC_CONST_CHAR_ARRAY", "tests/guest/selftest_micro/st_u.c", "mdu_open() takes it beside main()'s words"
    ),
)


def script() -> Path:
    """checkpatch.pl in the cache. Raises: UnmetNeed if the kernel's sources are not installed."""
    return kernel_source.unpacked(FILES) / FILES[0]


def findings(checkpatch: Path, files: Iterable[Path], root: Path = ROOT) -> list[Finding]:
    """All findings in these files, whose names are given below `root`. Raises: HarnessError if the script fails."""
    names = [str(file.relative_to(root)) for file in files]
    command = ["perl", str(checkpatch), *OPTIONS, "-f", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    if done.returncode not in (0, 1):
        raise HarnessError(f"checkpatch.pl fails: {done.stderr.strip()}")
    return [parsed(line) for line in done.stdout.splitlines() if line]


def parsed(line: str) -> Finding:
    """A line of checkpatch.pl. Raises: HarnessError if it is no finding."""
    found = FINDING.fullmatch(line)
    if found is None:
        raise HarnessError(f"checkpatch.pl says {line!r}, which is no finding")
    return Finding(found["file"], int(found["line"]), found["type"], found["text"])


def complaints(found: Iterable[Finding], exceptions: Iterable[Allowed] = EXCEPTIONS) -> list[str]:
    """The findings that no exception covers, and the exceptions that cover none."""
    found, exceptions = list(found), list(exceptions)
    wrong = [str(finding) for finding in found if not any(one.covers(finding) for one in exceptions)]
    idle = [one for one in exceptions if not any(map(one.covers, found))]
    return wrong + [f"{one.files}: no {one.type} is found there any more: drop the exception" for one in idle]


def sources() -> list[Path]:
    """The C files and headers that git knows."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return [path for line in done.stdout.splitlines() if (path := ROOT / line).exists()]


def main() -> int:
    found = findings(script(), sources())
    for line in (said := complaints(found)):
        print(line)
    print(f"checkpatch: {len(sources())} files, {len(found)} findings, {len(said)} to mend")
    return bool(said)


if __name__ == "__main__":
    sys.exit(main())
