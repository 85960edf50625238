"""Drivers with a mistake in their source: they are the driver from the beginning, and their mistakes are come to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from faultkit import AtOnce, Nothing, Outcome, ReloadKDriver, Trial
from faultkit.machine import kbuild
from faultkit.machine.image import Image
from faultkit.model.builds import KernelModule, Mutation
from faultkit.mutation.enumerate import mutations
from faultkit.mutation.survey import survey
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.kdriver.mutant import Mutant
from monitors.kernel import Kernel
from monitors.modules import Modules
from tests.guest.conftest import answers_driver, prepared

pytestmark = pytest.mark.guest

DRIVER = answers_driver.Answers()
[MODULE] = DRIVER.files().values()
EVERY = tuple(mutations("answers.c", (MODULE.source / "answers.c").read_bytes()))
GOLDEN = answers_driver.GOLDEN


@dataclass(frozen=True, slots=True)
class Known:
    """The n-th mutation by an operator of a function, and what the driver answers then."""

    operator: str
    function: str
    question: str
    answer: int
    n: int = 0


KNOWN = (
    Known("MFC", "known_unlock", "unlock", 1, n=1),
    Known("MIA", "known_allocation", "allocation", -12),
    Known("MIFS", "known_allocation", "allocation", 0),
    Known("MLPA", "known_enable", "enable", 0),
    Known("WAEP", "ask_copy", "copy", 0),
    Known("WLEC", "known_rounds", "rounds", 11),
    Known("WPFV", "known_rounds", "rounds", 10),
    Known("WVAV", "known_sum", "sum", 13),
)
IN_INIT = Known("MIFS", "answers_init", "sum", 12)
NO_DRIVER = Known("MIA", "answers_init", "sum", 12)


def mutation_of(known: Known) -> Mutation:
    """The one."""
    return [m for m in EVERY if (m.operator, m.function) == (known.operator, known.function)][known.n]


def mutant_of(known: Known) -> Mutant:
    """The fault that it is."""
    return Mutant(DRIVER, mutation_of(known))


@pytest.fixture(scope="module")
def mutants(image: Image) -> PreparedGuest:
    """The driver, with its mutants at hand."""
    golden = Trial(driver=DRIVER, workload=answers_driver.Asking(), policy=Nothing(), seed=1,
                   monitors=(Kernel(), Modules()))  # fmt: skip
    parts = (*map(mutant_of, (*KNOWN, IN_INIT, NO_DRIVER)), AtOnce(), Nothing(), ReloadKDriver())
    return prepared(image, golden, parts)


def mutated(bed: PreparedGuest, known: Known, *questions: str) -> Ran:
    """A trial with that mutant."""
    return bed.run(fault=mutant_of(known), trigger=AtOnce(), workload=answers_driver.Asking(questions))


def given(ran: Ran) -> list[int]:
    """The answers."""
    return [event.data["answer"] for event in ran.events("answer.given")]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: f"{known.operator}-{known.question}")
def test_a_mutant_answers_as_its_mistake_makes_it(mutants: PreparedGuest, known: Known) -> None:
    ran, mutation = mutated(mutants, known, known.question), mutation_of(known)
    injected = ran.first("fault.injected")
    assert (injected.data["function"], injected.data["line"]) == (known.function, mutation.line)
    assert given(ran) == [known.answer]
    assert injected.t_ns < ran.first("fault.activated").t_ns < ran.first("answer.given").t_ns
    assert ran.outcome is Outcome.MASKED and not ran.count("error.detected"), ran.story()


def test_a_mistake_that_is_never_come_to_is_inactive_and_changes_no_answer(mutants: PreparedGuest) -> None:
    others = tuple(question for question in GOLDEN if question != "sum")
    ran = mutated(mutants, next(known for known in KNOWN if known.question == "sum"), *others)
    assert given(ran) == [GOLDEN[question] for question in others]
    assert ran.outcome is Outcome.INACTIVE and ran.count("module.loaded") == 1


def test_a_mistake_in_what_loads_the_driver_is_come_to_before_the_first_request(mutants: PreparedGuest) -> None:
    ran = mutated(mutants, IN_INIT, "sum")
    assert ran.first("fault.activated").t_ns < ran.first("request.issued").t_ns
    assert given(ran) == [12]


def test_a_driver_that_refuses_to_load_is_gone_and_no_reload_brings_it_back(mutants: PreparedGuest) -> None:
    asking = answers_driver.Asking(("sum",), patience_s=3.0)
    ran = mutants.run(fault=mutant_of(NO_DRIVER), trigger=AtOnce(), workload=asking, policy=ReloadKDriver(limit=2))
    assert ran.count("fault.refused") == ran.count("fault.activated") == 1
    assert ran.count("recovery.finished", ok=True) == 0 < ran.count("recovery.finished", ok=False), ran.story()
    assert ran.outcome is Outcome.LOST


def test_what_does_not_compile_and_what_changes_nothing_is_counted_apart(image: Image, tmp_path: Path) -> None:
    del image  # only to skip where no modules can be built
    (tmp_path / "Kbuild").write_text("obj-m := small.o\n")
    (tmp_path / "small.c").write_text(SMALL)
    module = KernelModule(tmp_path, "small")
    found = tuple(m for m in mutations("small.c", SMALL.encode()) if m.operator in ("MLAC", "WVAV"))
    surveyed = survey(module, "small.c", found)
    assert [[m.after for m in each] for each in (surveyed.other, surveyed.same, surveyed.broken)] == [
        ["n > 2"], ["n > 3"], ["(ZEROES + 1)"],
    ]  # fmt: skip
    assert kbuild.built_module(replace(module, edits=(surveyed.other[0].change,))) != kbuild.built_module(module)


SMALL = """// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#define ZEROES { 0 }
struct pair {
	int a, b;
};
int small(int n);
int small(int n)
{
	struct pair zeroes = ZEROES;

	if (n > 3 && n > 2)
		return 1;
	return zeroes.b;
}
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Some mutations of it are nothing");
"""
