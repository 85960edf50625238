"""Known effects of faults in the k-driver's code on a function with a known answer. At least one row per type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from faultkit.model.code import ModuleCode
from injectors.kdriver.text import Text
from injectors.tools.candidates import candidates
from injectors.tools.machine_code.candidate import Candidate
from injectors.tools.machine_code.instructions import disassembly
from injectors.tools.settled import settled_site

NEVER_AN_INSTRUCTION = ("06", "0e", "16", "1e", "27", "2f", "37", "3f", "d6", "ea")  # Intel SDM vol. 2, A.3: i64
TRIES = 100_000


@dataclass(frozen=True, slots=True)
class Known:
    """A change of one instruction of `known_QUESTION`: what it is, what it becomes, and what is answered then."""

    type: str
    question: str
    before: str  # regular expressions
    after: str
    answer: int


TEXT = (
    Known("bit_flip", "constant", "mov eax, 0x1234", "mov eax, 0x1235", 0x1235),
    Known("nop", "sum", "add rax, 5", "nop .*", 7),
    Known("source", "sum", "add rax, 5", "add rax, 4", 11),
    Known("destination", "destination", "mov ecx, 7", "mov eax, 7", 327),
    Known("pointer", "element", r"mov rax, .*\[rdi \+ 8\]", r"mov rax, .*\[rdi \+ 0x18\]", 103),
    Known("deleted_branch", "branch", "je .*", "nop", 66),
    Known("inverted_branch", "branch", "je .*", "jne .*", 16),
    Known("loop", "rounds", "jb .*", "jae .*", 1),
    Known("off_by_one", "rounds", "jb .*", "jbe .*", 11),
    Known("off_by_one", "steps", "cmp eax, 0x15", "cmp eax, 0x14", 7),
    Known("initialisation", "local", "mov ebx, 5", "nop .*", 77),
    Known("interface", "power", "mov esi, 4", "nop .*", 9),
    Known("lock", "lock", "call .*", "mov eax, 0", 0),
    Known("unlock", "unlock", "call .*", "nop .*", 1),
    Known("irq", "restore", "mov rsi, rax", "xor esi, esi; nop", 1),
    Known("irq", "enable", "sti", "nop", 1),
    Known("free", "free", "call .*", "nop .*", 0),
    Known("allocation", "allocation", "call .*", "mov eax, 0", -12),
)
CRASHES = ("word",)  # random bytes: their known answer is the processor's


def text_of(known: Known, code: ModuleCode) -> Text:
    """The fault, drawn so that it comes to what is known of it."""
    return drawn(code, known.type, known.question, known.before, lambda draw: placed_as(known, draw, code))


def placed_as(known: Known, draw: int, code: ModuleCode) -> Text | None:
    """The fault of this draw, if it is the wanted one."""
    text = Text(known.type, draw).place({code.name: code})
    return text if re.fullmatch(known.after, settled_site(text.site).after) else None


def drawn(code: ModuleCode, kind: str, question: str, before: str, make: Callable[[int], Any]) -> Any:
    """The result of `make` for the first draw that it accepts, at the first site with the code `before`."""
    for draw in islice(draws(code, kind, question, before), TRIES):
        if (made := make(draw)) is not None:
            return made
    raise AssertionError(f"no draw of {kind} comes to what is known of it in known_{question}")


def draws(code: ModuleCode, kind: str, question: str, before: str) -> Iterator[int]:
    """The draws that lead to a site."""
    found = candidates(code, kind)
    at = next(n for n, site in enumerate(found) if is_at(site, question, before))
    yield from range(-(-at * 2**64 // len(found)), -(-(at + 1) * 2**64 // len(found)))


def is_at(site: Candidate, question: str, before: str) -> bool:
    """True if a site is that instruction of a question's function."""
    here = site.function == f"known_{question}"
    return here and re.fullmatch(before, disassembly(site.code, site.address)) is not None
