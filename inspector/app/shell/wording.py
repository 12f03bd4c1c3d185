"""What reports and errors say in terms of the command line, said in terms of the screens."""

from __future__ import annotations

import re

_OPTIONS = (
    ("choose one (--kernel K)", "p chooses one"),
    ("choose other features (--features LIST)", "p chooses other features"),
    ("choose --gic none, or --host vgic=v3", "p: without vGIC, or host: vgic=v3"),
    ("--features asks for another", "p asks for another"),
    ("as asked (--features, --gic)", "as asked (p)"),
    ("--host vgic=", "p, host: vgic="),
    ("the file changed meanwhile; try again", "the file changed meanwhile; esc, then r reads it again"),
    ("--secrets shows them, $ on screen", "$ shows them"),
)
"""What an option does -> the key that does it."""
_MODES = {
    "summary": "0", "features": "0, then f", "show": "1", "expose": "2", "compare": "2, then d", "kernels": "2, then K",
    "write": "1, then w", "migrate": "4, then s and d", "fix": "4, then f", "matrix": "4, then K", "caches": "6",
    "explain": "7",
}  # fmt: skip
_COMMAND = r"`vcpu-inspector (\w++)[^`]*+`"


def on_screen(text: str) -> str:
    """The same with the keys for options, and behind a command the keys that ask the same: the command stays, since it
    is what goes into a bug report."""
    for option, key in _OPTIONS:
        text = text.replace(option, key)
    return re.sub(_COMMAND, _with_keys, text)


def settling(text: str) -> str:
    """What settles an answer (`--kernel 6.7.0`, `--host aarch32=on or --host aarch32=off`) as a key and what is typed
    there; any other text as it was."""
    if not text.lstrip().startswith(("--kernel ", "--host ")):
        return text
    return text.replace(" or --host ", " or ").replace("--host ", "p, host: ").replace("--kernel ", "p: ")


def _with_keys(found: re.Match[str]) -> str:
    keys = _MODES.get(found[1])
    return f"{found[0]} (on screen: {keys})" if keys else found[0]
