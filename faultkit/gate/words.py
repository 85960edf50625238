"""A line of text, read word by word; what is wrong with it is said where it is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from faultkit.model.errors import UsageError

TOKEN = re.compile(r"""(?P<quoted>"[^"]*"|'[^']*')|(?P<sign>>=|<=|≥|≤|[%,=])|(?P<word>[^\s%,=<>≥≤"']+)|(?P<odd>\S)""")
SPACE = re.compile(r"""(?P<quoted>"[^"]*"|'[^']*')|\s+""")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
AMOUNT = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[a-z]*)")


def hundredth(percent: float) -> float:
    """Percent as a fraction of 1: 99.9 is 0.999, which it is not by division."""
    return round(percent / 100, 12)


@dataclass(slots=True)
class Words:
    """A line and how far it has been read."""

    text: str
    tokens: list[tuple[str, int]]  # each word or sign, and where it begins
    example: str  # of what the line might be, for complaints
    at: int = 0

    @classmethod
    def of(cls, text: str, example: str) -> Self:
        """A line, from its beginning."""
        text = "".join(letter if letter.isprintable() else " " for letter in text)
        text = SPACE.sub(lambda found: found["quoted"] or " ", text).strip()
        return cls(text, [(found.group(), found.start()) for found in TOKEN.finditer(text)], example)

    @property
    def next(self) -> str:
        """What is to be read; "" at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        """Read one."""
        token = self.next
        self.at += 1
        return token

    def takes(self, *words: str) -> bool:
        """Read these, if they come next."""
        if [token for token, _ in self.tokens[self.at : self.at + len(words)]] != [*words]:
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these. Raises: UsageError if something else comes."""
        for word in words:
            if not self.takes(word):
                raise self.wants(f"'{word}'")

    def wants(self, what: str) -> UsageError:
        """The complaint about what comes next, in one line."""
        place = f"at '{self.text[self.tokens[self.at][1] :]}'" if self.next else "at its end"
        return UsageError(f"rule '{self.text}': {place} there should be {what}; for example: {self.example}")

    def fraction(self, what: str = "a share such as 99 % or 0.99") -> float:
        """A share: `99 %` or `0.99`, between 0 and 1, neither included. Raises: UsageError."""
        begun = self.at
        if NUMBER.fullmatch(self.next):
            number = float(self.take())
            share = hundredth(number) if self.takes("%") else number
            if 0 < share < 1:
                return share
        self.at = begun
        raise self.wants(f"{what}, above 0 and below 100 %")

    def count(self) -> int:
        """A whole number from 1 on. Raises: UsageError."""
        if not self.next.isdecimal() or not int(self.next):
            raise self.wants("a number of trials")
        return int(self.take())

    def amount(self, units: dict[str, int], what: str) -> int:
        """A number with its unit, `2 s` or `2s`, in the smallest unit. Raises: UsageError."""
        begun = self.at
        if found := AMOUNT.fullmatch(self.take()):
            unit = found["unit"] or self.take()
            if unit in units:
                return round(float(found["number"]) * units[unit])
        self.at = begun
        raise self.wants(what)

    def value(self) -> str:
        """A word, or what stands in quotes. Raises: UsageError."""
        if not self.next or (len(self.next) == 1 and not self.next.isalnum()) or self.next in (">=", "<="):
            raise self.wants("a value")
        return self.take().strip("\"'")
