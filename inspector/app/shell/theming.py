"""Themes: one TOML file each, a palette and nothing else.

The keys are Textual's own (`primary` ... `dark`) and, under `[variables]`, this program's words of colour (TOKENS). A
theme that leaves a token out, as every theme built into Textual does, gets one derived from its other colours. Files
are read from the shipped `themes/` folder, then from the user's own; a bad file costs one line and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import Theme

from inspector import shipped
from inspector.errors import InspectorError
from inspector.toml_text import plain_as_json, read_toml

TOKENS: Mapping[str, str] = {
    "verdict-same": "a value that stayed as it was",
    "verdict-masked": "a value that was hidden or lowered",
    "verdict-raised": "a value that was raised or rebuilt",
    "verdict-refused": "a refused write, an error",
    "verdict-unknown": "a value that is not known",
    "bit-reserved": "reserved bits",
    "bit-cursor": "bits of the highlighted field",
    "ink-muted": "words that only accompany",
    "ink-title": "register names and headings",
    "row-cursor": "background of the highlighted line",
}
"""Our own variables and what each stands for."""

OUTSTANDING = ("verdict-masked", "verdict-raised", "verdict-refused", "verdict-unknown", "bit-cursor")
"""Those that stand out by their colour; without colours they are as bright as headings."""

DEFAULT_THEME = "lab-dark"
READABLE = 4.5
"""Contrast that every word keeps against what it stands on (WCAG 2.1, level AA)."""

_COLOURS = (
    "primary", "secondary", "warning", "error", "success", "accent",
    "foreground", "background", "surface", "panel", "boost",
)  # fmt: skip
_DERIVED = {
    "verdict-same": "foreground",
    "verdict-masked": "warning",
    "verdict-raised": "primary",
    "verdict-refused": "error",
    "verdict-unknown": "secondary",
    "bit-reserved": "foreground",
    "bit-cursor": "accent",
    "ink-muted": "foreground",
    "ink-title": "foreground",
}
_FADED = {"verdict-same": 0.32, "ink-muted": 0.32, "bit-reserved": 0.4}


class ThemeError(InspectorError):
    """A theme file says something that is not a theme."""


class Themes(NamedTuple):
    """What the folders gave."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...]
    """one line per bad file"""


def load_theme(path: Path, *, plain: bool = False) -> Theme:
    """One theme; raises ThemeError with file and key. `plain`: it ships, and is most likely read without a TOML parser,
    which takes longer to load than the file."""
    try:
        text = path.read_text(encoding="utf-8")
        data = (_read_plain(text) if plain else None) or read_toml(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ThemeError("cannot be read", path.name, str(error)) from None
    except ValueError as error:
        raise ThemeError(f"is not TOML: {error}", path.name) from None
    return theme_from(data, path.stem, path.name)


def _read_plain(text: str) -> dict[str, Any] | None:
    """The same as `read_toml` for a text as plain as those that ship; None for another."""
    colours, _, variables = text.partition("\n[variables]\n")
    try:
        return {
            **msgspec.json.decode(plain_as_json(colours, "variables"), type=dict[str, Any]),
            "variables": msgspec.json.decode(plain_as_json(variables, "variables"), type=dict[str, Any]),
        }
    except msgspec.DecodeError:
        return None


def theme_from(data: Mapping[str, Any], name: str, where: str) -> Theme:
    """A theme from the keys of one file; every colour is parsed once here, so that a bad one is named."""
    variables = data.get("variables", {})
    if not isinstance(variables, Mapping):
        raise ThemeError("`variables` must be a table", where)
    for key, value in data.items():
        if key in _COLOURS:
            _check_colour(key, value, where)
        elif key not in ("name", "dark", "variables"):
            raise ThemeError(f"unknown key `{key}`", where, f"allowed: name, dark, {', '.join(_COLOURS)}, [variables]")
    for key, value in variables.items():
        if key not in TOKENS:
            raise ThemeError(f"unknown variable `{key}`", where, f"allowed: {', '.join(TOKENS)}")
        _check_colour(f"variables.{key}", value, where)
    if "primary" not in data:
        raise ThemeError("`primary` is missing", where)
    if not isinstance(data.get("dark", True), bool):
        raise ThemeError("`dark` must be true or false", where)
    if not isinstance(data.get("name", name), str):
        raise ThemeError("`name` must be a text", where)
    return Theme(**{"name": name, **data, "variables": dict(variables)})


def _check_colour(key: str, value: object, where: str) -> None:
    try:
        if not isinstance(value, str):
            raise ThemeError(f'`{key}` must be a colour such as "#5fafff"', where)
        Color.parse(value)
    except ColorParseError:
        raise ThemeError(f"`{key}` is not a colour: {value!r}", where, 'write it as "#rrggbb"') from None


def load_themes(folders: Iterable[Path]) -> Themes:
    """Every theme of the folders, in order; a later one replaces an earlier one of the same name."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
            try:
                theme = load_theme(path)
            except ThemeError as error:
                problems.append(str(error))
            else:
                themes[theme.name] = theme
    return Themes(tuple(themes.values()), tuple(problems))


def theme_folders(config: Path) -> tuple[Path, ...]:
    """The shipped folder, then the user's own below the configuration folder."""
    return (shipped.folder("themes"), config / "themes")


def token_defaults(theme: Theme) -> dict[str, str]:
    """A readable colour for each token of a theme that does not say its own; none for one that says all, as those that
    ship do."""
    if TOKENS.keys() <= theme.variables.keys():
        return {}
    colours = theme.to_color_system().generate()
    background, foreground = Color.parse(colours["background"]), Color.parse(colours["foreground"])
    cursor = background.blend(foreground, 0.14)
    grounds = (background, Color.parse(colours["surface"]), cursor)
    tokens = {
        token: readable(Color.parse(colours[source]).blend(background, _FADED.get(token, 0.0)), grounds, foreground).hex
        for token, source in _DERIVED.items()
    }
    return {**tokens, "row-cursor": cursor.hex}


def readable(colour: Color, grounds: Iterable[Color], towards: Color) -> Color:
    """`colour`, moved towards another until it can be read on every ground."""
    grounds = tuple(grounds)
    for step in range(11):
        mixed = colour.blend(towards, step / 10)
        if all(contrast(mixed, ground) >= READABLE for ground in grounds):
            return mixed
    return towards


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio of two opaque colours, 1 to 21 (WCAG 2.1, relative luminance)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    channels = (channel / 255 for channel in colour.rgb)
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
