"""Print where the program's files lie, and which of them exist.

Settings are the user's and never written; what the screens remember is written by them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from inspector import policies, shipped
from inspector.commands.arguments import add_style
from inspector.errors import EXIT_YES
from inspector.folders import REMEMBERED, SETTINGS, config_folder, state_folder
from inspector.reports.json import dumps
from inspector.reports.text import columns


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_style(parser, markdown=False)


def places() -> dict[str, tuple[Path, str]]:
    """What -> (where, what it is for)."""
    return {
        "settings": (config_folder() / SETTINGS, "theme, keys, number base, kernel and VMM of the screens"),
        "themes": (config_folder() / "themes", "themes of your own, one TOML each"),
        "remembered": (state_folder() / REMEMBERED, "theme, number base and recent files, written by the screens"),
        "kernels": (
            Path(str(policies.__path__[0])) / "kernels",
            "shipped kernel policies, for a TOML of your own to extend",
        ),
        "dumps": (shipped.folder("snapshots"), "shipped dumps, builtin:NAME"),
        "shipped themes": (shipped.folder("themes"), "the themes to copy from"),
    }


def run(options: argparse.Namespace) -> int:
    """Print one line per place."""
    found = places()
    if options.json:
        print(dumps({name: {"path": str(path), "exists": path.exists()} for name, (path, _) in found.items()}))
        return EXIT_YES
    rows = [(name, str(path), "" if path.exists() else "(not there)", what) for name, (path, what) in found.items()]
    print("\n".join(columns(rows)))
    return EXIT_YES
