"""The table of outcomes: their meaning, their evidence, and their looks in terminals, charts and the dashboard.

One more outcome is a member of `faultkit.model.events.Outcome`, a row here and a check in `faultkit.verdict.judge`.
Everything that lists or draws outcomes reads this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faultkit.model.events import Outcome

BLACK, WHITE = "#1d1f23", "#ffffff"
HATCH, LIGHT_HATCH = "var(--hatch)", "var(--hatch-light)"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A texture that tells colours apart without colour vision: as plotly names it, and as a CSS background."""

    plotly: str = ""
    css: str = ""


def stripes(plotly: str, degrees: str, gap_px: float, width_px: float, colour: str) -> Pattern:
    """Parallel lines of one width; `degrees` may hold several directions, for a grid."""
    lines = f"transparent 0 {gap_px:g}px, {colour} {gap_px:g}px {gap_px + width_px:g}px"
    return Pattern(plotly, ", ".join(f"repeating-linear-gradient({angle}deg, {lines})" for angle in degrees.split()))


PLAIN = Pattern()
DOTS = Pattern(".", f"radial-gradient({HATCH} 1px, transparent 1.2px) 0 0 / 5px 5px")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeTraits:
    """One outcome's meaning, its consequences for the figures, and its looks."""

    meaning: str
    evidence: str  # in a record, that the judge goes by
    survived: bool = False  # counts as a success
    down: bool = False  # the service had not come back when the trial ended
    final: bool = False  # no longer wait would have brought the service back
    narrow: str = ""  # the name in two lines, where a column is narrow; "" for a short name
    style: str  # in a terminal, as rich names it
    colour: str  # on the page and in charts
    dark: str  # on a dark page
    ink: str = WHITE  # of text on the colour
    dark_ink: str = ""  # of text on the dark colour, if it is another
    pattern: Pattern = PLAIN


ENTRIES: Mapping[Outcome, OutcomeTraits] = {
    Outcome.INACTIVE: OutcomeTraits(
        meaning="placed, never activated: no evidence either way",
        evidence="there is a fault, no `fault.activated`, and nothing LOST or worse",
        narrow="INAC-\nTIVE", style="dim",
        colour="#d9d9d4", dark="#474c53", ink=BLACK, dark_ink="#e7e8e6", pattern=DOTS,
    ),
    Outcome.MASKED: OutcomeTraits(
        meaning="the service stayed correct; no recovery was needed",
        evidence="none of the below",
        survived=True,
        style="green",
        colour="#b4d8ea", dark="#8cbfd8", ink="#10303f", dark_ink="#0d2530",
    ),
    Outcome.RECOVERED: OutcomeTraits(
        meaning="recovery ran; the workload saw nothing but delay",
        evidence="`service.restored`",
        survived=True,
        narrow="RECOV-\nERED", style="green",
        colour="#2f76a8", dark="#3a83b5",
    ),
    Outcome.DISRUPTED: OutcomeTraits(
        meaning="the service came back, but after an error or late",
        evidence="`request.failed`, or a request completed later than the workload's `late_s`",
        narrow="DIS-\nRUPTED", style="yellow",
        colour="#f3d067", dark="#e3c25a", ink="#3a2d00", pattern=stripes("/", "45", 5, 1, HATCH),
    ),
    Outcome.LOST: OutcomeTraits(
        meaning="the service ended and said so; the kernel lives",
        evidence="`workload.gave_up`, `recovery.gave_up` or `check.failed`",
        down=True, final=True,
        style="bright_yellow",
        colour="#ee9c4d", dark="#e09148", ink="#3b1e00", pattern=stripes("\\", "-45", 4, 1.4, HATCH),
    ),
    Outcome.HUNG: OutcomeTraits(
        meaning="requests neither complete nor fail; the kernel lives",
        evidence="`request.stuck`: open at the deadline, or no request for a second and no end",
        down=True,
        style="red",
        colour="#d1552f", dark="#cf5733", pattern=stripes("-", "0", 4, 1, LIGHT_HATCH),
    ),
    Outcome.CRASHED: OutcomeTraits(
        meaning="kernel oops, panic, lockup or spoilt memory",
        evidence="`kernel.oops`, `kernel.lockup` or `kernel.panic`; a `kernel.warn` of KFENCE, KASAN, KMSAN, "
        "the slab's or the pages' checks; or the guest did not end by itself",
        down=True, final=True,
        narrow="CRA-\nSHED", style="bold red",
        colour="#9c1c31", dark="#b5283f", pattern=stripes("x", "45 -45", 4, 1, LIGHT_HATCH),
    ),
    Outcome.CORRUPT: OutcomeTraits(
        meaning="wrong data handed over as right, or acknowledged data lost",
        evidence="`read.mismatched`, or `guest.client_died`",
        narrow="COR-\nRUPT", style="bold magenta",
        colour="#54195f", dark="#8b4a9c", pattern=stripes("|", "90", 3, 1, LIGHT_HATCH),
    ),
}  # fmt: skip

SURVIVED = tuple(outcome for outcome in Outcome if ENTRIES[outcome].survived)
DOWN = tuple(outcome for outcome in Outcome if ENTRIES[outcome].down)
FINAL = tuple(outcome for outcome in Outcome if ENTRIES[outcome].final)
FAILED = tuple(outcome for outcome in Outcome if outcome >= Outcome.LOST)
