"""Make the README's pictures from the real program: `python -m tests.make_picture`; needs rsvg-convert and Fira Code.

Debian has both: librsvg2-bin and fonts-firacode.
"""

from __future__ import annotations

import asyncio
import html
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector.app.shell.application import InspectorApp
from inspector.registers import catalog
from inspector.sources import load

FOLDER = Path(__file__).parent / "golden"
NEWER = "builtin:neoverse-n2-linux-6.12"
PICTURES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "readme": (("builtin:neoverse-n2-linux-6.1",), ("p", "6", "full_stop", "1", "2", "enter")),
    "summary": (("builtin:neoverse-n2-linux-6.1",), ("0", "n", "n")),
    "migrate": (("builtin:neoverse-n2-linux-6.1", NEWER), ("4",)),
    "patch": (("builtin:neoverse-n2-linux-6.1",), ("5", "t", "space")),
    "cache": (("builtin:neoverse-n2-linux-6.1",), ("6",)),
}
"""Name of each picture, the dumps that are open on it, and the keys that lead there."""


async def draw(sources: Sequence[str], keys: Sequence[str], size: tuple[int, int] = (120, 40)) -> str:
    """The program after some keys as SVG without remote fonts; without keys, on the field that it began with."""
    app = InspectorApp([load(source) for source in sources], state=Path("/proc/nonexistent"))
    async with app.run_test(size=size) as pilot:
        found = catalog.find("ID_AA64MMFR2_EL1.CCIDX")
        await pilot.pause()
        app.session.show_register(found.register.id, found.field.name if found.field else "")
        for key in keys:
            await pilot.press(key)
            while not getattr(app.screen, "complete", True):
                await pilot.pause(0.05)
        await pilot.pause(0.5)
        svg = app.export_screenshot(title="vcpu-inspector")
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    return re.sub(r'(<text [^>]*?x=")([\d.]+)("[^>]*textLength=")([\d.]+)("[^>]*>)([^<]*)', _without_lead, svg)


def _without_lead(match: re.Match[str]) -> str:
    """A run of text without the spaces it starts with, which rsvg would drop without moving the rest."""
    head, x, middle, length, tail, text = match.groups()
    plain = html.unescape(text)
    lead = len(plain) - len(plain.lstrip("\N{NO-BREAK SPACE} "))
    cell = float(length) / len(plain) if plain else 0.0
    rest = html.escape(plain[lead:], quote=False)
    return f"{head}{float(x) + lead * cell:g}{middle}{float(length) - lead * cell:g}{tail}{rest}"


def main() -> None:
    """Write the pictures."""
    for name, (sources, keys) in PICTURES.items():
        path = FOLDER / f"{name}.png"
        svg = asyncio.run(draw(sources, keys))
        subprocess.run(["rsvg-convert", "--width", "1200", "--output", str(path)], input=svg.encode(), check=True)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
