"""The facts of the guest's processor, and faults that are made for another one."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from faultkit.machine.image import Image, headers_version
from faultkit.machine.qemu import Machine
from faultkit.machine.template import blueprint
from faultkit.model import processor
from faultkit.model.errors import UnmetNeed
from faultkit.model.parts import NeedsProcessor
from injectors.kdriver.text import Text
from injectors.several import Several
from injectors.udriver.kill import Kill
from tests.records import a_trial

HEADERS = Path("/usr/include")


@dataclass(frozen=True, slots=True)
class ForAnother(Kill):
    """A fault whose machine code is another processor's."""

    needs: ClassVar[str] = "arm64"


@pytest.mark.parametrize("fault", [ForAnother(), Several((Kill(), ForAnother()))])
def test_a_fault_for_another_processor_is_refused_before_anything_is_built(fault: Kill | Several) -> None:
    image = Image(Path("nowhere"), headers_version(), "none", (0, 0))
    with pytest.raises(UnmetNeed, match=r":ForAnother is made for arm64, and the guest is x86_64$") as refused:
        blueprint(a_trial(), image, Machine(), [fault])
    assert refused.value.exit_code == 4


def test_faults_in_machine_code_are_made_for_the_guests_processor() -> None:
    assert isinstance(Text("nop"), NeedsProcessor) and Text("nop").needs == processor.NAME
    assert not isinstance(Kill(), NeedsProcessor)


def test_roles_are_registers_that_there_are() -> None:
    of_users, general = set(processor.USER_REGISTERS), set(processor.REGISTERS)
    assert general <= of_users and len(general) == 17
    assert {processor.PROGRAM_COUNTER, processor.STACK_POINTER, *processor.CALL_ARGUMENTS} <= general
    assert general - set(processor.CALL_ARGUMENTS) >= processor.KEPT_BY_CALLS
    assert {processor.SYSTEM_CALL_NUMBER, processor.SYSTEM_CALL_RESULT, *processor.SYSTEM_CALL_ARGUMENTS} <= of_users


@pytest.mark.skipif(platform.machine() != processor.NAME, reason="the headers here are another processor's")
def test_numbers_of_system_calls_are_the_kernels() -> None:
    headers = [*HEADERS.glob("*/asm/unistd_64.h"), *HEADERS.glob("asm/unistd_64.h")]
    text = headers[0].read_text()
    for name, number in processor.SYSTEM_CALLS.items():
        assert f"#define __NR_{name} {number}\n" in text
