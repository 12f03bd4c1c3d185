"""Make the README's pictures from the real program: `python -m tests.make_picture`; needs rsvg-convert and Fira Code.

Debian has both: librsvg2-bin and fonts-firacode.
"""

from __future__ import annotations

import asyncio
import html
import re
import struct
import subprocess
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from inspector.app.shell.application import InspectorApp
from inspector.registers import catalog
from inspector.sources import load
from tests.app.driving import screen_text, settle, wait_for

FOLDER = Path(__file__).parent / "golden"
SIZE = (120, 40)
APART = r"(?<=\s)(?=\S)|(?<=0)(?=x)|(?<=[!-/:-@\[-`{-~])(?=[!-/:-@\[-`{-~])"
"""Where a text is cut: at each word, and where Fira Code would draw one character of two."""
HEADER, KEYWORD = 33, b"Description"
"""Bytes of a PNG's signature and first chunk, and the keyword of the chunk that is put behind them."""
NEWER = "builtin:neoverse-n2-linux-6.12"
PICTURES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "readme": (("builtin:neoverse-n2-linux-6.1",), ("p", "6", "full_stop", "1", "2", "enter")),
    "summary": (("builtin:neoverse-n2-linux-6.1",), ("0", "n", "n")),
    "migrate": (("builtin:neoverse-n2-linux-6.1", NEWER), ("4",)),
    "patch": (("builtin:neoverse-n2-linux-6.1",), ("5", "t", "space")),
    "cache": (("builtin:neoverse-n2-linux-6.1",), ("6",)),
}
"""Name of each picture, the dumps that are open on it, and the keys that lead there."""


@asynccontextmanager
async def screen_of(name: str) -> AsyncIterator[Pilot[None]]:
    """The program where a picture shows it; without keys, on the field that it began with."""
    sources, keys = PICTURES[name]
    app = InspectorApp([load(source) for source in sources], state=Path("/proc/nonexistent"))
    async with app.run_test(size=SIZE) as pilot:
        found = catalog.find("ID_AA64MMFR2_EL1.CCIDX")
        await pilot.pause()
        app.session.show_register(found.register.id, found.field.name if found.field else "")
        for key in keys:
            await pilot.press(key)
            await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", True)), f"{name} is complete")
        await settle(pilot)
        yield pilot


async def draw(name: str) -> tuple[str, str]:
    """A picture as SVG without remote fonts, and the text of its screen."""
    async with screen_of(name) as pilot:
        await pilot.pause(0.5)
        text, svg = screen_text(pilot.app), pilot.app.export_screenshot(title="vcpu-inspector")
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    return re.sub(r'(<text [^>]*?x=")([\d.]+)("[^>]*textLength=")([\d.]+)("[^>]*>)([^<]*)</text>', _runs, svg), text


def _runs(match: re.Match[str]) -> str:
    """A run of text as rsvg draws it right.

    It drops the spaces that a run starts with without moving the rest, and its characters are a little wider than a
    cell; what Fira Code joins (0x, ->) is another character than the terminal shows. So words, and such neighbours, are
    drawn apart, each in its own cell.
    """
    head, x, middle, length, tail, text = match.groups()
    plain = html.unescape(text)
    cell = float(length) / len(plain) if plain else 0.0
    drawn, at = [], 0
    for run in re.split(APART, plain):
        lead = len(run) - len(run.lstrip("\N{NO-BREAK SPACE} "))
        place, width = float(x) + (at + lead) * cell, (len(run) - lead) * cell
        drawn.append(f"{head}{place:g}{middle}{width:g}{tail}{html.escape(run[lead:], quote=False)}</text>")
        at += len(run)
    return "".join(drawn)


def with_text(picture: bytes, text: str) -> bytes:
    """A PNG that carries the text of the screen it shows, by which a test sees whether it is old."""
    body = b"iTXt" + KEYWORD + b"\0\1\0\0\0" + zlib.compress(text.encode(), 9)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return picture[:HEADER] + chunk + picture[HEADER:]


def text_of(picture: bytes) -> str:
    """What `with_text` wrote into a PNG; empty when it carries none."""
    (length,) = struct.unpack_from(">I", picture, HEADER)
    kind, _, packed = picture[HEADER + 4 : HEADER + 8 + length].partition(KEYWORD + b"\0\1\0\0\0")
    return zlib.decompress(packed).decode() if kind == b"iTXt" else ""


def main() -> None:
    """Write the pictures."""
    for name in PICTURES:
        svg, text = asyncio.run(draw(name))
        command = ("rsvg-convert", "--width", "1200")
        picture = subprocess.run(command, input=svg.encode(), check=True, stdout=subprocess.PIPE).stdout
        path = FOLDER / f"{name}.png"
        path.write_bytes(with_text(picture, text))
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
