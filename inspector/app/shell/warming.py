"""Load what the next key may need while the user reads the first screen: a module at a time, so that no key waits for
more than one of them."""

from __future__ import annotations

import sys
from importlib import import_module

from textual.app import App

AFTER, BETWEEN = 0.8, 0.02
"""Seconds after the first screen, and between two modules."""
MODULES = (
    "textual.widgets._input",
    "inspector.app.dialogs.help",
    "inspector.checks.machine.machine",
    "inspector.app.modes.summary.screen",
    "inspector.checks.compare.compare",
    "inspector.app.modes.compare.screen",
    "inspector.checks.restore.migration",
    "inspector.checks.remedies.ways_out",
    "inspector.app.modes.migrate.screen",
    "inspector.app.modes.write.screen",
    "inspector.app.modes.cache.screen",
    "inspector.app.dialogs.policy",
    "inspector.app.dialogs.open",
    "textual.command",
    "inspector.app.shell.commands",
    "inspector.app.dialogs.palette",
    "textual.widgets._text_area",
    "inspector.app.modes.explain.screen",
    "inspector.app.modes.features.screen",
    "inspector.checks.patch_effect",
    "inspector.app.modes.patch.screen",
)
"""In the order in which they are likely to be asked for."""


def warm(app: App[None]) -> None:
    """Load the next module that is not there yet, and come back for the others."""
    if (name := next((one for one in MODULES if one not in sys.modules), None)) is not None:
        import_module(name)
        app.set_timer(BETWEEN, lambda: warm(app))
