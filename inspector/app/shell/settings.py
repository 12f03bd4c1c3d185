"""What a user may set: a theme and other keys, in `$XDG_CONFIG_HOME/vcpu-inspector/settings.toml`.

    theme = "lab-light"
    [keys]
    find = "f"

A key is named by its id (see `keys.py`, or the help screen). A bad file costs one line, never the program.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from inspector.errors import one_line


class Settings(NamedTuple):
    """What was set, and what was wrong with it."""

    theme: str = ""
    keys: Mapping[str, str] = MappingProxyType({})
    problems: tuple[str, ...] = ()


def config_folder() -> Path:
    """The folder of settings and of the user's own themes."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "vcpu-inspector"


def load_settings(folder: Path, known: Collection[str]) -> Settings:
    """The settings of a folder; none when it has no `settings.toml`. `known`: ids of the keys that can be rebound."""
    path = folder / "settings.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Settings(problems=(one_line(f"settings.toml: cannot be read: {error}"),))
    problems = [
        f"settings.toml: unknown key `{key}`; allowed: theme, keys" for key in data if key not in ("theme", "keys")
    ]
    theme, table = data.get("theme", ""), data.get("keys", {})
    if not isinstance(theme, str):
        problems.append("settings.toml: `theme` must be a text")
        theme = ""
    if not isinstance(table, Mapping):
        problems.append("settings.toml: `keys` must be a table")
        table = {}
    rebound: dict[str, str] = {}
    for name, keys in table.items():
        if name not in known:
            problems.append(f"settings.toml: keys: no binding is called `{name}`")
        elif not isinstance(keys, str) or not keys.strip():
            problems.append(f'settings.toml: keys: `{name}` must be a key such as "f" or "f2,ctrl+g"')
        else:
            rebound[name] = keys
    return Settings(theme, rebound, tuple(map(one_line, problems)))
