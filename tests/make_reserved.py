"""Write `inspector/registers/reserved.py`, which bits no layout gives a meaning, from the layouts.

Run after a change of a definition: python -m tests.make_reserved. A test proves that the file is up to date.
"""

from __future__ import annotations

from pathlib import Path

from inspector.registers import layouts, reserved

LONGEST = 120
"""Characters of a line."""
HEAD = '''"""The RES0 bits of each layout, for what looks at every register and would load every definition for it.

Made from the definitions by `python -m tests.make_reserved`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping

'''


def text() -> str:
    """The file."""
    masks = {one.name: sum(span.mask for span in one.spans if span.kind == "res0") for one in layouts.all_schemas()}
    rows = [f'    "{name}": 0x{mask:X},' for name, mask in sorted(masks.items()) if mask]
    rows = [row + ("  # noqa: E501\n" if len(row) > LONGEST else "\n") for row in rows]
    doc = '"""Name of a layout -> mask; a layout without such bits is not named."""\n'
    return "".join((HEAD, "RES0: Mapping[str, int] = {\n", *rows, "}\n", doc))


if __name__ == "__main__":
    Path(reserved.__file__).write_text(text(), encoding="utf-8")
