"""The defects: each a small, likely mistake, and the test files that should find it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defect:
    """A file, the text that stands there once, the mistaken text, and the test files to run."""

    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.right} -> {self.wrong}"


VERDICT, GATE, MODEL, STATISTICS = "faultkit/verdict", "faultkit/gate", "faultkit/model", "faultkit/statistics"
TABLE: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    (f"{VERDICT}/judge.py", "judge outcomes old_stores"): (
        ("decided.outcome >= Outcome.LOST:", "decided.outcome > Outcome.LOST:"),
        ("if record.trial.fault is not None and not activated:", "if not activated:"),
        ('["latency_ns"] > late_ns)', '["latency_ns"] > 2 * late_ns)'),
        ("record.trial.workload.late_s * 1e9", "record.trial.workload.late_s * 1e6"),
        ("recovery_ns=between(mended.detected, mended.end)", "recovery_ns=between(told.detected, mended.end)"),
        ("undetected=sum(not episode.detections", "undetected=sum(bool(episode.detections)"),
        ("manifested=decided.outcome > Outcome.MASKED", "manifested=decided.outcome >= Outcome.MASKED"),
    ),
    (f"{VERDICT}/episodes.py", "episodes judge recoveries"): (
        ("and own:\n                yield", "and not own:\n                yield"),
        ("is_open = is_open and event.kind not in ENDS", "is_open = is_open"),
        ("waits_since = spans.end_ns", "waits_since = known.t_ns"),
    ),
    (f"{MODEL}/policies.py", "policies attempt agent"): (
        ("if action != GIVE_UP), GIVE_UP)", "if action != GIVE_UP), None)"),
    ),
    (f"{MODEL}/attempts.py", "policies attempt agent"): (
        ("2 ** (so_far - 1)", "2 ** so_far"),
        ("so_far >= self.limit", "so_far > self.limit"),
        ("+ delay_s > self.budget_s", "> self.budget_s"),
        ("known_ns[-1]) / 1e9", "known_ns[0]) / 1e9"),
    ),
    (f"{MODEL}/triggers.py", "triggers"): (
        ("if n != self.times:", "if n < self.times:"),
        ("0 < self.probability <= 1:", "0 < self.probability < 1:"),
        ("bench.at_request(self.nth, fire)", "bench.at_request(self.nth + 1, fire)"),
    ),
    (f"{MODEL}/mailbox.py", "mailbox"): (
        ("else RAW - LAST):", "else SIZE):"),
        ("self._log += len(line)", "self._log += len(line) - 1"),
        ("if start + len(block) > SIZE:", "if start > SIZE:"),
        ("self._log = self._raw = 0\n        struct", "self._log = 0\n        struct"),
    ),
    (f"{STATISTICS}/rates.py", "stats published"): (
        ("tail = (1 - confidence) / 2", "tail = 1 - confidence"),
        ("betaincinv(k + 1, n - k, 1 - tail)", "betaincinv(k, n - k, 1 - tail)"),
        ("if not 0 <= k <= n:", "if not 0 <= k:"),
    ),
    (f"{STATISTICS}/differences.py", "differences"): (
        ("(1 + confidence) / 2", "confidence"),
        (
            "low = p1 - p2 - math.hypot(p1 - one.low, two.high - p2)",
            "low = p1 - p2 - math.hypot(p1 - one.low, p2 - two.low)",
        ),
        ("discordant = only_first + only_second", "discordant = max(only_first, only_second)"),
    ),
    ("faultkit/machine/cache.py", "cache"): (
        ('half.name[1:].rpartition("-")[0]', 'half.name.rpartition("-")[0]'),
        ("fcntl.LOCK_EX | fcntl.LOCK_NB)\n    except", "fcntl.LOCK_SH | fcntl.LOCK_NB)\n    except"),
        ('len(data).to_bytes(8, "little") + data', "data"),
    ),
    ("faultkit/machine/payload.py", "shipped_programs cache machine initramfs"): (
        ("> LARGEST_BYTES:", "> 2 * LARGEST_BYTES:"),
        ("0o755 if name in programs", "0o644 if name in programs"),
    ),
    ("faultkit/machine/gdbstub.py", "gdbstub"): (("% 256", "% 255"),),
    ("faultkit/machine/initramfs.py", "initramfs"): (("bytes(-len(data) % 4)", "bytes(-len(data) % 2)"),),
    ("faultkit/guest/recovery.py", "attempt agent"): (
        ("if self.abandoned:\n            return", "if self.abandoned and not name:\n            return"),
        ('self.watchers if name == "unload" else ()', 'self.watchers if name == "load" else ()'),
        ("self.error = words_of(reason, of_system=True)", "self.error = None"),
    ),
    ("faultkit/store/store.py", "store"): (
        ("self._db.rollback()\n                raise", "self._db.commit()\n                raise"),
        ("SELECT key, value FROM meta", "SELECT key, value FROM meta LIMIT 9"),
        ("INSERT OR REPLACE INTO meta", "INSERT OR IGNORE INTO meta"),
    ),
    ("faultkit/results/compare.py", "compare"): (
        ("return first, len(self.discordant) - first", "return len(self.discordant) - first, first"),
        ('return "inactive" if self.outcome is Outcome.INACTIVE else None', "return None"),
        ("alone = len(one.keys() ^ two.keys())", "alone = len(one.keys() - two.keys())"),
    ),
    (f"{GATE}/clauses.py", "gate_language gate_rules gate_cli gate_reports"): (
        ("needed - found, 'more trial'", "needed, 'more trial'"),
        ("len(trials) > at_most else", "len(trials) >= at_most else"),
    ),
    ("monitors/requests.py", "monitor_decoders guest/test_monitors"): (
        ("new, self._told = failed - self._told, failed", "new, self._told = failed, failed"),
        ('"op": chr(op)} if op else', '"op": str(op)} if op else'),
    ),
    ("monitors/process.py", "monitor_decoders guest/test_monitors"): (("value >> 8 & 0xFF", "value & 0xFF"),),
    ("injectors/tools/process_memory.py", "process_memory guest/test_udriver_faults"): (
        ('m.access.startswith("rw") and m.name in ("", "[heap]")', 'm.access.startswith("rw") and m.name in ("",)'),
    ),
    ("injectors/tools/calls.py", "calls"): (
        ("if at == ONE and named:", "if at == ONE:"),
        ("call.address + call.size - module.base", "call.address - module.base"),
        ("0 < fault.probability <= 1", "0 <= fault.probability <= 1"),
        ("[fault.draw * len(found) >> 64]", "[fault.draw * len(found) >> 65]"),
    ),
    ("faultkit/results/availability.py", "availability"): (
        ("(1 - lost) * self.back_s + lost", "self.back_s + lost"),
        ("(between_s + mean_s)", "between_s"),
    ),
    ("faultkit/results/alignment.py", "alignment"): (
        ('if tag == "equal":', 'if tag != "delete":'),
        ("self.second.t_ns - self.first.t_ns", "self.first.t_ns - self.second.t_ns"),
    ),
    ("faultkit/results/signatures.py", "signatures"): (
        ("lines[-EXCERPT_LINES:]", "lines[:EXCERPT_LINES]"),
        ("COPY.sub('', function)", "function"),
    ),
    (f"{VERDICT}/strata.py", "strata"): (("if len(found) == 1 else", "if found else"),),
    ("faultkit/machine/callsites.py", "callsites"): (
        ('tail=mnemonic != "call"', 'tail=mnemonic == "jmp"'),
        ("return None if name in TRACING_HOOKS else name", "return name"),
    ),
    ("faultkit/running/minimise.py", "minimise"): (
        ("max(pieces - 1, 2)", "2"),
        ("len(kept) * n // pieces", "len(kept) // pieces * n"),
        ("if expected <= Outcome.MASKED:", "if expected < Outcome.MASKED:"),
    ),
    (f"{GATE}/shares.py", "gate_rules gate_cli gate_reports"): (
        ("measure.counts(trial) is not self.at_least", "measure.counts(trial) is self.at_least"),
        ("(1 - bounds[1], 1 - bounds[0])", "(1 - bounds[0], 1 - bounds[1])"),
    ),
    (f"{MODEL}/codec.py", "codec"): (
        ("return tuple(decode(item, find) for item in data)", "return [decode(item, find) for item in data]"),
    ),
    ("faultkit/results/summary.py", "summary cli_json"): (
        (
            "counts.get(outcome.name, 0) for outcome in SURVIVED), activated",
            "counts.get(outcome.name, 0) for outcome in SURVIVED), sum(counts.values())",
        ),
    ),
}


def defects() -> Iterator[Defect]:
    """All of them, in the table's order."""
    for (file, tests), mistakes in TABLE.items():
        for right, wrong in mistakes:
            yield Defect(file, right, wrong, tuple(map(file_of, tests.split())))


def file_of(test: str) -> str:
    """A test file by its short name: `judge`, or `guest/test_monitors`."""
    return f"tests/{test}.py" if "/" in test else f"tests/test_{test}.py"
