"""Messages between the lab and its guest over a serial line that the guest's kernel may write into as well.

A message is JSON, deflated and in base64, in a line of its own: `@LENGTH:CRC:TEXT`. What is no such line, or does not
match its length and its CRC-32, is console output. Standard library only: the guest runs this text too.
"""

import base64
import json
import re
import zlib
from typing import Any

_LINE = re.compile(rb"@([0-9a-f]{8}):([0-9a-f]{8}):([A-Za-z0-9+/=]*)\r?\Z")
MOST = 64 << 20
"""Bytes of a message's text."""


def packed(message: Any) -> bytes:
    """A message as the line carries it."""
    text = base64.b64encode(zlib.compress(json.dumps(message).encode(), 1))
    return b"\n@%08x:%08x:%s\n" % (len(text), zlib.crc32(text), text)


class Reader:
    """Takes what comes over the line, and gives its messages; everything else is kept as console output."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.console: list[str] = []
        """the last lines that were no messages"""
        self.damaged = 0
        """lines that began as a message and are none"""

    def take(self, data: bytes) -> list[Any]:
        """The messages that these bytes complete."""
        self._rest += data
        if len(self._rest) > MOST:
            del self._rest[:]
            self.damaged += 1
        if b"\n" not in data:
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        found = [self._line(line) for line in lines]
        return [message for message in found if message is not None]

    def _line(self, line: bytes) -> Any | None:
        match = _LINE.match(line)
        if match and int(match[1], 16) == len(match[3]) and int(match[2], 16) == zlib.crc32(match[3]):
            return json.loads(zlib.decompress(base64.b64decode(match[3])))
        if b"@" in line and re.search(rb"@[0-9a-f]{8}:", line):
            self.damaged += 1
        elif line.strip():
            self.console = [*self.console[-40:], line.decode("utf-8", "replace").strip()]
        return None
