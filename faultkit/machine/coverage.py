"""The set of the k-driver's instructions that a golden trial executes.

QEMU translates a block of guest code when it is first executed, and a fork begins with nothing translated. So its log
of what it translates, of one golden fork, is the exact set of blocks that the workload makes the driver execute, and
costs the guest nothing. What only a recovery, another workload or another seed executes is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from faultkit.machine.decoder import instructions
from faultkit.machine.qemu import Files, Guest, Machine, Stop
from faultkit.model.code import Function, ModuleCode
from faultkit.model.codec import dumps
from faultkit.model.errors import HarnessError
from faultkit.model.mailbox import State
from faultkit.model.trial import Trial

LIMIT_S = 120.0
PADDING = ("nop", "int3")


def executed(machine: Machine, files: Files, state: Path, golden: Trial, ranges: tuple[range, ...]) -> frozenset[int]:
    """The addresses of instructions in these ranges that a golden trial on a fork executes. Raises: HarnessError."""
    with Guest(machine, files, fork_of=state, trace=ranges) as guest:
        guest.load()
        guest.mailbox.put(State.RUNNING, dumps(golden))
        stop = guest.run(LIMIT_S)
        if stop is not Stop.MAILBOX or guest.mailbox.state is not State.DONE:
            raise HarnessError(f"a trial without a fault does not reach its end ({stop.value})")
        return guest.executed()


def by_function(code: ModuleCode) -> Mapping[str, tuple[int, int]]:
    """Function -> how many instructions it has, without padding, and how many of them a golden trial executes."""
    known = code.executed or frozenset()
    addresses = {function.name: instruction_addresses(function) for function in code.functions}
    return {name: (len(found), len(found & known)) for name, found in addresses.items() if found}


def instruction_addresses(function: Function) -> frozenset[int]:
    """The addresses of a function's instructions."""
    found = instructions(function.code, function.address)
    return frozenset(address for address, _, mnemonic, _ in found if mnemonic not in PADDING)
