"""Features: the index of the architecture's features, filtered by typing, with why the guest lacks one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input

from inspector.app.dialogs.line import Line
from inspector.app.modes import features
from inspector.app.shell import keys
from inspector.app.shell.listed import Listed
from inspector.app.shell.session import Change
from inspector.app.widgets.explained import Explained
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.checks.features.presence import FeatureState, states_of
from inspector.checks.features.sides import Sides
from inspector.registers.features import search
from inspector.reports.summary import ANSWERS, STATES, brief_reason, why_lines
from inspector.reports.text import markdown_table

HELP = (
    "Every feature of the architecture: present on the host, shown to the vCPU, by which rule it is hidden and since "
    "which release, and which vCPU feature it needs. = shown, ▼ lost, · absent, ▲ added, ? not known.\n"
    "/ filters by FEAT_ name, HWCAP flag (asimddp), assembler name (+sve2-aes) or words (pointer). m leaves what the "
    "vCPU lacks and the host has or may have. enter goes to the field in Browse, escape back to the summary."
)
ROLES = {"shown": "same", "lost": "masked", "absent": "muted", "added": "raised", "unknown": "unknown"}
NAME, ANSWER = 25, 6
REASON = 46
"""Cells of the reason, as long as the words about a feature have `ABOUT`."""
ABOUT = 34


class Features(Listed):
    """Filter, list, explanation."""

    MODE = features.MODE
    LINE_IS = "feature"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(features.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self._sides: Sides | None = None
        self._states: tuple[FeatureState, ...] = ()
        self._only_missing = False
        self._text = ""
        self._asked = False

    def body(self) -> Iterable[Widget]:
        """Filter, state, list, explanation."""
        listing = Listing(id="features", empty="No feature matches")
        listing.help_text = HELP
        yield Line(placeholder="FEAT_SVE2, asimddp, +sve2-aes, pointer …", id="filter")
        yield Lines(id="said")
        yield listing
        yield Lines(id="rule")
        yield Explained("space")

    def on_mount(self) -> None:
        """The list has the keys, or the filter where that was asked for."""
        if self._asked:
            self.action_find()
        else:
            self.set_focus(self.table)

    def ask(self) -> None:
        """Give the filter the keys, as soon as it exists."""
        if self.is_mounted:
            self.action_find()
        else:
            self._asked = True

    def refresh_from(self, change: Change) -> None:
        """Ask both sides again."""
        if not self.session.dumps:
            return
        sides = self.session.sides()
        if sides is not self._sides:
            self._sides, self._states = sides, states_of(sides)
        self.fill_list()
        self.lay_out()

    def _shown(self) -> list[FeatureState]:
        """What the filter leaves, what was named first."""
        by_name = {one.name: one for one in self._states}
        order = [one.name for one in search(self._text)] if self._text.strip() else list(by_name)
        found = [by_name[name] for name in order]
        return [one for one in found if self._missing(one)] if self._only_missing else found

    def _missing(self, one: FeatureState) -> bool:
        return one.missing if self._sides is not None and self._sides.both else one.state == "absent"

    def fill_list(self) -> None:
        """Put the lines into the list."""
        if self._sides is None:
            return
        shown = self._shown()
        both, roomy = self._sides.both, self.app.size.width >= 110
        columns = [Column("", 2), Column("feature", NAME)]
        columns += [Column("host", ANSWER), Column("vCPU", ANSWER)] if both else [Column("", ANSWER)]
        reasons = [bool(brief_reason(one)) for one in shown]
        split = both and roomy and any(reasons)
        # Where the others' words go on in the room of the reason, it has no title that would seem to be theirs.
        why = Column("why the vCPU lacks it" if all(reasons) else "")
        columns += [Column("about", self._about), why] if split else [Column("about")]
        self.table.fill([self._item(one, both, split) for one in shown], cols=columns)
        self.mark_stepped({one.name: one for one in shown})
        self._say(len(shown))

    @property
    def _about(self) -> int:
        """Cells of the words about a feature, where the reason stands beside them."""
        return max(self.app.size.width - 4 - NAME - 2 * ANSWER - REASON, ABOUT)

    def _item(self, one: FeatureState, both: bool, split: bool) -> Item:
        role = ROLES[one.state]
        answers = [one.host, one.vcpu] if both else [one.vcpu if self._sides and self._sides.vcpu else one.host]
        cells: list[Row] = [row(Ink(STATES[one.state], role)), row(ink(one.name, "muted" if role == "muted" else ""))]
        cells += [row(Ink(ANSWERS[answer], role)) for answer in answers]
        reason = brief_reason(one)
        # Without a reason, its column is the text's too.
        cut = self._about if split and not reason else len(one.text)
        about = row(ink(one.text[:cut], "muted"))
        cells.append(clip(about, self._about - 2) if split and reason else about)
        if split:
            cells.append(row(ink(reason, role), ink(one.text[cut:], "muted")))
        return Item(one.name, tuple(cells))

    def _say(self, count: int) -> None:
        lost = sum(one.lost for one in self._states)
        words = [Ink(" "), ink(f"{count} of {len(self._states)} features", "title")]
        if self._sides is not None and self._sides.both:
            words += [Ink("   "), Ink(f"▼ {lost} lost between host and guest", "masked")]
        if self._text.strip():
            words += [Ink("   filter ", "muted"), ink(self._text.strip())]
        self.query_one("#said", Lines).show([clip(tuple(words), self.app.size.width)])

    def chosen(self) -> FeatureState | None:
        """What the highlighted line stands for."""
        item = self.table.current
        return next((one for one in self._states if item is not None and one.name == item.key), None)

    def lay_out(self) -> None:
        """Share the height between list and explanation."""
        if self._sides is None or self.tiny:
            return
        chosen = self.chosen()
        rows = _explained(chosen, self.app.size.width - 2) if chosen is not None else []
        self.explain(rows, above=bool(self.query_one("#filter").display))

    def action_missing(self) -> None:
        """Only what is missing, or all."""
        self._only_missing = not self._only_missing
        self.fill_list()
        self.lay_out()
        self.draw_bars()

    def action_find(self) -> None:
        """Give the filter the keys."""
        line = self.query_one("#filter", Line)
        line.display = True
        self.set_focus(line)
        self.lay_out()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self._text = event.value
        self.fill_list()
        self.table.go(0)
        self.lay_out()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.table.focus()

    def action_back(self) -> None:
        """Clear the filter, else back to the summary."""
        line = self.query_one("#filter", Line)
        if self.maximized is not None:
            self.minimize()
        elif line.display:
            line.value, line.display = "", False
            self.table.focus()
            self.lay_out()
        else:
            self.program.action_mode("summary")

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        return {
            "vcpu.next": self.session.next_view, "write": "",
            "features.missing": "All" if self._only_missing else "Missing",
        }  # fmt: skip

    def report(self) -> str:
        """What is shown, as a Markdown table."""
        rows = [
            [one.name, ANSWERS[one.host], ANSWERS[one.vcpu], one.text, "; ".join(why_lines(one)) if one.missing else ""]
            for one in self._shown()
        ]
        return "\n".join(markdown_table(["feature", "host", "vCPU", "about", "why not"], rows))

    def report_name(self) -> str:
        """Stem of the exported file."""
        return "features"


def _explained(one: FeatureState, cells: int) -> list[Row]:
    """A feature in full: what it is, its names, where it is read, why the vCPU lacks it."""
    rows = wrap(row(Ink(one.name, "title"), Ink("  "), ink(one.text)), cells, 2)
    if one.aliases:
        rows += wrap(row(Ink("Also       ", "muted"), ink(", ".join(one.aliases))), cells, 11)
    rows += wrap(row(Ink("Read from  ", "muted"), ink(one.condition or "no ID register shows it")), cells, 11)
    if one.rule or one.needs or (one.missing and one.reason):
        for place, text in enumerate(why_lines(one)):
            rows += wrap(row(Ink("Why not    " if place == 0 else " " * 11, "muted"), ink(text)), cells, 11)
    return rows
