"""G-SWFIT's operators on C: what each finds, and what the mutated function answers when it is compiled and run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.machine.kbuild import edited
from faultkit.model.builds import Edit, Mutation
from faultkit.model.errors import HarnessError
from faultkit.mutation.enumerate import mutations
from faultkit.mutation.operators import OPERATORS
from injectors.kdriver.mutant import Mutant
from tests.guest.answers_driver import Answers

HOME = Path(__file__).parents[1]
DRIVERS = sorted(path for path in HOME.glob("drivers/*/*.c") if "user" not in path.parts)
HARNESS = """
#include <stdbool.h>
#include <stdio.h>
static int total;
static unsigned int reached;
__attribute__((noinline)) void faultkit_reached(void) { reached++; }
__attribute__((noipa)) int add(int n) { return total += n; }
__attribute__((noipa)) int sum(int a, int b) { return 10 * a + b; }
int answer(int, int);
int main(void)
{
	int given = answer(3, 4);

	return printf("%d %u", given, reached) < 0;
}
#include "answer.c"
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A function's body, what it answers to 3 and 4, and what with each of an operator's mutations."""

    operator: str
    body: str
    answer: int
    mutated: tuple[int, ...]


KNOWN = (
    Known("MFC", "add(a);\n\tadd(b);\n\treturn total;", 7, (4, 3)),
    Known("MIFS", "if (a == 3) {\n\t\tadd(b);\n\t}\n\treturn total;", 4, (0,)),
    Known("MIA", "if (a == 4) {\n\t\tadd(b);\n\t}\n\treturn total;", 0, (4,)),
    Known("MIEB", "if (a == 3)\n\t\tadd(1);\n\telse\n\t\tadd(2);\n\treturn total;", 1, (2,)),
    Known("MLAC", "if (a == 3 && b == 5)\n\t\treturn 1;\n\treturn 0;", 0, (1, 0)),
    Known("MLOC", "if (a == 3 || b == 5)\n\t\treturn 1;\n\treturn 0;", 1, (1, 0)),
    Known("MVAV", "int n = 1;\n\tadd(n);\n\tn = 5;\n\treturn n;", 5, (1,)),
    Known("MVAE", "int n = 1;\n\tadd(n);\n\tn = a + b;\n\treturn n;", 7, (1,)),
    Known("MLPA", "add(1);\n\tadd(2);\n\tadd(3);\n\treturn total;", 6, (3, 1)),
    Known("WVAV", "int n = 1;\n\tbool other = true;\n\treturn n + 10 * other;", 11, (12, 1)),
    Known("WLEC", "while (total < a)\n\t\tadd(1);\n\treturn total;", 3, (4,)),
    Known("WAEP", "return add(a + b);", 7, (-1,)),
    Known("WPFV", "return sum(a, b);", 34, (44, 33)),
)
NOWHERE = {
    "MFC": ("return add(a);", "if (a)\n\t\tadd(b);\n\treturn a;", "(void)a;\n\treturn b;"),
    "MIFS": ("if (a)\n\t\tadd(1);\n\telse\n\t\tadd(2);\n\treturn b;",
             "while (a--)\n\t\tif (b)\n\t\t\tadd(b);\n\treturn b;",
             "if (a)\n\t\twhile (a--)\n\t\t\tadd(b);\n\treturn b;",
             "if (a) {" + "\n\t\tadd(b);" * 6 + "\n\t}\n\treturn b;"),
    "MIA": ("if (a)\n\t\treturn 1;\n\telse if (b)\n\t\treturn 2;\n\treturn 3;",),
    "MLAC": ("return a && b;", "if (a || b)\n\t\treturn 1;\n\treturn 2;"),
    "MVIV": ("static int n = 1;\n\treturn n;", "int n = a;\n\treturn n;"),
    "MVAV": ("int n;\n\tn = 1;\n\tadd(n);\n\treturn n;", "total = 1;\n\ttotal = 2;\n\treturn a;"),
    "MVAE": ("int n = 1;\n\tadd(n);\n\tn = add(a);\n\treturn n;",),
    "WVAV": ("for (int n = 0; n < a; n++)\n\t\tadd(n);\n\treturn total;", "total = 1;\n\treturn a;"),
    "WAEP": ("return add(a << b);", "return a + b;"),
    "WPFV": ("short c = a;\n\treturn add(c);", "return add(total);"),
}  # fmt: skip


def source(body: str) -> bytes:
    """A file with that one function."""
    return f"int answer(int a, int b)\n{{\n\t{body}\n}}\n".encode()


def found(operator: str, body: str) -> list[Mutation]:
    """An operator's mutations of it."""
    return [m for m in mutations("answer.c", source(body)) if m.operator == operator]


