"""Themes: the shipped ones are readable, bad ones cost one line, any built-in one gets our tokens."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from inspector import shipped
from inspector.app.shell.theming import (
    READABLE,
    TOKENS,
    ThemeError,
    contrast,
    load_theme,
    load_themes,
    theme_folders,
    token_defaults,
)
from tests.app.driving import press, screen_text, settle, styles_at, wait_for
from tests.app.material import app_on

SHIPPED = sorted(shipped.folder("themes").glob("*.toml"))


def test_the_four_themes_ship() -> None:
    assert {path.stem for path in SHIPPED} >= {"lab-dark", "lab-light", "contrast", "paper"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_theme_that_ships_is_read_without_a_parser_of_toml(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = load_theme(path)
    monkeypatch.setitem(sys.modules, "tomllib", None)
    assert load_theme(path, plain=True) == parsed


def test_a_theme_is_parsed_where_it_only_should_be_plain(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("primary = '#405060'")
    assert load_theme(path, plain=True).primary == "#405060"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_token_is_readable_on_every_ground(path: Path) -> None:
    theme = load_theme(path)
    assert set(theme.variables) == set(TOKENS), "a shipped theme names every token"
    assert theme.background and theme.surface and theme.foreground
    grounds = {name: Color.parse(text) for name, text in (("background", theme.background), ("surface", theme.surface))}
    grounds["row-cursor"] = Color.parse(theme.variables["row-cursor"])
    words = {token: theme.variables[token] for token in TOKENS if token != "row-cursor"}
    words |= {"foreground": theme.foreground, "primary": theme.primary, "error": theme.error or ""}
    least = 7.0 if theme.name == "contrast" else READABLE
    for word, colour in words.items():
        for name, ground in grounds.items():
            assert contrast(Color.parse(colour), ground) >= least, f"{theme.name}: {word} on {name}"


@pytest.mark.parametrize("name", [name for name, theme in BUILTIN_THEMES.items() if not theme.ansi])
def test_built_in_themes_get_every_token(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    defaults = token_defaults(theme)
    assert set(defaults) == set(TOKENS)
    ground = Color.parse(theme.to_color_system().generate()["background"])
    for token in set(TOKENS) - {"row-cursor"}:
        assert contrast(Color.parse(defaults[token]), ground) >= 4.0, token


def test_contrast_is_that_of_the_standard() -> None:
    black, white = Color.parse("#000000"), Color.parse("#ffffff")
    assert contrast(black, white) == pytest.approx(21.0)
    assert contrast(white, white) == pytest.approx(1.0)
    assert contrast(Color.parse("#777777"), white) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("primary = 3", "primary"),
        ('primary = "#12345z"', "primary"),
        ('primary = "red"\nbackgroud = "#000"', "backgroud"),
        ('secondary = "red"', "primary"),
        ('primary = "red"\ndark = "yes"', "dark"),
        ('primary = "red"\n[variables]\nverdict-sane = "red"', "verdict-sane"),
        ('primary = "red"\n[variables]\nverdict-same = "blurple"', "verdict-same"),
        ('primary = "red"\nvariables = 1', "variables"),
        ("primary = ", "TOML"),
        ('primary = "red"\nname = 4', "name"),
    ],
)
def test_a_bad_theme_is_one_line_with_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ThemeError) as caught:
        load_theme(path)
    assert "mine.toml" in str(caught.value)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_theme_replaces_the_shipped_one_and_a_bad_one_does_not_stop_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "themes"
    folder.mkdir()
    (folder / "lab-dark.toml").write_text('primary = "#010203"')
    (folder / "bad.toml").write_bytes(b"\xff\xfe")
    (folder / "mine.toml").write_text('name = "mine"\nprimary = "#405060"')
    loaded = load_themes(theme_folders(tmp_path))
    themes: dict[str, Theme] = {theme.name: theme for theme in loaded.themes}
    assert themes["lab-dark"].primary == "#010203"
    assert "mine" in themes and "paper" in themes
    assert len(loaded.problems) == 1 and loaded.problems[0].startswith("bad.toml: ")


def test_stylesheets_hold_no_colour_of_their_own() -> None:
    styles = Path(shipped.__file__).parent / "app"
    files = sorted(styles.rglob("*.tcss"))
    assert files
    for path in files:
        text = path.read_text()
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b\s*[;}]", text), path.name
        assert not re.search(r"\b(rgb|hsl)a?\(", text), path.name
        for value in re.findall(r"\b(?:color|background|border[\w-]*)\s*:\s*([^;}]+)", text):
            words = set(value.replace("%", "").split()) - {"solid", "heavy", "none", "tall", "round", "bold"}
            assert all(word.startswith("$") or word.isdigit() for word in words), f"{path.name}: {value}"


async def test_without_colours_a_verdict_is_as_bright_as_a_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a red is a grey: the sign of a refusal was darker than the words beside it."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_on("builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        await wait_for(pilot, lambda: "✖ fails" in screen_text(app), "the verdict")
        ink = {style.split(" on ")[0].split()[-1] for style in styles_at(app, "EINVAL")}
        heading = {style.split(" on ")[0].split()[-1] for style in styles_at(app, "fails: 2 registers")}
        assert ink == heading
