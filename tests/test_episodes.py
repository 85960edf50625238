"""A trial's errors one by one, and the phases of their recoveries."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from faultkit.model import actions
from faultkit.model.events import Event
from faultkit.verdict.episodes import PHASES, Phase, all_phases, episodes
from tests.records import EVENTS_OF, MS, RESTORED, at

GONE = "the u-driver is gone"


def kill(ms: float) -> tuple[Event, ...]:
    """A kill that recovery mends within 40 ms."""
    return (
        at(ms, "fault.injected"),
        at(ms, "fault.activated"),
        at(ms + 1, "error.detected", by="pidfd", what=GONE),
        at(ms + 1, "error.detected", by="requests", what="3 block requests failed"),
        *attempt(ms + 5, "restart", stop_udriver=1, start_udriver=20, reattach=3, probe=2),
        at(ms + 40, "service.restored"),
    )


def attempt(ms: float, action: str, ok: bool = True, **lengths_ms: float) -> list[Event]:
    """An attempt whose steps take so long; it fails in the last of them unless `ok`."""
    events = [at(ms, "recovery.started", action=action)]
    for step, length_ms in lengths_ms.items():
        events.append(at(ms, "recovery.step", step=step))
        ms += length_ms
    return [*events, at(ms, "recovery.finished", action=action, ok=ok, error=None if ok else "x")]


def spans(events: list[Event]) -> list[tuple[int, int, str, float, bool]]:
    """The phases in milliseconds."""
    return [(p.episode, p.attempt, p.phase, p.duration_ns / MS, p.complete) for p in all_phases(events)]


def test_without_trouble_there_is_no_episode() -> None:
    assert episodes([at(1, "request.completed", n=1)]) == [] == all_phases([at(1, "request.completed", n=1)])


def test_every_detector_of_an_episode_is_kept() -> None:
    (episode,) = episodes(kill(10))
    assert [e.data["by"] for e in episode.detections] == ["pidfd", "requests"]
    assert episode.activated == at(10, "fault.activated")
    assert episode.end == at(50, "service.restored")
    assert not episode.failed


def test_a_fault_that_is_put_in_again_is_another_episode() -> None:
    found = episodes([*kill(10), *kill(1000), *kill(2000)])
    assert [e.activated.t_ns // MS for e in found if e.activated] == [10, 1000, 2000]
    assert all(len(e.detections) == 2 for e in found)


def test_a_fault_that_nobody_noticed_is_not_mixed_up_with_the_next() -> None:
    unnoticed = (at(1, "fault.injected"), at(2, "fault.activated"), at(3, "request.failed", n=1))
    first, second = episodes([*unnoticed, *kill(10)])
    assert first.failed and not first.detections and first.end is None
    assert len(second.detections) == 2 and not second.failed


def test_many_activations_of_one_injection_are_one_episode() -> None:
    events = [at(1, "fault.injected"), *(at(n, "fault.activated") for n in range(2, 9)), *RESTORED[2:]]
    (episode,) = episodes(events)
    assert episode.activated == at(2, "fault.activated") and len(episode.detections) == 1


def test_what_the_workload_sees_late_belongs_to_the_episode_before() -> None:
    (episode,) = episodes([*kill(10), at(60, "request.failed", n=4)])
    assert episode.failed


def test_a_failure_out_of_nothing_is_an_episode() -> None:
    (detected,) = episodes([at(5, "error.detected", by="heartbeat", what="x"), at(9, "error.gone")])
    assert detected.activated is None and detected.end == at(9, "error.gone")
    (seen,) = episodes([at(5, "request.failed", n=1)])
    assert seen.failed and not seen.detections


def test_a_restart_has_its_phases() -> None:
    events = [*kill(10), at(45, "request.completed", n=7), at(90, "workload.finished")]
    assert spans(events) == [
        (0, 0, "detected", 1, True),
        (0, 1, "waited", 4, True),
        (0, 1, "quiesced", 1, True),
        (0, 1, "loaded", 20, True),
        (0, 1, "state_back", 3, True),
        (0, 1, "answering", 2, True),
        (0, 1, "first_byte", 6, True),
        (0, 0, "recovered", 39, True),
    ]


def test_steps_of_one_phase_are_added_up() -> None:
    steps = {"detach": 1, "unload": 2, "stop_udriver": 3, "start_udriver": 4, "load": 5, "attach": 6, "restore": 7}
    events = [*RESTORED[1:3], *attempt(12, "both", **steps, probe=8), at(60, "service.restored")]
    assert {p: ms for _, k, p, ms, _ in spans(events) if k and p not in ("waited", "first_byte")} == {
        "quiesced": 4, "unloaded": 2, "loaded": 9, "state_back": 13, "answering": 8,
    }  # fmt: skip


def test_steps_of_a_drivers_own_are_a_phase_of_their_own() -> None:
    steps = {"detach": 1, "unbind": 2, "bind": 3, "attach": 4}
    events = [*RESTORED[1:3], *attempt(12, "rebind", **steps, probe=8), at(60, "service.restored")]
    assert {p: ms for _, k, p, ms, _ in spans(events) if k and p not in ("waited", "first_byte")} == {
        "quiesced": 1, "mended": 5, "state_back": 4, "answering": 8,
    }  # fmt: skip


def test_what_failed_is_censored_and_not_dropped() -> None:
    events = [
        *RESTORED[1:3],
        *attempt(20, "reload", ok=False, detach=5, unload=3000),
        *attempt(4000, "reload", ok=False, detach=7),
        at(4010, "recovery.gave_up"),
    ]
    assert spans(events) == [
        (0, 0, "detected", 1, True),
        (0, 1, "waited", 8, True),
        (0, 1, "quiesced", 5, True),
        (0, 1, "unloaded", 3000, False),
        (0, 2, "waited", 975, True),
        (0, 2, "quiesced", 7, False),
        (0, 0, "recovered", 3998, False),
    ]


def test_a_recovery_that_the_trial_outran_is_censored_at_its_end() -> None:
    events = [*RESTORED[1:3], *attempt(20, "restart", stop_udriver=5)[:-1], at(100, "guest.panicked")]
    assert spans(events)[-2:] == [(0, 1, "quiesced", 80, False), (0, 0, "recovered", 88, False)]


def test_a_service_that_answers_and_serves_nobody_has_no_first_byte() -> None:
    waiting, over = ([*kill(10), at(ms, "workload.finished"), at(300, "trial.finished")] for ms in (200, 30))
    assert (0, 1, "first_byte", 161, False) in spans(waiting)
    assert not any(phase == "first_byte" for _, _, phase, _, _ in spans(over)), "nobody asked any more"


def test_an_error_that_is_gone_by_itself_was_not_recovered() -> None:
    events = [at(5, "fault.activated"), at(9, "error.detected", by="heartbeat", what="x"), at(12, "error.gone")]
    assert spans(events) == [(0, 0, "detected", 4, True)]


@given(st.lists(st.sampled_from(sorted(EVENTS_OF)), max_size=4))
def test_phases_are_known_by_name_and_never_negative(names: list[str]) -> None:
    events = [replace(e, t_ns=e.t_ns + n * 10_000 * MS) for n, name in enumerate(names) for e in EVENTS_OF[name]]
    for phase in all_phases(events):
        assert isinstance(phase, Phase) and phase.phase in PHASES and phase.duration_ns >= 0
    assert sum(len(episode.events) for episode in episodes(events)) <= len(events)


def test_every_step_of_recovery_belongs_to_a_phase_and_phases_are_in_order() -> None:
    phases = [step.phase for step in actions.STEPS.values()]
    assert [*dict.fromkeys(phases)] == [phase for phase in actions.PHASES if phase != "mended"]
    assert [*PHASES] == ["detected", "waited", *actions.PHASES, "first_byte", "recovered"]
