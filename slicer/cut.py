"""The source of each half: the original text, with other bodies for functions of the other half, line for line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from slicer.interface import Downcall, Interface, Upcall
from slicer.plan import Half
from slicer.tree import Defined

INCLUDE = re.compile(rb"\s*#\s*include\b")
OPENS = re.compile(rb"\s*#\s*if")
CLOSES = re.compile(rb"\s*#\s*endif\b")
NOWHERE = "{ __builtin_trap(); }"  # the body of a function that its half never calls, but whose address it may know


@dataclass(frozen=True, slots=True)
class TextChange:
    """Bytes of a text, from the first to the one behind the last, and the text in their place."""

    start: int
    end: int
    text: str


def numbered(name: str) -> str:
    """The constant for a call's number."""
    return f"CALL_{name}"


def passed(function: Defined) -> str:
    """A function's arguments as the numbers that cross."""
    words = ", ".join(f"SLICED_ARG({each.name})" for each in function.parameters)
    return f"(u64[]){{ {words or '0'} }}"


def typed(function: Defined, call: str) -> str:
    """A body that makes a call and returns its value, as the type that the function returns."""
    names = ", ".join(each.name for each in function.parameters)
    return f"{{ return (typeof({function.name}({names}))){call}; }}"


def upcall_body(upcall: Upcall, fails: str) -> str:
    """The body of a function of the process, in the kernel. `fails`: its value if nobody answers, in C."""
    counts = [each.count for each in upcall.arguments if each.count]
    count = counts[0] if counts else "0"
    name = numbered(upcall.function.name)
    kept = f"_{upcall.object_call}" if upcall.object_call else ""
    of = f", SLICED_ARG({upcall.function.parameters[0].name})" if kept else ""
    return typed(upcall.function, f"sliced_up{kept}({name}, {count}, {passed(upcall.function)}, {fails}{of})")


def downcall_body(function: Defined) -> str:
    """The body of a function of the kernel's half, in the process."""
    return typed(function, f"sliced_down({numbered(function.name)}, {passed(function)})")


def kernel_edits(found: Interface, fails: Mapping[str, str]) -> Iterator[tuple[str, TextChange]]:
    """The changes of the kernel's half, each with its file."""
    upcalls = {each.label: each for each in found.upcalls}
    for label, placed in found.sliced.plan.placed.items():
        function = placed.function
        if function.made:
            continue
        if label in upcalls:
            yield function.file, body(function, upcall_body(upcalls[label], fails[label]))
        elif placed.half is Half.PROCESS:
            yield function.file, body(function, ";")
        elif label in found.gates:
            start = function.braces[0]
            yield function.file, TextChange(start, start + 1, f"{{ {gate_line(found.gates[label])};")


def gate_line(answer: str) -> str:
    """The line in front of a function that the gate keeps out, with its answer: a value, LATER, or WAIT."""
    word, _, rest = answer.partition(" ")
    return f"SLICED_GATE_{word}({rest})" if word in ("LATER", "WAIT") else f"SLICED_GATE({answer})"


def process_edits(found: Interface) -> Iterator[tuple[str, TextChange]]:
    """The changes of the process's half, each with its file."""
    downcalls: Mapping[str, Downcall] = {each.name: each for each in found.downcalls}
    for label, placed in found.sliced.plan.placed.items():
        function = placed.function
        if placed.half is Half.KERNEL and not function.made:
            yield function.file, body(function, downcall_body(function) if label in downcalls else NOWHERE)


def body(function: Defined, text: str) -> TextChange:
    """Another body for a function."""
    return TextChange(*function.braces, text)


def cut(text: bytes, edits: Iterable[TextChange], first_body: int, header: str, name: str, tail: str) -> bytes:
    """A text after edits, with a header included behind its own ones, and a tail. Lines keep their numbers."""
    done = text
    at = after_includes(text, first_body)
    line = text[:at].count(b"\n") + 1
    every = [*edits, TextChange(at, at, f'#include "{header}"\n#line {line} "{name}"\n')]
    for edit in sorted(every, key=lambda each: each.start, reverse=True):
        lines = done[edit.start : edit.end].count(b"\n")
        new = edit.text.encode() + (b"\n" * lines if edit.end > edit.start else b"")
        done = done[: edit.start] + new + done[edit.end :]
    return f'#line 1 "{name}"\n'.encode() + done + b"\n" + tail.encode()


def after_includes(text: bytes, first_body: int) -> int:
    """The place behind the last `#include` before the first body, outside of any `#if`."""
    depth, at, found, waiting = 0, 0, 0, False
    for line in text[:first_body].splitlines(keepends=True):
        at += len(line)
        depth += bool(OPENS.match(line)) - bool(CLOSES.match(line))
        waiting = waiting or bool(INCLUDE.match(line))
        if waiting and not depth:
            found, waiting = at, False
    return found
