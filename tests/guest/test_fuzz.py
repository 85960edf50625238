"""A fuzzer from inside a guest, for half a minute; `python -m tests.fuzz guests` runs it for hours."""

from __future__ import annotations

import time

import pytest

from faultkit.machine.image import Image
from faultkit.model.errors import HarnessError
from faultkit.running.trial import run_trial
from tests.fuzz import guests
from tests.fuzz.running import draw_of, run_case, run_for

pytestmark = pytest.mark.guest
SECONDS = 30.0
FOUND: tuple[tuple[int, int], ...] = ()  # seed and number of cases that failed once


def test_whatever_a_guest_says_its_trial_has_a_verdict_or_a_reason(image: Image) -> None:
    del image  # without one it is skipped
    guests.prepared()
    done: list[int] = []
    start = time.monotonic()
    assert [failed.why for failed in run_for(guests, 1, SECONDS, tell=done.append)] == []
    assert len(done) > SECONDS / 10
    print(f"{len(done)} trials in {time.monotonic() - start:.0f} s")


def told(seed: int) -> object:
    """The events and the console of a fuzzed trial, or the reason for which it is void."""
    try:
        record = run_trial(guests.prepared(), guests.a_trial(seed, draw_of(1, seed)), guests.LIMIT_S)
    except HarnessError as reason:
        return str(reason)
    return record.events, record.console


def test_the_same_draws_are_the_same_trial(image: Image) -> None:
    del image
    assert [told(seed) for seed in range(1, 5)] == [told(seed) for seed in range(1, 5)]


@pytest.mark.parametrize(("seed", "n"), FOUND)
def test_what_was_found_once_is_mended(image: Image, seed: int, n: int) -> None:
    del image
    assert run_case(guests, seed, n) is None
