"""Texts of others made neutral: no terminal, browser or spreadsheet takes them for orders."""

from __future__ import annotations

import re
from typing import Any

ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PICTURES = 0x2400  # Unicode has a picture for each control character: U+241B is that of escape
RUBOUT = 0x7F


def neutral(text: str) -> str:
    """The text with pictures in place of control characters, and without halves of characters or turns of direction.

    Line ends and tabs stay.
    """
    return text if text.isprintable() else ODD.sub(pictured, text)


def pictured(found: re.Match[str]) -> str:
    """The picture of a control character; a replacement character for anything else."""
    code = ord(found[0])
    if code == RUBOUT:
        return "\u2421"
    return chr(PICTURES + code) if code < ord(" ") else "\ufffd"


def neutral_data(data: Any) -> Any:
    """JSON data with neutral texts, at any depth."""
    if isinstance(data, str):
        return neutral(data)
    if isinstance(data, list):
        return [neutral_data(item) for item in data]
    if isinstance(data, dict):
        return {neutral(key): neutral_data(item) for key, item in data.items()}
    return data


def neutral_bytes(text: bytes) -> str:
    """The same for a text in UTF-8, or in what should be."""
    return neutral(text.decode(errors="replace"))
