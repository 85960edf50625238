"""Data that workloads move and compare."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.guest.work import NOISE_BYTES, SEED_BYTES
from faultkit.kit import seeded_bytes

SEEDS = st.integers(0, 2**64 - 1)


@given(SEEDS, st.integers(0, 3 * NOISE_BYTES))
def test_there_are_as_many_as_asked_for_and_they_begin_with_the_seed(seed: int, length: int) -> None:
    data = seeded_bytes(seed, length)
    assert len(data) == length and data == seeded_bytes(seed, length)
    assert data[:SEED_BYTES] == seed.to_bytes(SEED_BYTES, "little")[:length]


@given(SEEDS, SEEDS, st.integers(8, 20_000))
def test_two_seeds_have_other_bytes(one: int, two: int, length: int) -> None:
    assert (seeded_bytes(one, length) == seeded_bytes(two, length)) == (one == two)


def test_seeds_in_a_row_have_noise_that_agrees_by_chance_alone() -> None:
    for step in (1, 2, 16, 256, 4096, 65536):
        first, second = (seeded_bytes(n * step, 4096)[SEED_BYTES:] for n in (5, 6))
        assert sum(a == b for a, b in zip(first, second, strict=True)) < 64, "16 of 4096 are to be expected"


@given(SEEDS, st.data())
def test_a_piece_that_is_moved_lost_or_doubled_is_noticed(seed: int, data: st.DataObject) -> None:
    whole = seeded_bytes(seed, 8192)
    at, size = data.draw(st.integers(0, 8000)), data.draw(st.integers(1, 1500))
    piece = whole[at : at + size]
    assert whole[:at] + whole[at + size :] + bytes(len(piece)) != whole or not any(piece)
    other = data.draw(st.integers(0, 6000))
    if other != at and len(piece) >= 16:
        assert whole[other : other + len(piece)] != piece


def test_the_noise_is_the_same_in_every_version_of_python_and_has_all_bytes_alike() -> None:
    data = seeded_bytes(7, 40_000)
    assert data[8:24] == random.Random(0).randbytes(NOISE_BYTES)[7:23]
    assert data[8:24].hex() == "62ac4c09c28206e7e35594aa6b342f5d"
    counts = [data.count(bytes([value])) for value in range(256)]
    assert min(counts) > 100 and max(counts) < 220


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_other_seeds_are_refused(seed: int) -> None:
    with pytest.raises(OverflowError):
        seeded_bytes(seed, 16)
