"""Exit codes, environment and files of all commands, for the help, the manual and scripts."""

from __future__ import annotations

from collections.abc import Mapping

EXIT_CODES: Mapping[str, str] = {
    "0": "done; the gate is met",
    "1": "the gate is not met",
    "2": "usage error: the command cannot be carried out as typed",
    "3": "the gate is inconclusive: too few trials to tell",
    "4": "this machine cannot run it; `faultkit doctor` shows the reason",
    "5": "harness error: faultkit or QEMU went wrong, or more than 5 % of the trials are void",
    "130": "interrupted; the trials that have ended are stored",
}
ENVIRONMENT: Mapping[str, str] = {
    "FAULTKIT_CACHE": "the directory of guests and templates (default: $XDG_CACHE_HOME/faultkit, or ~/.cache/faultkit)",
    "FAULTKIT_CACHE_LIMIT": "how large the cache may grow, such as 500M or 50G (default: 20G)",
    "NO_COLOR": "if set to anything: no colours",
    "FORCE_COLOR": "if set to anything: colours even if the output is no terminal, as in the logs of a CI",
    "COLUMNS": "the width of the output (default: the terminal's, or 80 if the output is no terminal)",
}
FAILED = "failed-command.log"
FILES: Mapping[str, str] = {
    "results/EXPERIMENT/TIME-SEED/campaign.sqlite": (
        "plans, raw records and verdicts; seed, command, revision, kernel, QEMU's version, hashes. The `-wal` and "
        "`-shm` beside it are SQLite's while it is open"
    ),
    "results/EXPERIMENT/latest": "a link to the campaign that was begun last, running or not",
    "cache: guests/": "the built guest, 0.4 GB each",
    "cache: templates/": "frozen guests, about 0.4 GB each",
    "cache: modules/": "built kernel modules and programs",
    "cache: sources/": "drivers of the kernel's sources, 0.6 GB; `faultkit slice` unpacks them",
    "cache: programs/": "drivers as `faultkit slice` has read them, some 0.2 MB each",
    "cache: failed-guest.log": "the console of the last guest that could not be prepared",
    f"cache: {FAILED}": "the traceback of the last command that ended by an error nobody foresaw",
}
NOTES: Mapping[str, str] = {
    "Exit codes": (
        "A driver's failure is no error of faultkit: a campaign full of crashes ends with 0. The gate decides whether "
        "its results are good enough."
    ),
    "Files": (
        "`faultkit cache` lists what is in the cache and drops what is not needed. All of it is built again when it is "
        "needed."
    ),
}
