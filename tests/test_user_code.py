"""The beginnings of machine instructions in a process."""

from __future__ import annotations

import pytest

from faultkit.model.errors import NotPlaced
from injectors.tools.user_code import start_within

CODE = bytes.fromhex("f30f1efa 53 4889fb 4885ff 7402 0f1f440000 c5fd6f07 5b c3")  # endbr64 to ret
STARTS = (0, 4, 5, 8, 11, 13, 18, 22, 23)


@pytest.mark.parametrize("offset", range(len(CODE)))
def test_each_byte_belongs_to_the_instruction_that_begins_last_before_it(offset: int) -> None:
    assert start_within(CODE, offset) == max(start for start in STARTS if start <= offset)


def test_bytes_that_are_no_instruction_are_refused() -> None:
    with pytest.raises(NotPlaced, match="the bytes 06ff are no instruction"):
        start_within(bytes.fromhex("53 06ff"), 2)