def run(code: bytes, place: Path) -> tuple[int, int]:
    """The function's answer, and the number of times that its mutation was executed."""
    (place / "answer.c").write_bytes(code)
    (place / "main.c").write_text(HARNESS)
    subprocess.run(["gcc", "-O1", "-w", "-std=gnu11", "-o", place / "main", place / "main.c"], check=True)
    done = subprocess.run([place / "main"], check=True, capture_output=True, text=True)
    given, reached = done.stdout.split()
    return int(given), int(reached)


def test_every_operator_has_a_known_answer() -> None:
    assert {known.operator for known in KNOWN} | {"MVIV"} == set(OPERATORS)


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.operator)
def test_a_mutated_function_answers_otherwise_and_tells_that_it_was_reached(known: Known, tmp_path: Path) -> None:
    assert run(source(known.body), tmp_path) == (known.answer, 0)
    mutated = found(known.operator, known.body)
    plain = [run(edited({"answer.c": source(known.body)}, [m.change])["answer.c"], tmp_path) for m in mutated]
    told = [run(edited({"answer.c": source(known.body)}, m.edits)["answer.c"], tmp_path) for m in mutated]
    assert [answer for answer, _ in plain] == list(known.mutated) == [answer for answer, _ in told]
    assert all(reached == 0 for _, reached in plain) and all(reached > 0 for _, reached in told)


def test_a_variable_that_is_not_initialised_is_still_declared(tmp_path: Path) -> None:
    body = 'int n = 5;\n\tasm volatile("" : "+r"(n));\n\treturn n;'
    assert run(source(body), tmp_path) == (5, 0)
    [mutation] = found("MVIV", body)
    assert (mutation.before, mutation.after) == ("n = 5", "n")
    assert run(edited({"answer.c": source(body)}, mutation.edits)["answer.c"], tmp_path)[1] == 1


@pytest.mark.parametrize(("operator", "body"), [(o, body) for o, bodies in NOWHERE.items() for body in bodies])
def test_the_operators_constraints_are_kept(operator: str, body: str) -> None:
    assert not found(operator, body)


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.name)
def test_a_mutation_of_a_driver_is_what_it_says_and_moves_no_line(path: Path) -> None:
    original = path.read_bytes()
    every = list(mutations(path.name, original))
    assert len({(m.change, m.operator) for m in every}) == len(every) > 5
    for mutation in every:
        for edits in ([mutation.change], mutation.edits):
            after = edited({path.name: original}, edits)[path.name]
            assert after != original and after.count(b"\n") == original.count(b"\n")
        line = original.decode().splitlines()[mutation.line - 1]
        assert mutation.before.split()[0] in line
        assert mutation.function in original.decode()


def test_what_the_parser_does_not_understand_is_left_alone() -> None:
    loop = "list_for_each_entry(each, &a->items, link) {\n\t\tadd(1);\n\t\tadd(2);\n\t}"
    body = f"struct item *each;\n\n\t{loop}\n\treturn b;"
    assert {m.before for m in found("MFC", body)} == {"add(1);", "add(2);"}
    assert all("list_for_each" not in m.before for m in mutations("answer.c", source(body)))


@given(st.integers(0, 200))
def test_an_edit_of_a_file_that_has_changed_since_is_refused(at: int) -> None:
    with pytest.raises(HarnessError, match=r"a\.c does not hold 'mutex' at"):
        edited({"a.c": b"static int x;\n" * 10}, [Edit("a.c", at, "mutex", "")])


def test_mutants_of_one_driver_lie_in_files_of_their_own() -> None:
    sources = HOME / "tests" / "guest" / "answers" / "answers.c"
    every = list(mutations(sources.name, sources.read_bytes()))
    mutants = [Mutant(Answers(), mutation) for mutation in every]
    assert len({mutant.name for mutant in mutants}) == len(every)
    assert mutants[0].fault_type == f"source: {every[0].operator}"
