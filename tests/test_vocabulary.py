"""Every event is of the vocabulary: in the source, where it is reported; in the guest's trials, as it was recorded."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import faultkit
from faultkit.model import vocabulary
from faultkit.model.events import CRASHES, ENDS, TROUBLE, Ending, Event, Kind
from faultkit.model.vocabulary import FACTS, FAMILIES, DataField, is_own, problems
from faultkit.running import catalogue

HOME = Path(faultkit.__file__).parents[1]
PACKAGES = ("faultkit", "injectors", "monitors", "microdriver", "drivers", "experiments", "benchmarks")
FILES = [path for package in PACKAGES for path in sorted((HOME / package).rglob("*.py"))]
SCRIPTS = sorted((HOME / "faultkit").rglob("*.js"))
OF_USERS = [*(HOME / "faultkit" / "skeletons").rglob("*.py.in"), *(HOME / "tests").glob("own_*/*.py")]
NAMED = re.compile(rf"(?:{'|'.join(sorted(FAMILIES))})\.[a-z_]+")
QUOTED = re.compile(r"""["'`]([a-z]+\.[a-z_]+)["'`]""")
FIELDS = {field.name for fact in FACTS.values() for field in fact.fields}
TREES = {path: ast.parse(path.read_text()) for path in FILES}
MARKED = {Kind.FAULT_INJECTED, Kind.FAULT_ACTIVATED}


def where(path: Path) -> str:
    return str(path.relative_to(HOME))


def called(node: ast.AST) -> str:
    """The method `report` or the class `Event`, if that is what a call calls."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return "report" if function.attr == "report" else ""
    return "Event" if isinstance(function, ast.Name) and function.id == "Event" else ""


def reports(tree: ast.AST) -> Iterator[tuple[ast.Call, ast.expr, ast.expr | None]]:
    """The calls that make an event, each with its kind, and with its source if that is an argument."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        if called(node) == "report" and len(node.args) >= 2 and not is_kind(node.args[0]):
            yield node, node.args[1], node.args[0]
        elif called(node) == "report" and is_kind(node.args[0]):
            yield node, node.args[0], None
        elif called(node) == "Event" and len(node.args) >= 3:
            yield node, node.args[2], node.args[1]


def is_kind(node: ast.expr) -> bool:
    """Report whether an expression is a member of Kind, or a name that stands for a kind."""
    return bool(re.match(r"Kind\.[A-Z_]+$", ast.unparse(node))) or ast.unparse(node) == "kind"


ALL = [(path, *found) for path, tree in TREES.items() for found in reports(tree)]
LITERAL = [
    (path, call, Kind[ast.unparse(kind).removeprefix("Kind.")], source)
    for path, call, kind, source in ALL
    if ast.unparse(kind).startswith("Kind.")
]


def test_there_is_something_to_look_at() -> None:
    assert len(LITERAL) > 80
    assert {kind for _, _, kind, _ in LITERAL} > TROUBLE | ENDS
    assert len(SCRIPTS) > 3 and len(OF_USERS) > 8


def test_every_kind_is_described() -> None:
    assert set(FACTS) == set(Kind)
    assert all(fact.tells and fact.sources for fact in FACTS.values())
    assert TROUBLE | ENDS | set(CRASHES) <= set(FACTS)


def test_no_field_is_described_twice_in_one_kind() -> None:
    for kind, fact in FACTS.items():
        names = [field.name for field in fact.fields]
        assert len(names) == len(set(names)), kind


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.FINISHED])
def test_every_other_ending_has_its_event(ending: Ending) -> None:
    assert Kind(f"guest.{ending.value}") in FACTS


def test_a_kind_is_never_composed_and_never_text() -> None:
    kinds = [(where(path), ast.unparse(kind)) for path, _, kind, _ in ALL]
    assert [told for told in kinds if not re.match(r"Kind\.[A-Z_]+$|(\w+\.)?kind$|seen$", told[1])] == []


def texts(tree: ast.AST) -> Iterator[str]:
    """The string constants of a file, its docstrings left out."""
    manuals = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in manuals:
            yield node.value


def test_no_text_in_our_code_names_a_kind() -> None:
    trees = {path: tree for path, tree in TREES.items() if path.name != "events.py"}
    named = [(where(path), text) for path, tree in trees.items() for text in texts(tree) if NAMED.fullmatch(text)]
    assert [told for told in named if not told[1].endswith((".py", ".js", ".c", ".max"))] == []


def test_scripts_name_kinds_that_there_are_and_their_data() -> None:
    text = "".join(path.read_text() for path in SCRIPTS)
    named = [kind for kind in QUOTED.findall(text) if NAMED.fullmatch(kind)]
    assert len(named) > 10 and [kind for kind in named if kind not in set(Kind)] == []
    assert set(re.findall(r"\bdata\.(\w+)", text)) <= FIELDS | {"map"}


def misfits(call: ast.Call, kind: Kind, source: ast.expr | None) -> Iterator[str]:
    """The points in which a call that makes an event is not as its kind is described."""
    fact = FACTS[kind]
    named = "host" if source is None else source.value if isinstance(source, ast.Constant) else fact.sources[0]
    if named not in fact.sources:
        yield f"source {named}"
    names = {word.arg for word in call.keywords if word.arg} - {"t_ns"}
    in_dict = next((each for each in call.args if isinstance(each, ast.Dict)), None)
    if in_dict is not None:
        names |= {str(key.value) for key in in_dict.keys if isinstance(key, ast.Constant)}
    known = {field.name for field in fact.fields}
    yield from (() if fact.own else names - known)
    open_ended = any(word.arg is None for word in call.keywords) or (called(call) == "Event" and len(call.args) > 3)
    yield from (() if open_ended else {field.name for field in fact.fields if not field.optional} - names)


