"""A reader of one line, word by word; its errors name the place in the line."""

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
    """Percent as a fraction of 1, rounded: 99.9 gives exactly 0.999, which a division does not."""
    return round(percent / 100, 12)


@dataclass(slots=True)
class Words:
    """A line, and the reader's position in it."""

    text: str
    tokens: list[tuple[str, int]]  # each word or sign, and its position in the text
    example: str  # a correct line, for error messages
    at: int = 0  # the number of the next token

    @classmethod
    def of(cls, text: str, example: str) -> Self:
        """A reader at the beginning of a line."""
        text = "".join(letter if letter.isprintable() else " " for letter in text)
        text = SPACE.sub(lambda found: found["quoted"] or " ", text).strip()
        return cls(text, [(found.group(), found.start()) for found in TOKEN.finditer(text)], example)

    @property
    def peek(self) -> str:
        """The next token, which stays unread; "" at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def advance(self) -> str:
        """Read the next token."""
        token = self.peek
        self.at += 1
        return token

    def accept(self, *words: str) -> bool:
        """Read the tokens and return True if the line goes on with them; otherwise read nothing."""
        if [token for token, _ in self.tokens[self.at : self.at + len(words)]] != [*words]:
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read the tokens. Raises: UsageError if the line goes on with others."""
        for word in words:
            if not self.accept(word):
                raise self.expected(f"'{word}'")

    def expected(self, what: str) -> UsageError:
        """The error for a next token that is not `what`, in one line."""
        place = f"at '{self.text[self.tokens[self.at][1] :]}'" if self.peek else "at its end"
        return UsageError(f"rule '{self.text}': {place} there should be {what}; for example: {self.example}")

    def fraction(self, what: str = "a share such as 99 % or 0.99") -> float:
        """A share: `99 %` or `0.99`, between 0 and 1, neither included. Raises: UsageError."""
        begun = self.at
        if NUMBER.fullmatch(self.peek):
            number = float(self.advance())
            share = hundredth(number) if self.accept("%") else number
            if 0 < share < 1:
                return share
        self.at = begun
        raise self.expected(f"{what}, above 0 and below 100 %")

    def count(self) -> int:
        """A whole number from 1 on. Raises: UsageError."""
        if not self.peek.isdecimal() or not int(self.peek):
            raise self.expected("a number of trials")
        return int(self.advance())

    def amount(self, units: dict[str, int], what: str) -> int:
        """A number with its unit, `2 s` or `2s`, in the smallest unit. Raises: UsageError."""
        begun = self.at
        if found := AMOUNT.fullmatch(self.advance()):
            unit = found["unit"] or self.advance()
            if unit in units:
                return round(float(found["number"]) * units[unit])
        self.at = begun
        raise self.expected(what)

    def value(self) -> str:
        """A word, or a text in quotes. Raises: UsageError."""
        if not self.peek or (len(self.peek) == 1 and not self.peek.isalnum()) or self.peek in (">=", "<="):
            raise self.expected("a value")
        return self.advance().strip("\"'")
