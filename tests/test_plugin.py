"""The pytest plugin without a guest: marker, options, assertions, and what it says where guests cannot run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtRequest, Record, RestartUDriver, Trial
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.template import Template
from faultkit.model.errors import GuestLost, HarnessError, NotPlaced
from faultkit.pytest_plugin.guests import PreparedGuest, Ran, Session, finished
from faultkit.pytest_plugin.stories import free
from faultkit.verdict.judge import judge
from injectors.udriver.hang import Hang
from injectors.udriver.kill import Kill
from tests.plugin import OPTIONS
from tests.records import RESTORED, a_row

pytest_plugins = "pytester"

NEEDS_A_GUEST = """
    import pytest
    from drivers.nbd import Nbd, VerifiedIO

    @pytest.mark.faultkit(driver=Nbd(), workload=VerifiedIO())
    def test_it(faultkit_guest):
        faultkit_guest.run()
"""


@pytest.fixture
def without_qemu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which no program is found."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("without_qemu")
def test_where_guests_cannot_run_tests_are_skipped_with_the_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NEEDS_A_GUEST)
    result = pytester.runpytest_subprocess(*OPTIONS, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*guests cannot run here: QEMU: *apt-get install qemu-system-x86*"])


@pytest.mark.usefixtures("without_qemu")
def test_where_guests_are_required_their_absence_is_a_failure(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NEEDS_A_GUEST)
    result = pytester.runpytest_subprocess(*OPTIONS, "--faultkit-require")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*guests cannot run here: QEMU: *"])


def test_a_test_without_a_marker_is_told_what_it_needs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(faultkit_guest): pass")
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*faultkit_guest needs @pytest.mark.faultkit(driver=..., workload=...)*"])


def test_the_marker_is_listed(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(*OPTIONS, "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.faultkit(driver, workload, *"])


def test_outcomes_are_compared_by_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from faultkit import Outcome

        def test_it():
            assert Outcome.LOST <= Outcome.RECOVERED
        """
    )
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *assert LOST <= RECOVERED", "E *from mildest to worst: INACTIVE, MASKED, *"])


def a_session(place: Path) -> Session:
    """A session whose image is nowhere."""
    return Session(Image(place, "none", "none", (0, 0)))


@pytest.fixture
def guest(tmp_path: Path) -> PreparedGuest:
    """A guest that nobody boots."""
    return a_session(tmp_path).guest(driver=Nbd(), workload=VerifiedIO(), parts=(Kill(),))


def test_faults_that_the_marker_names_share_a_template(guest: PreparedGuest) -> None:
    golden = guest.group_of(guest.golden).parts.keys()
    assert guest.group_of(guest.planned(fault=Kill(), trigger=AtRequest(3))).parts.keys() == golden
    assert guest.group_of(guest.planned(policy=RestartUDriver())).parts.keys() == golden
    assert guest.group_of(guest.planned(fault=Hang(), trigger=AtRequest(3))).parts.keys() > golden


def test_a_guest_with_a_base_runs_every_trial_on_it(guest: PreparedGuest) -> None:
    other = replace(guest, base=guest.group_of(guest.golden))
    assert other.group_of(other.planned(fault=Hang(), trigger=AtRequest(3))) is other.base


@pytest.mark.parametrize(
    ("failures", "attempts"),
    [([GuestLost("gone")] * 2, 3), ([GuestLost("gone")] * 3, 3), ([NotPlaced("nowhere")], 1)],
)
def test_a_lost_guest_is_tried_again_and_a_fault_without_a_place_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failures: list[HarnessError], attempts: int
) -> None:
    record, left, tried = a_row(0, *RESTORED).record, list(failures), []
    assert record is not None

    def run_trial(base: Template, trial: Trial) -> Record:
        tried.append(trial)
        if left:
            raise left.pop()
        return record

    monkeypatch.setattr("faultkit.pytest_plugin.guests.run_trial", run_trial)
    base = Template(tmp_path, "key", Machine(), Image(tmp_path, "none", "none", (0, 0)))
    if len(failures) == 2:
        assert finished(base, 7, record.trial).row.attempts == 3
    else:
        with pytest.raises(type(failures[0])):
            finished(base, 7, record.trial)
    assert len(tried) == attempts


def test_a_setting_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="polcy"):
        Session(Image(tmp_path, "none", "none", (0, 0))).guest(
            driver=Nbd(), workload=VerifiedIO(), polcy=RestartUDriver()
        )


def test_events_are_counted_and_the_first_is_found_or_missed_by_name() -> None:
    row = a_row(0, *RESTORED)
    assert row.record is not None
    ran = Ran(row, row.record, judge(row.record))
    assert ran.count("error.detected") == ran.count("error.detected", by="pidfd") == 1
    assert ran.first("service.restored") is RESTORED[-1]
    assert not ran.count("error.detected", by="heartbeat")
    with pytest.raises(AssertionError, match=r"no error\.detected \{'by': 'heartbeat'\} in <trial 0: kill"):
        ran.first("error.detected", by="heartbeat")


def test_what_is_kept_overwrites_nothing(tmp_path: Path) -> None:
    place = tmp_path / "test_it"
    assert free(place) == place
    place.mkdir()
    (tmp_path / "test_it-2").mkdir()
    assert free(place) == tmp_path / "test_it-3"
