"""The program's themes: shipped ones and the user's own, each read when it is first asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace
from textual.app import App
from textual.theme import Theme

from inspector.app.shell.adapted import AdaptedApp
from inspector.app.shell.remembered import Memory
from inspector.app.shell.settings import Settings
from inspector.app.shell.theming import (
    DEFAULT_THEME,
    OUTSTANDING,
    ThemeError,
    load_theme,
    load_themes,
    theme_folders,
    token_defaults,
)
from inspector.errors import one_line


class ThemedApp(AdaptedApp):
    """Wears the theme that the settings name, else the one that was chosen last, and remembers what is chosen."""

    def __init__(self, config: Path, settings: Settings, memory: Memory) -> None:
        self.config, self.settings, self.memory = config, settings, memory
        self._unread_themes: dict[str, Path] = {}
        """shipped themes that were not asked for yet, by name"""
        self.own_themes: Sequence[str] = ()
        self._themed = False
        super().__init__()
        self.problems: list[str] = list(settings.problems)
        """what is wrong with themes and settings, a line each"""
        self._load_themes()

    def _load_themes(self) -> None:
        """Take the chosen theme before anything is drawn. Of the shipped ones no other is read before it is asked for,
        and no style sheet is parsed for a theme that is not shown."""
        shipped, own = theme_folders(self.config)
        loaded = load_themes((own,))
        self.problems += loaded.problems
        for one in loaded.themes:
            self.register_theme(one)
        own_names = {one.name for one in loaded.themes}
        self._unread_themes = {path.stem: path for path in shipped.glob("*.toml") if path.stem not in own_names}
        self.own_themes = (*sorted(self._unread_themes), *sorted(own_names))
        wanted = self.settings.theme or self._remembered_theme() or os.environ.get("TEXTUAL_THEME", "") or DEFAULT_THEME
        theme = self.get_theme(wanted)
        if theme is None:
            self.problems.append(one_line(f"no theme is called {wanted!r}"))
            theme = self.get_theme(DEFAULT_THEME)
        elif self.no_color and theme.ansi:
            # Textual draws an ANSI theme without colours as black on black.
            theme = self.get_theme(DEFAULT_THEME)
        if theme is None:
            self.problems.append("the shipped themes are missing")
            theme = self.current_theme
        self.set_reactive(App.theme, theme.name)
        classes = {"-theme-textual-dark": False, f"-theme-{theme.name}": True}
        self.update_classes({**classes, "-dark-mode": theme.dark, "-light-mode": not theme.dark}, update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self._themed = True
        self.stylesheet.set_variables(self.get_css_variables())

    def get_css_variables(self) -> dict[str, str]:
        """The colours of the theme; none before it was chosen, when Textual would work out those of another."""
        if not self._themed:
            return {}
        found = super().get_css_variables()
        if self.no_color:
            # Of a colour its brightness would be left: a refusal would be greyer than what stands beside it.
            found.update(dict.fromkeys(OUTSTANDING, found["ink-title"]))
        return found

    def get_theme(self, theme_name: str) -> Theme | None:
        """A theme by its name; a shipped one is read when it is first asked for."""
        if (path := self._unread_themes.pop(theme_name, None)) is not None:
            with contextlib.suppress(ThemeError):
                self.register_theme(load_theme(path, plain=True))
        # One name is looked up for every piece of text that is drawn; Textual copies the table of themes each time.
        return self._registered_themes.get(theme_name) or (super().get_theme(theme_name) if "," in theme_name else None)

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Every theme."""
        for name in tuple(self._unread_themes):
            self.get_theme(name)
        return super().available_themes

    def _remembered_theme(self) -> str:
        theme = self.memory.now.theme
        return theme if self.get_theme(theme) is not None else ""

    def watch_theme(self, theme: str) -> None:
        """Remember a theme that was chosen on screen."""
        if self.is_running and theme != self.memory.now.theme:
            self.memory.change(lambda old: replace(old, theme=theme))

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our tokens for themes that do not name them."""
        return token_defaults(self.current_theme)
