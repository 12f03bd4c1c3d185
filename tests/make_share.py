"""Write what `share/` ships: the man page and the shells' completion, both made from the parser.

Run: python -m tests.make_share [--check]. `--check` writes nothing and ends with 1 when a file is out of date. The man
page is argparse-manpage's work.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from argparse_manpage.manpage import Manpage

from inspector.command_line import COMMANDS, command_parser, overview, screens_parser
from inspector.completion import script
from inspector.version import PROGRAM, __version__

_EMPTY = "\n.SH\nPOSITIONAL ARGUMENTS\n\n\n"
SHARE = Path(__file__).parent.parent / "share"


def man_page() -> str:
    """The page in roff: the screens, then a section for each command."""
    os.environ["COLUMNS"] = "72"  # argparse wraps its usage lines by it
    parser = screens_parser()
    parser.description = "\n".join(overview().splitlines()[3:])
    among = parser.add_subparsers(metavar="COMMAND", prog=PROGRAM)
    for name in COMMANDS:
        command_parser(name, among)
    data = {
        "date": f"version {__version__}",
        "version": __version__,
        "manual_title": "arm64 KVM vCPU registers",
        "project_name": PROGRAM,
        "description": "read arm64 KVM vCPU registers and predict what a kernel does with them",
    }
    # A heading that has nothing below it; a line that begins with a quotation mark is a request to roff.
    return _with_lists(str(Manpage(parser, _data=data)).replace(_EMPTY, "\n").replace("\n'", "\n\\&'"))


def _with_lists(page: str) -> str:
    """Lines of a term and, behind two spaces, what it means, as lists of roff: it would fill them like prose."""
    lines: list[str] = []
    inside = False
    for line in page.split("\n"):
        item = re.fullmatch(r"  (\S.*?)  +(\S.*)", line)
        if item:
            lines += [".TP 22", item[1], item[2]]
            inside = True
        elif inside and line.startswith("    "):
            lines[-1] += f" {line.strip()}"
        else:
            lines += [".PP"] * inside
            lines.append(line)
            inside = False
    return "\n".join(lines)


def files() -> dict[str, str]:
    """Path below `share/` -> text."""
    return {
        f"man/man1/{PROGRAM}.1": man_page(),
        f"bash-completion/completions/{PROGRAM}": script("bash"),
        f"zsh/site-functions/_{PROGRAM}": script("zsh"),
        f"fish/vendor_completions.d/{PROGRAM}.fish": script("fish"),
    }


def main() -> int:
    """Write or check; 1 when a file was out of date under `--check`."""
    changed = [path for path, text in files().items() if not _same(SHARE / path, text)]
    for path in changed:
        print(path)
        if "--check" not in sys.argv:
            (SHARE / path).parent.mkdir(parents=True, exist_ok=True)
            (SHARE / path).write_text(files()[path], encoding="utf-8")
    return int("--check" in sys.argv and bool(changed))


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
