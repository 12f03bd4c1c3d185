"""Text as addresses and forms carry it, percent-encoded: what it says. Loaded where a text may be some."""

from __future__ import annotations

import re
from urllib.parse import unquote

_BLANK = re.compile(r"(?<=[\w:.,;)'\"%])%(?:20|0[AD])(?=[\w(\[{'\"%])", re.IGNORECASE)
"""A blank, or the end of a line, between words; `%20s` of a format that a program prints by has no word before it"""
_PLUS = re.compile(r"(?<=[\w.,)])\+(?=[\w%])")
"""The blank of a form, in a word that has percent signs besides"""
_ESCAPE = re.compile(r"%[2-7][0-9A-F]|%0[AD]", re.IGNORECASE)
_FEWEST = 2
_TWICE = re.compile(r"%25(?:20|0A)", re.IGNORECASE)
_PART = re.compile(r"[?&]([\w.-]{1,40}=)?")
"""What divides an address from its parameters, and these from one another"""


def decoded(text: str) -> str:
    """`text` with each word that is percent-encoded as it was before; of an address, each parameter as lines."""
    return re.sub(r"\S+", _word, text)


def _word(found: re.Match[str]) -> str:
    word = found[0]
    if "%" not in word:
        return word
    if _TWICE.search(word):
        word = unquote(word, errors="replace")
    if "%20" not in word and _ESCAPE.search(word) and len(_PLUS.findall(word)) >= _FEWEST:
        word = word.replace("+", " ")
    elif len(_BLANK.findall(word)) < _FEWEST:
        return found[0]
    parts = _PART.sub(r"\n&\1\n", word) if "://" in word or word.startswith("?") else word
    return unquote(parts, errors="replace")
