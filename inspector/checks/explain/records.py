"""Records of JSON, logfmt and CSV, and journald's: the messages that they hold. Loaded where a text has a quotation
mark."""

from __future__ import annotations

import re

import msgspec

_DEEPEST = 3
"""Wrappings of one kind that are taken off: a log of a container, in a log of a cluster, in an export."""
_MESSAGE = 32
"""Characters from which a text in quotation marks is a message. What is shorter stays beside what it belongs to, as the
words of an errno beside a register; no errno's words with its number are so long."""


def opened(text: str) -> str:
    """`text` with each message as lines of its own, however deep it lies."""
    for _ in range(_DEEPEST):
        inner = _records(_fields(text))
        if inner == text:
            break
        text = inner
    return text


_QUOTED = re.compile(r'(?<!\\)"((?:[^"\\\n]|\\.)*+)"')
_CUT = re.compile(r'((?:[^"\\]|\\.){32,}+)"(?=\s{0,9}[,}\]])')
"""The end of a message whose record is cut."""
_FIELD = re.compile(r'(?:^|(?<=[,;\t]))"((?:[^"]|"")*+)"(?=[,;\t]|\r?$)', re.MULTILINE)
_BYTES = re.compile(r'"MESSAGE"\s{0,9}:\s{0,9}\[([\d,\s]{2,})\]')
_NAMES_ONE = re.compile(r"0x60[2-8]0|_EL[0-3]|\b69\d{17}|op0", re.IGNORECASE)


def _fields(text: str) -> str:
    """Fields of CSV that hold a message, each as lines of its own."""
    return _FIELD.sub(_field, text) if '"' in text else text


def _field(found: re.Match[str]) -> str:
    content = found[1]
    if len(content) < _MESSAGE or not ('""' in content or " " in content or "\n" in content):
        return found[0]
    return "\n" + content.replace('""', '"') + "\n"


def _records(text: str) -> str:
    """Members of JSON and logfmt that hold a message, each as lines behind what else its line holds."""
    if '"' not in text:
        return text
    text = _BYTES.sub(lambda found: '"MESSAGE":' + _of_bytes(found[1]), text)
    return "\n".join(_record(line) if '"' in line else line for line in text.split("\n"))


def _of_bytes(numbers: str) -> str:
    """What journald gives as a list of bytes: a message with a colour, or in another encoding."""
    values = [int(number) for number in re.findall(r"\d{1,4}", numbers)]
    message = bytes(value for value in values if value < 256).decode("utf-8", "replace")
    return msgspec.json.encode(message).decode()


def _record(line: str) -> str:
    if cut := _CUT.match(line):
        line = f"{_decoded(cut[1])}\n{line[cut.end() :]}"
    messages = [found for found in _QUOTED.finditer(line) if _holds_message(line, found)]
    if not messages:
        return line
    cuts = [0, *(at for found in messages for at in found.span()), len(line)]
    rest = "".join(line[a:b] for a, b in zip(cuts[::2], cuts[1::2], strict=True))
    said = [_decoded(found[1]) for found in messages]
    # A register and its error may stand in different members of one record.
    together = _NAMES_ONE.search(rest) or any(_NAMES_ONE.search(one) for one in said)
    return "\n".join([f"{rest} {said[0]}", *said[1:]] if together else [rest, *said])


def _holds_message(line: str, found: re.Match[str]) -> bool:
    body = found[1]
    if len(body) < _MESSAGE or " " not in body:
        return False
    start, end = found.span()
    before = line[max(start - 20, 0) : start].rstrip()
    after = line[end : end + 20].strip()[:1]
    if before.endswith("="):
        return not line[end : end + 1].strip()
    if before.endswith(('":', "[", ",")) or not before:
        return after in ("", ",", "}", "]")
    return before.endswith(":") and not after


def _decoded(body: str) -> str:
    try:
        text: str = msgspec.json.decode(f'"{body}"'.encode())
    except (msgspec.DecodeError, UnicodeError):
        return body
    return text
