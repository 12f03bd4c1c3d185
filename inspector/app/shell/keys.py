"""Every key of the program: bindings, footer, help and palette are all made from these tables.

A mode's package names its own keys; the shared ones stand here, by kind, and a mode says which kinds mean something in
it. `id` is what a user's `settings.toml` rebinds. Two keys may share a letter only when no place has both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from textual.binding import Binding
from textual.keys import format_key

EVERYWHERE, LISTS = "everywhere", "lists"
MODEL, KERNELS, VCPU, NUMBERS, REPORTS, WRITES = "model", "kernels", "vcpu", "numbers", "reports", "writes"
"""Kinds of shared keys: where a kernel policy can be asked, where one can step through the kernels, where one vCPU is
looked at, where numbers are shown, where there is a report to copy or write, and where simulated writes show."""


class Key(NamedTuple):
    """One binding."""

    id: str
    keys: str
    """comma-separated, in Textual's names (`slash`, `question_mark`, `ctrl+p`)"""
    action: str
    label: str
    """one or two words, as the footer shows them"""
    tooltip: str
    """one sentence, as help and palette show it"""
    footer: int = 0
    """rank in the footer, 1 first; 0 keeps the key out of it"""
    narrow: bool = False
    """True for a key that the footer shows in the narrow form only"""


class Mode(NamedTuple):
    """A mode, or another place with keys of its own."""

    id: str
    title: str
    number: int | None = None
    """the digit that leads to it; None: none does"""
    question: str = ""
    """which question it answers"""
    screen: str = ""
    """`module:Class` of its screen; loaded when it is first shown"""
    dialog: bool = False
    """True where that is a dialog over the mode in front"""
    needs_dump: bool = True
    """False where it answers without a dump"""
    keys: tuple[Key, ...] = ()
    shared: tuple[str, ...] = ()
    """kinds of shared keys that mean something here"""
    palette: tuple[str, ...] = ()
    """`module:Class` of what it offers in the command palette"""
    spelled: Mapping[str, str] = MappingProxyType({})
    """where letters go into a line: the spellings that work of shared keys which begin with a letter, by `id`"""


SECRETS = Key("secrets", "dollar_sign", "app.secrets", "Secrets", "Show or withhold the guest's secrets")
SHARED: dict[str, tuple[Key, ...]] = {
    MODEL: (
        Key("write", "w", "app.write", "Write", "Would a write of this register be accepted? Try it", footer=4),
        Key("policy", "p", "app.policy", "Policy", "Choose a kernel policy, vCPU features, boot options", footer=5),
    ),
    KERNELS: (
        Key("kernel.next", "right_square_bracket", "kernel_step(1)", "Next kernel", "The next kernel of the catalogue"),
        Key("kernel.previous", "left_square_bracket", "kernel_step(-1)", "Previous kernel", "The kernel before"),
    ),
    VCPU: (
        Key("vcpu.next", "v", "app.vcpu(1)", "vCPU", "Next vCPU of this dump", footer=5),
        Key("vcpu.previous", "V", "app.vcpu(-1)", "Previous vCPU", "Previous vCPU of this dump"),
        Key("dump.next", "right_curly_bracket", "app.dump(1)", "Next dump", "Next of the loaded dumps"),
        Key("dump.previous", "left_curly_bracket", "app.dump(-1)", "Previous dump", "Previous of the loaded dumps"),
    ),
    WRITES: (
        Key("writes.log", "W", "app.log", "Log", "What was written to this vCPU, with every answer", footer=4),
        Key("writes.undo", "u", "app.undo", "Undo", "Take back the last simulated write"),
        Key("writes.redo", "U", "app.redo", "Redo", "Make the write again that was taken back"),
    ),
    NUMBERS: (
        Key("base", "x", "app.base", "Base", "Numbers in hex, binary or decimal"),
        SECRETS,
    ),
    REPORTS: (
        Key("copy.line", "y", "copy_line", "Copy", "Copy the highlighted line", footer=6),
        Key("copy.report", "Y", "copy_report", "Copy report", "Copy this screen's report"),
        Key("export", "e", "export", "Export", "Write this screen's report to a new file"),
        Key("maximise", "z", "zoom", "Maximise", "The focused pane alone, or all panes"),
        Key("refresh", "r", "app.refresh", "Refresh", "Read this source again"),
    ),
    EVERYWHERE: (
        Key("open", "o", "app.open", "Open", "Open a file or another dump", footer=7),
        Key("back", "escape", "screen.back", "Back", "Close, clear the search, or go back", footer=7),
        Key("help", "question_mark,f1", "app.help", "Help", "What the focused pane shows, and its keys", footer=8),
        Key("quit", "q,ctrl+q", "app.quit", "Quit", "Leave the program", footer=9),
        Key("suspend", "ctrl+z", "app.suspend_process", "Suspend", "Back to the shell; its `fg` comes back here"),
        Key("palette", "ctrl+p", "app.command_palette", "palette", "Every command and register by name"),
    ),
    LISTS: (
        Key("move.down", "j,down", "move(1)", "Down", "Next line"),
        Key("move.up", "k,up", "move(-1)", "Up", "Previous line"),
        Key("move.page_down", "pagedown", "page(1)", "Page down", "One page down"),
        Key("move.page_up", "pageup", "page(-1)", "Page up", "One page up"),
        Key("move.first", "g,home", "first", "First", "First line"),
        Key("move.last", "G,end", "last", "Last", "Last line"),
        Key("choose", "enter", "choose", "Choose", "Choose, explain or open the highlighted line"),
        Key("fold", "space", "fold", "Fold", "Fold or unfold a group"),
    ),
}
"""The keys that several places have, by kind."""

