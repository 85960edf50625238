"""The kernel's reports of fifty bad deeds: each is found, has its kind, and blames the function that did the deed."""

from __future__ import annotations

import pytest

from faultkit.machine.image import Image
from tests.guest.provoked import GUESTS, agree, console_of, told

pytestmark = pytest.mark.guest


@pytest.mark.parametrize("name", GUESTS)
def test_each_deed_is_told_of_as_it_is(image: Image, name: str) -> None:
    console = console_of(name, image)
    found, deeds = told(console), GUESTS[name][1]
    assert {*found} - {"end"} == {*deeds}
    assert not found.get("end")
    for deed, expected in deeds.items():
        assert agree(found[deed], expected), (deed, found[deed])
