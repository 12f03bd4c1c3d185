"""Make the README's picture from the real program: `python -m tests.make_picture`; needs rsvg-convert and Fira Code.

Debian has both: librsvg2-bin and fonts-firacode.
"""

from __future__ import annotations

import asyncio
import html
import re
import subprocess
from pathlib import Path

from inspector.app.shell.application import InspectorApp
from inspector.registers import catalog
from inspector.sources import load

PICTURE = Path(__file__).parent / "golden" / "readme.png"
DUMP = "builtin:neoverse-n2-linux-6.1"


async def draw(size: tuple[int, int] = (120, 40)) -> str:
    """The register browser on the field that the project began with, as SVG without remote fonts."""
    app = InspectorApp([load(DUMP)])
    async with app.run_test(size=size) as pilot:
        found = catalog.find("ID_AA64MMFR2_EL1.CCIDX")
        await pilot.pause()
        app.session.show_register(found.register.id, found.field.name if found.field else "")
        await pilot.pause()
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
    """Write the picture."""
    svg = asyncio.run(draw())
    command = ["rsvg-convert", "--width", "1200", "--output", str(PICTURE)]
    subprocess.run(command, input=svg.encode(), check=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
