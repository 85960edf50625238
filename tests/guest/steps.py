"""Steps that a microdriver of ours takes, and what came of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faultkit import Detectors, Nothing, Trial
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from monitors.kernel import Kernel


def undisturbed(driver: Any, workload: Any) -> Trial:
    """A trial whose steps nothing comes between, not even a heartbeat."""
    quiet = Detectors(beat_s=1000.0)
    return Trial(driver=driver, workload=workload, policy=Nothing(), monitors=(Kernel(),), detectors=quiet, seed=1)


def play(bed: PreparedGuest, *steps: str, warns: int = 0) -> tuple[Ran, list[tuple[str, int, str]]]:
    """These steps, and of each its error and what was found. The kernel has found nothing wrong but `warns` times."""
    asking: Any = bed.golden.workload
    ran = bed.run(workload=replace(asking, steps=steps))
    done = [(e.data["step"], e.data["error"], e.data["said"]) for e in ran.events("step.done")]
    assert [step for step, _, _ in done] == list(steps), ran.story()
    assert ran.count("kernel.warn") == warns, ran.story()
    assert not {e.kind for e in ran.record.events} & {"kernel.oops", "kernel.lockup", "kernel.hung_task"}
    return ran, done


def said(bed: PreparedGuest, *steps: str) -> list[str]:
    """The findings of steps that succeed."""
    _, done = play(bed, *steps)
    assert not [step for step in done if step[1]]
    return [words for _, _, words in done]


def last(bed: PreparedGuest, *steps: str) -> str:
    """The finding of the last step."""
    return said(bed, *steps)[-1]


def expelled(ran: Ran) -> list[str]:
    """The runtime's messages about u-drivers that it expelled."""
    texts = [e.data["text"] for e in ran.events("kernel.message")]
    return [text.partition("is expelled, ")[2] for text in texts if "is expelled" in text]
