"""Every type of code fault on a module that was made for it: what is placed, that it is executed, what comes of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from faultkit import AtOnce, Nothing, Outcome, Trial
from faultkit.machine.image import Image
from faultkit.model.code import ModuleCode
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.kdriver.kernel_memory import SIZES, KernelMemory
from injectors.kdriver.overrun import Overrun
from injectors.kdriver.skip import Skip
from injectors.kdriver.text import Text
from injectors.tools.settled import settled_site
from monitors.kernel import Kernel
from tests.guest.conftest import answers_driver, known_parts, prepared
from tests.guest.known_code_faults import NEVER_AN_INSTRUCTION, TEXT, Known, drawn, text_of

pytestmark = pytest.mark.guest

GOLDEN = answers_driver.GOLDEN
PARTS = (known_parts.ReadBack(Text("nop")), Skip(), Overrun(), KernelMemory("heap"), AtOnce(), Nothing())
STACKS_BYTES = (2000, 2400, 2900, 3500)  # what may be in use when the function with its array of 1536 waits


@pytest.fixture(scope="module")
def answers(image: Image) -> PreparedGuest:
    """The module whose functions' answers are known."""
    golden = Trial(driver=answers_driver.Answers(), workload=answers_driver.Asking(), policy=Nothing(), seed=1,
                   monitors=(Kernel(),))  # fmt: skip
    return prepared(image, golden, PARTS)


def code(bed: PreparedGuest) -> ModuleCode:
    """The module's."""
    return bed.template.code["answers"]


def asked(bed: PreparedGuest, fault: Any, *questions: str) -> Ran:
    """A trial with a fault that is there before the first question."""
    return bed.run(fault=fault, trigger=AtOnce(), workload=answers_driver.Asking(questions))


def given(ran: Ran) -> list[int]:
    """The answers."""
    return [event.data["answer"] for event in ran.events("answer.given")]


def placed(bed: PreparedGuest, kind: str, question: str, before: str, make: Callable[[int], Any]) -> Any:
    """A fault at an instruction of a question's function, drawn so that `make` accepts it."""
    return drawn(code(bed), kind, question, before, make)


def in_order(ran: Ran) -> bool:
    """True if injection, execution and answer come in this order."""
    kinds = ("fault.injected", "fault.activated", "answer.given")
    times = [ran.first(kind).t_ns for kind in kinds]
    return times == sorted(times) and ran.count("fault.activated") == 1


def test_without_a_fault_every_answer_is_the_known_one(answers: PreparedGuest) -> None:
    ran = answers.run()
    assert {e.data["question"]: e.data["answer"] for e in ran.events("answer.given")} == GOLDEN
    assert ran.outcome is Outcome.MASKED


@pytest.mark.parametrize("known", TEXT, ids=lambda known: f"{known.type}-{known.question}")
def test_a_type_is_placed_executed_and_answered_with(answers: PreparedGuest, known: Known) -> None:
    text = text_of(known, code(answers))
    ran = asked(answers, known_parts.ReadBack(text), known.question)
    site = settled_site(text.site)
    assert ran.first("fault.injected").data["after"] == site.after
    assert ran.first("text.found").data["code"] == site.new, "the guest's own view"
    assert in_order(ran)
    assert given(ran) == [known.answer] != [GOLDEN[known.question]]


@pytest.mark.parametrize("known", TEXT, ids=lambda known: f"{known.type}-{known.question}")
def test_a_type_changes_no_other_answer(answers: PreparedGuest, known: Known) -> None:
    others = tuple(question for question in GOLDEN if question != known.question)
    ran = asked(answers, text_of(known, code(answers)), *others)
    assert given(ran) == [GOLDEN[question] for question in others]
    assert ran.outcome is Outcome.INACTIVE


def test_a_random_word_that_is_no_instruction_crashes_the_kernel_there(answers: PreparedGuest) -> None:
    def make(draw: int) -> Text | None:
        text = Text("word", draw).place({"answers": code(answers)})
        return text if settled_site(text.site).new.startswith(NEVER_AN_INSTRUCTION) else None

    text = placed(answers, "word", "constant", "mov eax, 0x1234; .*", make)
    ran = asked(answers, text, "constant")
    assert ran.first("fault.injected").data["after"].startswith("(bad)")
    assert ran.outcome is Outcome.CRASHED and ran.verdict.activated
    assert (ran.verdict.crash_kind, ran.verdict.crash_function) == ("invalid opcode", "known_constant")
    assert not given(ran)


def test_a_skipped_instruction_is_missing_once(answers: PreparedGuest) -> None:
    ran = asked(answers, placed(answers, "nop", "sum", "add rax, 5", Skip), "sum", "sum", "sum")
    assert ran.first("fault.injected").data["at"] == "add rax, 5"
    assert in_order(ran)
    assert given(ran) == [7, 12, 12]


@pytest.mark.parametrize(("words", "answer"), [(1, 321), (2, 4321)])
def test_a_copy_that_overruns_writes_what_lies_behind_once(answers: PreparedGuest, words: int, answer: int) -> None:
    fault = placed(answers, "copy", "copy", "jmp .*", lambda draw: Overrun(draw, words=words))
    ran = asked(answers, fault, "copy", "copy")
    assert ran.first("fault.injected").data["words"] == words
    assert ran.first("fault.activated").data["length_bytes"] == 16
    assert in_order(ran)
    assert given(ran) == [answer, GOLDEN["copy"]]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_damaged_on_the_heap_is_read(answers: PreparedGuest, size: str) -> None:
    fault = placed(answers, "load", "read", r"mov rax, .*\[rdi\]", lambda draw: KernelMemory("heap", size, draw))
    ran = asked(answers, fault, "read", "read")
    changed = damage(ran)
    assert changed.bit_count() == 1 if size == "bit" else changed > 2**32
    assert in_order(ran)
    assert given(ran) == [signed(GOLDEN["read"] ^ changed), GOLDEN["read"]]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_damaged_on_the_stack_is_read(answers: PreparedGuest, size: str) -> None:
    def make(draw: int) -> KernelMemory | None:
        step = 1 if size == "bit" else 8
        picks = [random.Random(draw).choice(range(0, stack, step)) for stack in STACKS_BYTES]
        return KernelMemory("stack", size, draw) if all(8 <= pick < 1536 - 8 for pick in picks) else None

    ran = asked(answers, placed(answers, "nop", "frame", "mov eax, 0x77", make), "frame", "frame")
    changed = damage(ran)
    assert changed.bit_count() == 1 if size == "bit" else changed > 2**32
    assert in_order(ran)
    assert given(ran) == [signed(changed), 0]


def damage(ran: Ran) -> int:
    """The bits that changed in the damaged aligned word."""
    injected = ran.first("fault.injected").data
    old, new = (int.from_bytes(bytes.fromhex(injected[key]), "little") for key in ("old", "new"))
    return (old ^ new) << 8 * (int(injected["address"], 16) % 8)


def signed(word: int) -> int:
    """64 bits as a number with a sign."""
    return word - 2**64 if word >> 63 else word
