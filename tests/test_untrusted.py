"""Text that files, hosts and names bring: mypy refuses it wherever it would be drawn or parsed as it is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from inspector.app.widgets.unmarked import unmarked
from inspector.sources.dump import TEXTS, Provenance
from inspector.untrusted import Untrusted
from tests.hostile_text import EVIL, hidden_in

ROOT = Path(__file__).parent.parent
APP = ROOT / "inspector" / "app"

HANDED_ON = """
from rich.text import Text
from textual.content import Content
from textual.widgets import Label, Static
from inspector.app.shell.application import InspectorApp
from inspector.app.shell.commands import Command
from inspector.app.widgets.ink import Ink, ink, row
from inspector.app.widgets.unmarked import Box, unmarked
from inspector.errors import InspectorError, one_line
from inspector.reports.outline import Words
from inspector.reports.text import columns
from inspector.sources.dump import Dump, Provenance


def hand_on(dump: Dump, app: InspectorApp, box: Box) -> None:
    host, plain = dump.provenance.host, unmarked("")
    Static(host)  # refused
    Label(host)  # refused
    Text(host)  # refused
    Content(host)  # refused
    Content.from_markup(host)  # refused
    Command(host, "", app.bell)  # refused
    Command("", host, app.bell)  # refused
    Ink(host)  # refused
    ink(host)  # refused
    row(host)  # refused
    Words(host)  # refused
    columns([[host]])  # refused
    app.notify(host)  # refused
    app.notify("", title=host)  # refused
    app.copy(host)  # refused
    box.border_title = host  # refused
    one_line(host)  # refused
    InspectorError(host)  # refused
    "host: " + host  # refused
    ", ".join([host])  # refused
    Provenance(host="a str")  # refused
    Box(host, plain)  # refused
    Box(plain, host)  # refused
    Box(f"CPUs of {host}", plain)  # refused
    Box(host.raw, plain)  # refused
    Box("a str", plain)  # refused
    Box(unmarked(f"CPUs of {host}"), plain)
    row(host.shown)
    ink(f"CPUs of {host}")
"""
"""What mypy has to say of each line: an error where `refused` stands, and nowhere else."""


@pytest.mark.slow
def test_mypy_refuses_untrusted_text_where_text_is_drawn_or_parsed(tmp_path: Path) -> None:
    path = tmp_path / "handed_on.py"
    path.write_text(HANDED_ON, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr
    told = {int(line.split(":")[1]): line for line in done.stdout.splitlines() if ": error:" in line}
    wanted = {n for n, line in enumerate(HANDED_ON.split("\n"), 1) if line.endswith("# refused")}
    assert set(told) == wanted, done.stdout


PARSED = {
    "border_title", "border_subtitle", "tooltip", "from_markup", "render_markup", "Static", "Label", "Button", "Option",
    "Hit", "DiscoveryHit", "Checkbox", "RadioButton", "Select", "SelectionList", "OptionList", "Tree", "Tab", "Link",
    "Digits", "Toast", "Tooltip", "DataTable", "RichLog", "Log", "Collapsible", "Header", "Footer",
}  # fmt: skip
"""What Textual parses, or draws of what it is given."""


@pytest.mark.parametrize("path", sorted(APP.rglob("*.py")), ids=lambda path: path.relative_to(APP).as_posix())
def test_what_parses_a_text_is_named_in_one_module(path: Path) -> None:
    """mypy cannot tell a `str` that was put together from such text from another: there, no `str` is taken at all."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    named = {getattr(one, "attr", "") or getattr(one, "id", "") or getattr(one, "name", "") for one in tree}
    assert path.name == "unmarked.py" or named & PARSED <= ALLOWED.get(path.name, set())


ALLOWED = {"keys.py": {"tooltip"}, "commands.py": {"tooltip"}, "help.py": {"tooltip"}}
"""`tooltip` of a key of ours, a text of the program's own"""


def test_an_untrusted_text_shows_what_it_hides() -> None:
    text = Untrusted(EVIL)
    for shown in (text.shown, str(text), f"{text}", f"{text:>2000}", "%s" % text, "{}".format(text)):  # noqa: UP031, UP032
        assert not hidden_in(shown) and "[@click" in shown
    assert text.raw == EVIL and text == EVIL and text == Untrusted(EVIL) and hash(text) == hash(EVIL)
    assert text and not Untrusted() and "evil" in repr(text)
    with pytest.raises(AttributeError):
        text.raw = "other"


def test_what_textual_draws_itself_is_neither_markup_nor_hidden() -> None:
    drawn = unmarked(EVIL)
    assert not hidden_in(drawn.plain) and "[@click=app.quit]QUIT" in drawn.plain and not drawn.spans


def test_a_provenance_takes_no_bare_text() -> None:
    """Where a type checker cannot see: `msgspec.structs.replace` takes anything."""
    given = Provenance(source="a.json")
    for name in TEXTS:
        assert getattr(given.told(**{name: "x"}), name) == "x"
        with pytest.raises(TypeError, match=name):
            msgspec.structs.replace(given, **{name: "x"})
