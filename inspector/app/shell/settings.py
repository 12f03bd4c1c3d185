"""What a user may set, in `$XDG_CONFIG_HOME/vcpu-inspector/settings.toml`; the program never writes this file.

    theme = "lab-light"
    base = "binary"
    kernel = "6.12"
    vmm = "firecracker"
    [keys]
    find = "f"

A key is named by its id (see `keys.py`, or the help screen). A bad file costs one line, never the program. What the
program remembers by itself is in `remembered.py`; what is set here comes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from inspector.app.shell.keys import Key
from inspector.app.shell.numbers import BASES
from inspector.errors import one_line
from inspector.folders import SETTINGS as FILE
from inspector.toml_text import read_toml

_TEXTS = ("theme", "base", "kernel", "vmm")


class Settings(NamedTuple):
    """What was set, and what was wrong with it; empty texts where nothing was."""

    theme: str = ""
    base: str = ""
    """one of `numbers.BASES`"""
    kernel: str = ""
    """what the policy dialog would be given; asked from the start"""
    vmm: str = ""
    """whose restore rule Migrate asks first"""
    keys: Mapping[str, str] = MappingProxyType({})
    problems: tuple[str, ...] = ()


def load_settings(folder: Path, places: Sequence[Sequence[Key]]) -> Settings:
    """The settings of a folder; none when it has no file. `places`: the keys that mean something together."""
    try:
        data = read_toml((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return Settings(problems=(one_line(f"{FILE}: cannot be read: {error}"),))
    allowed = (*_TEXTS, "keys")
    problems = [f"{FILE}: unknown key `{key}`; allowed: {', '.join(allowed)}" for key in data if key not in allowed]
    texts = {name: _text(data, name, problems) for name in _TEXTS}
    if texts["base"] and texts["base"] not in BASES:
        problems.append(f"{FILE}: `base` must be one of {', '.join(BASES)}")
        texts["base"] = ""
    rebound = _rebound(data.get("keys", {}), places, problems)
    return Settings(**texts, keys=rebound, problems=tuple(map(one_line, problems)))


def _text(data: Mapping[str, Any], name: str, problems: list[str]) -> str:
    found = data.get(name, "")
    if isinstance(found, str):
        return found
    problems.append(f"{FILE}: `{name}` must be a text")
    return ""


def _rebound(table: object, places: Sequence[Sequence[Key]], problems: list[str]) -> dict[str, str]:
    if not isinstance(table, Mapping):
        problems.append(f"{FILE}: `keys` must be a table")
        return {}
    known = {key.id for place in places for key in place}
    rebound: dict[str, str] = {}
    for name, keys in table.items():
        if name not in known:
            problems.append(f"{FILE}: keys: no binding is called `{name}`")
        elif not isinstance(keys, str) or not keys.strip():
            problems.append(f'{FILE}: keys: `{name}` must be a key such as "f" or "f2,ctrl+g"')
        else:
            rebound[name] = keys
    for name in list(rebound):
        taken = _clash(name, rebound, places)
        if taken is not None:
            problems.append(f"{FILE}: keys: `{name} = {rebound[name]!r}` is refused: that key is `{taken.id}`")
            del rebound[name]
    return rebound


def _clash(name: str, rebound: Mapping[str, str], places: Sequence[Sequence[Key]]) -> Key | None:
    """The key of another binding, in a place that has both, that the rebound `name` would take."""
    wanted = set(_spellings(rebound[name]))
    for place in places:
        if any(key.id == name for key in place):
            for key in place:
                if key.id != name and wanted.intersection(_spellings(rebound.get(key.id, key.keys))):
                    return key
    return None


def _spellings(keys: str) -> Iterable[str]:
    return (one.strip() for one in keys.split(","))
