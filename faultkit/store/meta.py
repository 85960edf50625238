"""Facts about a campaign as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from faultkit.model.codec import hints_of, suits


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """The facts that a store has about its campaign; None for a missing one.

    Times of day are UTC, in ISO 8601. `stop`, and the recipes in `templates`, hold encoded parts.
    """

    experiment: str | None = None  # its name
    question: str | None = None  # its docstring
    file: str | None = None  # where it lies; None for ours
    seed: int | None = None
    planned: int | None = None  # trials in the list
    list_hash: str | None = None
    command: str | None = None
    jobs: int | None = None  # trials at a time
    faultkit_version: str | None = None
    git_revision: str | None = None  # of faultkit
    own_revisions: Mapping[str, str] = field(default_factory=dict)  # repository of the user's -> its revision
    kernel: str | None = None  # the guest's
    image: str | None = None  # the guest's address in the cache
    image_hashes: Mapping[str, str] = field(default_factory=dict)  # file of the guest -> its hash
    image_packages: Mapping[str, str] = field(default_factory=dict)  # package of the guest -> its version
    qemu: str | None = None  # its version
    accel: str = "tcg"
    kernel_options: str = ""  # those that the user added
    shift: int = 0  # an instruction takes 2 ** shift virtual nanoseconds
    drivers: tuple[str, ...] = ()  # short names
    templates: Mapping[str, Any] = field(default_factory=dict)  # address -> recipe: `first`, an encoded trial; `parts`
    stop: Mapping[str, Any] | None = None  # the rule that ends it before its list does
    decision: Mapping[str, Any] | None = None  # what that rule came to
    started: str | None = None
    finished: str | None = None  # None: it runs, or was killed
    prepare_s: float | None = None  # host seconds for templates
    wall_s: float | None = None  # host seconds for trials
    interference: Mapping[str, Any] | None = None  # do trials at the same time disturb one another
    version: int | None = None  # of the file's format
    others: Mapping[str, Any] = field(default_factory=dict)  # facts that only other versions of faultkit know

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Facts by key, as a store holds them. Raises: ValueError for one of another type."""
        known = {each.name for each in fields(cls)} - {"others"}
        named = {key: value for key, value in facts.items() if key in known and value is not None}
        if isinstance(named.get("drivers"), list):
            named["drivers"] = tuple(named["drivers"])
        for key, value in named.items():
            if not suits(value, hints_of(Meta)[key]):
                raise ValueError(f"{key} is {value!r:.60}")
        return cls(**named, others={key: value for key, value in facts.items() if key not in known})

    def as_dict(self) -> dict[str, Any]:
        """The facts that are known, by key, in the order of the fields."""
        named = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "others"}
        return {key: value for key, value in named.items() if value is not None} | dict(self.others)