PALETTE = next(key for key in SHARED[EVERYWHERE] if key.id == "palette")

FOOTER_KEYS = 6
"""The footer shows at most this many keys besides the palette's."""


def digits(modes: Sequence[Mode]) -> tuple[Key, ...]:
    """The keys that lead to the numbered modes."""
    return tuple(
        Key(f"mode.{mode.id}", str(mode.number), f"app.mode('{mode.id}')", mode.title, f"{mode.title}: {mode.question}")
        for mode in modes
        if mode.number is not None
    )


def places(modes: Sequence[Mode]) -> tuple[tuple[Key, ...], ...]:
    """The keys that mean something at the same time, for each mode."""
    return tuple((*digits(modes), *keys_of(mode), *SHARED[EVERYWHERE]) for mode in modes)


def keys_of(mode: Mode) -> tuple[Key, ...]:
    """The keys that mean something in one mode, its own first; not those that mean the same everywhere."""
    return (*mode.keys, *(key for kind in mode.shared for key in SHARED[kind]))


def bindings(keys: Sequence[Key], without: str = "") -> list[Binding]:
    """Textual bindings, for a `BINDINGS` class variable; `without` names a key that is not bound there."""
    return [
        Binding(
            ",".join(one for one in key.keys.split(",") if one != without),
            key.action,
            key.label,
            show=bool(key.footer),
            tooltip=key.tooltip,
            id=key.id,
        )
        for key in keys
    ]


def shown(key: Key, keymap: Mapping[str, str] | None = None, every: bool = False) -> str:
    """How a key looks on screen (`/`, `^p`, `?`); with `every`, all of its spellings."""
    spelled = (keymap or {}).get(key.id, key.keys).split(",")
    looks = [_look(one.strip()) for one in (spelled if every else spelled[:1])]
    return " ".join(looks)


def press(key: Key, keymap: Mapping[str, str] | None = None) -> str:
    """The action of a mouse click on a key as it is shown: what has the keys gets the key."""
    return pressing((keymap or {}).get(key.id, key.keys).split(",")[0].strip())


def pressing(name: str) -> str:
    """The same for a key by its name in Textual (`f2`, `escape`, `S`)."""
    return f"app.simulate_key('{name}')"


_LOOKS = {
    "escape": "esc",
    "enter": "enter",
    "space": "space",
    "pagedown": "page down",
    "pageup": "page up",
    "f1": "F1",
    "down": "↓",
    "up": "↑",
    **{f"f{number}": f"F{number}" for number in range(2, 13)},
}


def _look(name: str) -> str:
    if name.startswith("ctrl+"):
        return "^" + format_key(name[5:])
    return _LOOKS.get(name, format_key(name) if len(name) > 1 else name)


def footer(mode: Mode, narrow: bool, words: Mapping[str, str] | None = None) -> list[tuple[Key, str]]:
    """The keys of the footer in one mode with their labels, most useful first, at most FOOTER_KEYS, help last.

    `words` replaces labels by what pressing the key would do now; an empty word leaves the key out. The way back is
    named where a mode has a word for it.
    """
    words = words or {}
    shared = [key for kind in mode.shared for key in SHARED[kind]]
    wanted = [
        (key, words.get(key.id, "" if key.id == "back" else key.label))
        for key in sorted((*shared, *mode.keys, *SHARED[EVERYWHERE]), key=lambda key: key.footer)
        if key.footer and (narrow or not key.narrow)
    ]
    shown = [(key, word) for key, word in wanted if word]
    if len(shown) <= FOOTER_KEYS:
        return shown
    last = [pair for pair in shown if pair[0].id == "help"]
    return [*[pair for pair in shown if pair[0].id != "help"][: FOOTER_KEYS - 1], *last]
