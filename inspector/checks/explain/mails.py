"""Mail as it is sent, in quoted-printable or base64: what its bodies say. Loaded where a text may be some."""

from __future__ import annotations

import binascii
import re

_ENCODED = re.compile(
    r"^content-transfer-encoding:[ \t]*(quoted-printable|base64)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_BODY = re.compile(r"\r?\n\r?\n")
_BOUNDARY = re.compile(r"^--[^\s-]", re.MULTILINE)
_CODED = re.compile(r"=[0-9A-F]{2}|(?<![!<>=])=[ \t]*\r?$", re.MULTILINE)
_SOFT = re.compile(r"^(?:.{69,71}[^:\s]|.{72,75})=[ \t]*\r?$", re.MULTILINE)
_ESCAPES = re.compile(r"=[23][A-F]|=[57][B-F]|=C[2-9A-F]=[89AB][0-9A-F]|=E[0-9A-F](?:=[89AB][0-9A-F]){2}")
_BLANKS = re.compile(r"(?<=[\w:.,;)'])=20[\w:.()\[\]/'\"-]{1,200}=20(?=[\w('\"\[])")
"""Two blanks with a word between them: `mtu=20` alone is none, `a=20,b=20` are two numbers"""

_SIGN = re.compile("(?<=[<>!])=3D")
"""A comparison's sign, in a piece of such a text among others"""


def bodies(text: str) -> str:
    """The bodies of a mail as it is sent; of a body alone, only where all of it can be nothing else."""
    places = list(_ENCODED.finditer(text))
    if not places:
        return _quoted_printable(text) if _is_quoted_printable(text) else _SIGN.sub("=", text)
    done, at = [], 0
    for place in places:
        if place.start() < at:
            continue
        body = _BODY.search(text, place.end())
        if body is None:
            break
        end = _BOUNDARY.search(text, body.end())
        stop = end.start() if end else len(text)
        inner = text[body.end() : stop]
        decoded = _base64(inner) if place[1].lower() == "base64" else _quoted_printable(inner)
        done += [text[at : body.end()], decoded, "\n"]
        at = stop
    return "".join([*done, text[at:]])


def _is_quoted_printable(text: str) -> bool:
    """True where every `=` begins an escape or ends a line, which a text of that encoding cannot do without.

    A line that a mail program broke behind `<=` is none of it, and `mtu=20` alone is not a blank.
    """
    signs = text.count("=")
    if not signs or len(_CODED.findall(text)) != signs:
        return False
    return _SOFT.search(text) is not None or len(_ESCAPES.findall(text)) > 1 or _BLANKS.search(text) is not None


def _quoted_printable(text: str) -> str:
    return binascii.a2b_qp(text.encode()).decode("utf-8", "replace")


def _base64(text: str) -> str:
    try:
        return binascii.a2b_base64(text.encode()).decode("utf-8", "replace")
    except binascii.Error:
        return text
