"""Every key of the program, in one table: bindings, footer, help and palette are all made from it.

`id` is what a user's `settings.toml` rebinds. `where` names the places in which a key means something: `everywhere`, a
mode, or `lists` (every list and table). Two keys may share a letter only when no place has both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from textual.binding import Binding
from textual.keys import format_key


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
    where: tuple[str, ...] = ("everywhere",)
    footer: int = 0
    """rank in the footer, 1 first; 0 keeps the key out of it"""
    narrow: bool = False
    """True for a key that the footer shows in the narrow form only"""


class Mode(NamedTuple):
    """One of the numbered modes: which question it answers."""

    id: str
    number: int
    title: str
    question: str


MODES = (
    Mode("browse", 1, "Browse", "what is in it"),
    Mode("compare", 2, "Compare", "what KVM hides"),
    Mode("write", 3, "Write", "would a write pass"),
    Mode("migrate", 4, "Migrate", "would migration work"),
    Mode("patch", 5, "Patch", "what a patch changes"),
    Mode("cache", 6, "Cache", "what caches it has"),
)

START, HELP, OPEN = "start", "help", "open"
EVERYWHERE, LISTS = "everywhere", "lists"
_REGISTERS = ("browse",)
_VCPU = ("browse", "compare", "cache", "patch")
_MIGRATE = ("migrate",)
_REPORTS = ("browse", "compare", "cache", "migrate", "patch")

_MODEL = ("browse", "compare", "cache", "patch")
"""Where a kernel policy can be asked."""

_WRITE_KEYS = (
    Key("write.run", "f2,r", "first_run", "First run", "Before or after the vCPU's first run", ("write",), footer=2),
    Key(
        "write.reset", "f4,u", "reset", "Reset", "A fresh vCPU: forget the writes that were made", ("write",), footer=3
    ),
    Key("write.copy", "f6,y", "copy_verdict", "Copy verdict", "Copy the verdict in full", ("write",), footer=4),
    Key("write.base", "f8,x", "app.base", "Base", "Numbers in hex, binary or decimal", ("write",), footer=5),
    Key("write.real", "f9,W", "for_real", "For real", "Write to a scratch vCPU of the live source", ("write",)),
)
_PATCH_KEYS = (
    Key("patch.variant", "t", "variant(1)", "Variant", "Next variant of the patch", ("patch",), footer=2),
    Key("patch.variant_back", "T", "variant(-1)", "Previous variant", "Previous variant of the patch", ("patch",)),
    Key("patch.every", "m", "every", "All", "Every write, or only those that differ", ("patch",), footer=3),
    Key("patch.next", "n", "difference(1)", "Next", "Next write that differs", ("patch",), footer=4),
    Key("patch.previous", "N", "difference(-1)", "Previous", "Previous write that differs", ("patch",)),
)
_COMPARE = ("compare",)
_COMPARE_KEYS = (
    Key("compare.next", "n", "difference(1)", "Next", "Next line that differs", _COMPARE, footer=1),
    Key("compare.previous", "N", "difference(-1)", "Previous", "Previous line that differs", _COMPARE),
    Key("compare.every", "m", "every", "All", "Differences only, or what is equal too", _COMPARE, footer=2),
    Key("compare.rules", "R", "rules", "By rule", "Group by the rule behind, or by register", _COMPARE, footer=3),
    Key("compare.find", "slash", "find", "Filter", "Filter by register, field or rule", _COMPARE),
    Key("compare.right", "d", "choose('right')", "With", "Choose what to compare with", _COMPARE, footer=4),
    Key("compare.left", "s", "choose('left')", "Left", "Choose the left side", _COMPARE),
    Key(
        "compare.more",
        "a",
        "choose('more')",
        "Add",
        "Add dumps: groups of equal ones become columns",
        _COMPARE,
        footer=5,
    ),
    Key("compare.swap", "D", "swap", "Swap", "Exchange the two dumps", _COMPARE),
    Key("compare.host", "c", "left", "Host/saved", "Host, or the vCPU as it was saved, on the left", _COMPARE),
    Key("compare.baseline", "b", "baseline", "Baseline", "The greatest common feature set, and its exports", _COMPARE),
    Key("compare.register", "right_square_bracket", "register(1)", "Next register", "Next register", _COMPARE),
    Key(
        "compare.register_back",
        "left_square_bracket",
        "register(-1)",
        "Previous register",
        "Previous register",
        _COMPARE,
    ),
    Key(
        "baseline.firecracker",
        "f",
        "save('firecracker')",
        "Firecracker",
        "Write a Firecracker CPU template",
        ("baseline",),
        footer=1,
    ),
    Key("baseline.qemu", "u", "save('qemu')", "QEMU", "Write the options for QEMU", ("baseline",), footer=2),
    Key("baseline.dump", "d", "save('dump')", "Dump", "Write the common values as a dump", ("baseline",), footer=3),
    Key("baseline.report", "e", "save('report')", "Report", "Write the report", ("baseline",), footer=4),
    Key("baseline.copy", "y,Y", "copy_page", "Copy", "Copy the report", ("baseline",), footer=5),
)
KEYS: tuple[Key, ...] = (
    *(
        Key(f"mode.{mode.id}", str(mode.number), f"app.mode('{mode.id}')", mode.title, f"{mode.title}: {mode.question}")
        for mode in MODES
    ),
    Key("start.open", "enter", "choose", "Open", "Open the highlighted dump", (START,), footer=1),
    Key("patch.step", "space", "step", "Step", "Make the next write, on both sides", ("patch",), footer=1),
    Key("list", "l", "registers", "List", "Open the register list", _REGISTERS, footer=1, narrow=True),
    Key("find", "slash", "find", "Find", "Find a register or field, in any spelling", _REGISTERS, footer=2),
    Key(
        "migrate.next", "n", "next_finding", "Next", "Next finding, or kernel with another verdict", _MIGRATE, footer=1
    ),
    Key("migrate.previous", "N", "previous_finding", "Previous", "Previous finding", _MIGRATE),
    Key("migrate.fix", "f", "fix", "Fix", "Ways out, and a copy that the destination accepts", _MIGRATE, footer=2),
    Key("migrate.kernels", "k", "kernels", "Kernels", "Where can this VM go? One line per kernel", _MIGRATE, footer=3),
    Key("migrate.source", "s", "source", "Source", "Choose the saved VM", _MIGRATE, footer=4),
    Key("migrate.destination", "d", "destination", "Dest", "Choose where it is restored", _MIGRATE, footer=5),
    Key("migrate.swap", "D", "swap", "Swap", "Exchange source and destination", _MIGRATE),
    Key("migrate.kernel", "p", "kernel", "Kernel", "The destination's kernel and vCPU features", _MIGRATE),
    Key("migrate.vmm", "h", "vmm", "VMM", "Another VMM's restore rule", _MIGRATE),
    Key("migrate.every", "m", "every", "All", "What passes as well, or only what fails or changes", _MIGRATE),
    Key("cache.sides", "c", "sides", "Host/vCPU", "Host, vCPU, or both beside each other", ("cache",), footer=2),
    Key("cache.next", "right,down,j,l", "cache(1)", "Next cache", "Next cache", ("cache",)),
    Key("cache.previous", "left,up,k,h", "cache(-1)", "Previous cache", "Previous cache", ("cache",)),
    Key("cache.register", "enter", "register", "Register", "This cache's register in Browse", ("cache",), footer=3),
    Key("notable", "m", "notable", "Notable", "Only what stands out, or every register", _REGISTERS, footer=4),
    Key("write", "w", "app.write", "Write", "Would a write of this register be accepted? Try it", _MODEL, footer=4),
    Key("policy", "p", "app.policy", "Policy", "Choose a kernel policy and the vCPU's features", _MODEL, footer=5),
    *_COMPARE_KEYS,
    *_WRITE_KEYS,
    *_PATCH_KEYS,
    Key("next", "n", "next_notable", "Next", "Next match, or next register that stands out", _REGISTERS),
    Key("previous", "N", "previous_notable", "Previous", "Previous match, or register that stands out", _REGISTERS),
    Key(
        "register.next",
        "right_square_bracket",
        "next_register",
        "Next register",
        "Next register of the list",
        _REGISTERS,
    ),
    Key(
        "register.previous",
        "left_square_bracket",
        "previous_register",
        "Previous register",
        "Previous register",
        _REGISTERS,
    ),
    Key("vcpu.next", "v", "app.vcpu(1)", "vCPU", "Next vCPU of this dump", _VCPU, footer=5),
    Key("vcpu.previous", "V", "app.vcpu(-1)", "Previous vCPU", "Previous vCPU of this dump", _VCPU),
    Key("dump.next", "right_curly_bracket", "app.dump(1)", "Next dump", "Next of the loaded dumps", _VCPU),
    Key("dump.previous", "left_curly_bracket", "app.dump(-1)", "Previous dump", "Previous of the loaded dumps", _VCPU),
    Key("base", "x", "app.base", "Base", "Numbers in hex, binary or decimal", (*_VCPU, "migrate")),
    Key("copy.line", "y", "copy_line", "Copy", "Copy the highlighted line", _REPORTS, footer=6),
    Key("copy.report", "Y", "copy_report", "Copy report", "Copy this screen's report", _REPORTS),
    Key("export", "e", "export", "Export", "Write this screen's report to a new file", _REPORTS),
    Key("maximise", "z", "zoom", "Maximise", "The focused pane alone, or all panes", _REPORTS),
    Key("refresh", "r", "app.refresh", "Refresh", "Read a live source again", _REPORTS),
    Key("open", "o", "app.open", "Open", "Open a file or another dump", footer=7),
    Key("back", "escape", "screen.back", "Back", "Close, clear the search, or go back"),
    Key("help", "question_mark,f1", "app.help", "Help", "What the focused pane shows, and its keys", footer=8),
    Key("quit", "q,ctrl+q", "app.quit", "Quit", "Leave the program", footer=9),
    Key("palette", "ctrl+p", "app.command_palette", "palette", "Every command and register by name"),
    Key("move.down", "j,down", "move(1)", "Down", "Next line", (LISTS,)),
    Key("move.up", "k,up", "move(-1)", "Up", "Previous line", (LISTS,)),
    Key("move.page_down", "pagedown", "page(1)", "Page down", "One page down", (LISTS,)),
    Key("move.page_up", "pageup", "page(-1)", "Page up", "One page up", (LISTS,)),
    Key("move.first", "g,home", "first", "First", "First line", (LISTS,)),
    Key("move.last", "G,end", "last", "Last", "Last line", (LISTS,)),
    Key("choose", "enter", "choose", "Choose", "Choose, explain or open the highlighted line", (LISTS,)),
    Key("fold", "space", "fold", "Fold", "Fold or unfold a group", (LISTS,)),
)

FOOTER_KEYS = 6
"""The footer shows at most this many keys besides the palette's."""


