"""Patches in a text (unified diffs of source files, as git, mail and trackers carry them): which of its lines they are.

What stands there is a program's source: no value of a machine and no message that anything printed. The lines of a
hunk are told by its header's counts, its quote marks and their first sign, so that a reply's comments, a log behind
the patch and what follows a cut are none of it. A diff of two lists of values is no patch: the files' names show it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

from inspector.numbers import count_of

_QUOTES = re.compile(r"(?:[ \t]{0,2}>)+ ?")
_TAGS = re.compile(r"^class=\"\w{1,20}\">|</?[A-Za-z][^<>]{0,200}>|<[a-z]{1,10}$")
"""Tags of a page, one of which an archive breaks into two lines"""
_GIT = re.compile(r"diff --git \"?[^\s\"]+\"? \"?(?:b/)?(\S+?)\"?$|diff --(?:cc|combined) (\S+)$")
_FILE = re.compile(r"\+\+\+ (\S+)")
_HUNK = re.compile(r"@@ -[0-9]{1,7}(?:,([0-9]{1,7}))? \+[0-9]{1,7}(?:,([0-9]{1,7}))? @@")
_MERGED = re.compile(r"@@@{1,8} -[0-9]")
_IN_HUNK = re.compile(r"(?!-- $)[-+ \t\\]|$")
_ABOUT_FILE = re.compile(
    r"index [0-9a-f]{7,40}"
    r"|(?:new|deleted) file mode|(?:old|new) mode|(?:dis)?similarity index|(?:rename|copy) (?:from|to) "
    r"|Binary files|GIT binary patch|Index: |={60}"
)
_SOURCE = re.compile(
    r"\.(?:c|h|cc|cpp|hpp|S|s|rs|go|py|sh|pl|awk|lds|dts|dtsi|rst|adoc|md|yaml|yml|tbl|inc|cfg|cocci|bash)$"
    r"|(?:^|/)(?:Makefile|Kconfig|Kbuild|MAINTAINERS|sysreg)(?:\.\w{1,20})?$"
    r"|^(?:arch|virt|drivers|include|kernel|scripts|Documentation|tools|target|hw)/"
)
_ENDLESS = 1 << 30


class Change(NamedTuple):
    """A line that a patch puts in or takes out."""

    path: str
    added: bool
    text: str


class Patch(NamedTuple):
    """The patches of a text, together."""

    paths: tuple[str, ...]
    """the files that they change, in the text's order"""
    lines: frozenset[int]
    """numbers of the lines that are theirs, from 0"""
    changes: tuple[Change, ...]
    cut: bool
    """the text ends within a hunk"""

    @property
    def words(self) -> str:
        """The files in few words: `arch/arm64/kvm/sys_regs.c and 2 more files`."""
        more = len(self.paths) - 1
        return self.paths[0] + (f" and {count_of(more, 'more file')}" if more else "")


def patch_in(lines: Sequence[str]) -> Patch | None:
    """The patches that stand in `lines`; None without a hunk or a header of a source file.

    Time is linear in the length of the text.
    """
    if not any("diff --" in line or "+++ " in line or "Index: " in line for line in lines):
        return None
    paths: dict[str, None] = {}
    numbers: set[int] = set()
    changes: list[Change] = []
    path, depth, old, new, before = "", 0, 0, 0, ""
    for number, raw in enumerate(lines):
        line, quotes = _bare(raw)
        if named := _file_named(line, before):
            path = named if _SOURCE.search(named) else ""
            old = new = 0
            if path:
                paths.setdefault(path)
                numbers.update((number, number - 1) if line[0] == "+" else (number,))
        elif path and (counts := _hunk_counts(line)):
            (old, new), depth = counts, quotes
            numbers.add(number)
        elif path and max(old, new) > 0 and quotes == depth and _IN_HUNK.match(line):
            numbers.add(number)
            if line.startswith(("+", "-")):
                changes.append(Change(path, line[0] == "+", line[1:]))
            old -= line[:1] != "+" and line[:1] != "\\"
            new -= line[:1] != "-" and line[:1] != "\\"
        elif path and _ABOUT_FILE.match(line):
            numbers.add(number)
        before = line
    if not paths:
        return None
    cut = 0 < max(old, new) < _ENDLESS // 2 and not depth
    return Patch(tuple(paths), frozenset(numbers), tuple(changes), cut)


def _hunk_counts(line: str) -> tuple[int, int] | None:
    """How many lines of the old and of the new file a hunk has, by its header; None for any other line."""
    if hunk := _HUNK.match(line):
        return int(hunk[1] or 1), int(hunk[2] or 1)
    return (_ENDLESS, _ENDLESS) if _MERGED.match(line) else None


def _file_named(line: str, before: str) -> str:
    """The file that begins with this line and the one before, as git or diff names it; "" for any other line."""
    named = _GIT.match(line.rstrip())
    if named is None and before.startswith("--- "):
        named = _FILE.match(line)
    if named is None:
        return ""
    told = str(named[named.lastindex or 1])
    return (before.split()[1] if told == "/dev/null" else told).removeprefix("a/").removeprefix("b/")


def _bare(raw: str) -> tuple[str, int]:
    """A line without a page's tags and entities and without quote marks, and how many of these it had."""
    line = raw
    if "<" in line or line.startswith("class="):
        line = _TAGS.sub("", line)
    if "&" in line:
        line = html.unescape(line)
    if ">" in line[:3]:
        quoted = _QUOTES.match(line)
        if quoted:
            return line[quoted.end() :], quoted[0].count(">")
    return line, 0