def test_every_report_is_as_described() -> None:
    found = [(f"{where(path)}:{call.lineno}", problem) for path, call, kind, source in LITERAL
             for problem in misfits(call, kind, source)]  # fmt: skip
    assert found == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("bench.report('agent', Kind.ERROR_GONE)", ["source agent"]),
        ("machine.report(Kind.CHECK_FAILED, error='x')", ["source host"]),
        ("bench.report('workload', Kind.CHECK_FAILED, why='x', error='y')", ["why"]),
        ("bench.report('workload', Kind.CHECK_FAILED, t_ns)", ["error"]),
        ("bench.report('workload', Kind.CHECK_FAILED, **data)", []),
        ("Event(t_ns, 'process', Kind.UDRIVER_STARTED, {'pid': 1, 'comm': 2})", ["comm"]),
    ],
)
def test_a_report_that_is_not_as_described_is_found(code: str, problem: list[str]) -> None:
    [(call, kind, source)] = reports(ast.parse(code))
    assert list(misfits(call, Kind[ast.unparse(kind).removeprefix("Kind.")], source)) == problem


def test_the_data_of_our_own_injectors_stand_in_their_docstrings() -> None:
    told = " ".join(catalogue.sections(cls).get("Data", "") for cls in catalogue.classes("injectors"))
    names = set(re.findall(r"`(\w+)`", told)) | {"fault"}
    calls = [(path, call) for path, call, kind, _ in LITERAL if kind in MARKED and path.parts[-3] != "faultkit"]
    used = {word.arg for _, call in calls for word in call.keywords if word.arg} - {"t_ns"}
    assert len(used) > 15
    assert used - names == set()


def test_whoever_reads_an_event_asks_for_data_that_there_are() -> None:
    asked = {
        (where(path), key.value)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        for data, key in looked_up(node)
        if ast.unparse(data).endswith(".data") and isinstance(key, ast.Constant)
    }
    assert len(asked) > 10 and {each for each in asked if each[1] not in FIELDS} == set()


def looked_up(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The mapping and the key of `x["key"]` and `x.get("key")`."""
    if isinstance(node, ast.Subscript):
        yield node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        yield node.func.value, node.args[0]


def test_the_kinds_in_a_users_own_code_are_ours_or_of_a_family_of_its_own() -> None:
    code = "".join(path.read_text() for path in OF_USERS)
    kinds = re.findall(r'(?:report|Event)\([^"\n]*"[a-z]+",\s*"([a-z_.]+)"', code)
    assert {"workload.gave_up", "device.opened"} <= set(kinds)
    assert [kind for kind in kinds if kind not in set(Kind) and not is_own(kind)] == []


def an_event(kind: str, source: str = "workload", **data: object) -> Event:
    return Event(1, source, kind, data)


def test_an_event_as_described_has_no_problems() -> None:
    assert problems(an_event("request.completed", n=1, op="read", latency_ns=7)) == []
    assert problems(an_event("request.issued", n=1, op="read", block=7)) == [], "own data, where a kind takes them"
    assert problems(an_event("kernel.oops", "kernel", what="BUG", text="", module=None)) == []
    assert problems(an_event("device.opened", "opens", pid=7)) == [], "a kind of a user's own"


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (an_event("request.complete"), "request.complete: no such kind, and its family is one of ours"),
        (an_event("opened"), "opened: no such kind, and its family is one of ours"),
        (an_event("check.failed", error=None), "check.failed: error is None, not of type str"),
        (an_event("check.failed"), "check.failed: error is missing"),
        (an_event("check.failed", error="x", why="y"), "check.failed: why is unknown"),
        (an_event("error.gone", "agent"), "error.gone: the source is 'agent', not recovery"),
        (an_event("request.stuck", n=True, op="x", age_ns=1), "request.stuck: n is True, not of type int"),
    ],
)
def test_what_is_not_of_the_vocabulary_is_told(event: Event, problem: str) -> None:
    assert problems(event) == [problem]


def test_units_are_in_names_or_declared() -> None:
    assert [DataField(name, int).unit for name in ("age_ns", "for_s", "rss_bytes", "interval_us", "n")] == [
        "ns", "s", "bytes", "µs", "",
    ]  # fmt: skip
    assert vocabulary.BYTES.unit == "bytes"
    assert DataField("cpu_s", float).takes(1) and not DataField("cpu_s", float).takes(True)


def test_stored_events_have_all_data_that_their_readers_lean_on() -> None:
    """`x.data["name"]` raises where an event lacks it: such an event of a file counts as garbled."""
    rooms = ("verdict", "results", "report", "figures", "tables", "gate")
    leaned_on = {
        key.value
        for path, tree in TREES.items()
        if path.relative_to(HOME).parts[1] in rooms
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(".data")
        for key in [node.slice]
        if isinstance(key, ast.Constant)
    }
    assert len(leaned_on) > 5
    assert leaned_on - {"old"} <= vocabulary.READ, "`old` is asked for first"