def in_place(place: str, modes: Collection[str] = ()) -> tuple[Key, ...]:
    """The keys that mean something in one place, table order; digits only of the `modes` that exist."""
    return tuple(
        key
        for key in KEYS
        if place in key.where and (not key.id.startswith("mode.") or key.id[len("mode.") :] in modes)
    )


def bindings(place: str, modes: Collection[str] = (), without: str = "") -> list[Binding]:
    """Textual bindings of one place, for a `BINDINGS` class variable; `without` names a key that is not bound there."""
    return [
        Binding(
            ",".join(one for one in key.keys.split(",") if one != without),
            key.action,
            key.label,
            show=bool(key.footer),
            tooltip=key.tooltip,
            id=key.id,
        )
        for key in in_place(place, modes)
    ]


def shown(key: Key, keymap: Mapping[str, str] | None = None, every: bool = False) -> str:
    """How a key looks on screen (`/`, `^p`, `?`); with `every`, all of its spellings."""
    spelled = (keymap or {}).get(key.id, key.keys).split(",")
    looks = [_look(one.strip()) for one in (spelled if every else spelled[:1])]
    return " ".join(looks)


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


def footer(place: str, narrow: bool, words: Mapping[str, str] | None = None) -> list[tuple[Key, str]]:
    """The keys of the footer in one place with their labels, most useful first, never more than FOOTER_KEYS, help last.

    `words` replaces labels by what pressing the key would do now; an empty word leaves the key out.
    """
    words = words or {}
    wanted = [
        (key, words.get(key.id, key.label))
        for key in sorted(KEYS, key=lambda key: key.footer)
        if key.footer and (place in key.where or EVERYWHERE in key.where) and (narrow or not key.narrow)
    ]
    shown = [(key, word) for key, word in wanted if word]
    if len(shown) <= FOOTER_KEYS:
        return shown
    last = [pair for pair in shown if pair[0].id == "help"]
    return [*[pair for pair in shown if pair[0].id != "help"][: FOOTER_KEYS - 1], *last]
