"""No regular expression of the package takes more than linear time, whatever a stranger's text holds.

Every expression is found by compiling it: all modules are imported, and every table of expressions is compiled, while
`re` notes what it is given; expressions written inside functions are read from the source. Each is tried on texts that
are made for it: what leads to one of its repetitions, then much of what the repetition takes, then a letter that fits
nothing. Texts grow step by step, and time is the process's own, so that a busy machine changes no answer.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from statistics import median
from typing import Any, NamedTuple

import pytest

import inspector
from tests.fresh import ROOT

_LENGTHS = (8, 16, 20, 24, 64, 512, 2048, 8192)
_SOON = 0.01
"""CPU seconds within which the longest text is done with, for all but expressions of many alternatives. Quadratic time
takes five times as long at least, even on a fast machine: no machine is so fast that one is let pass on it alone."""
_HOPELESS = 0.2
_PAIRS = 9
_LONG = 20
"""A repetition of fewer times cannot grow with the text."""
_LETTERS = " \t\naAz019f_-.:/,=x([{\"'<>#|@e"
_NOTHING = "\x01"


class Use(NamedTuple):
    """Where an expression stands, and whether it is only tried at one place of a text."""

    module: str
    anchored: bool


def written(source: str) -> Iterator[tuple[str, bool]]:
    """Expressions that are given as texts to functions of `re`, and whether they are tried at one place only."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str | bytes)
        ):
            text = node.args[0].value
            anchored = node.func.attr in ("match", "fullmatch")
            if node.func.attr != "compile":
                yield text if isinstance(text, str) else text.decode("latin-1"), anchored


def every_pattern() -> dict[tuple[str, int], Use]:
    """(expression, flags) -> the module that has it, and how it is used."""
    found: dict[tuple[str, int], Use] = {}
    anchored: dict[tuple[str, int], bool] = {}
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "inspector").rglob("*.py")}
    whole = "\n".join(sources.values())
    module = ""
    real = re._compile  # type: ignore[attr-defined]

    def noting(pattern: Any, flags: int) -> Any:
        made = real(pattern, flags)
        place = sys._getframe(2).f_code.co_filename
        if place.startswith(str(ROOT / "inspector")):
            found.setdefault(key(made), Use(str(Path(place).relative_to(ROOT)), False))
        return made

    re._compile = noting  # type: ignore[attr-defined]
    try:
        for each in pkgutil.walk_packages(inspector.__path__, "inspector."):
            if each.name == "inspector.__main__":
                continue
            module = each.name
            path = ROOT.joinpath(*module.split("."))
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            loaded = importlib.import_module(module)
            for text, once in written(sources[file]):
                anchored[text, 0] = anchored.get((text, 0), True) and once
                found.setdefault((text, 0), Use(str(file.relative_to(ROOT)), False))
            for name, value in vars(loaded).items():
                text = sources[file] if name.startswith("_") else whole
                methods = set(re.findall(rf"\b{name}\.(\w+)\(", text)) if isinstance(value, re.Pattern) else set()
                for pattern in _inside(value):
                    once = bool(methods) and methods <= {"match", "fullmatch"}
                    anchored[key(pattern)] = anchored.get(key(pattern), True) and once
                    found.setdefault(key(pattern), Use(str(file.relative_to(ROOT)), False))
        _compile_tables()
    finally:
        re._compile = real  # type: ignore[attr-defined]
    return {each: Use(use.module, anchored.get(each, False)) for each, use in found.items()}


def key(pattern: re.Pattern[Any]) -> tuple[str, int]:
    """An expression as text, and its flags."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return text, pattern.flags & ~re.UNICODE


def _inside(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    """Expressions in a value of a module: itself, or in tuples, mappings and structures."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, tuple | list | frozenset | set):
        for item in value:
            yield from _inside(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from _inside(item, depth - 1)
    elif depth and hasattr(value, "__struct_fields__") and not isinstance(value, type):
        for name in value.__struct_fields__:
            yield from _inside(getattr(value, name), depth - 1)


def _compile_tables() -> None:
    """Expressions that are compiled when they are first needed."""
    from inspector.checks.explain import failures
    from inspector.checks.vmms import messages, table
    from inspector.library import explain

    for row in failures.rows().values():
        failures.compiled(row)
    for message in table.MESSAGES:
        messages.compiled(message)
    explain("qemu-system-aarch64: Failed to load cpu:cpreg_vmstate_array_len")


PATTERNS = every_pattern()


def sample(node: Any) -> str:
    """A short text that a parsed expression matches, more or less."""
    return "".join(_sample(op, value) for op, value in node)


def _sample(op: Any, value: Any) -> str:
    if op is codes.LITERAL:
        return chr(value)
    if op is codes.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if op is codes.ANY:
        return "a"
    if op is codes.IN:
        return (members(value) or ["a"])[0]
    if op is codes.BRANCH:
        return sample(value[1][0])
    if op is codes.SUBPATTERN:
        return sample(value[3])
    if op is codes.ATOMIC_GROUP:
        return sample(value)
    if op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return sample(value[2]) * int(value[0])
    return ""


def members(choice: Any) -> list[str]:
    """Letters that a set takes: its own, and those of the alphabet of this test."""
    own = [chr(value) for op, value in choice if op is codes.LITERAL]
    own += [chr(value[0]) for op, value in choice if op is codes.RANGE]
    tree = parser.SubPattern(parser.State())
    tree.append((codes.IN, choice))
    matches = re._compiler.compile(tree)  # type: ignore[attr-defined]
    return [letter for letter in dict.fromkeys([*own[:3], *_LETTERS]) if matches.match(letter)]


def pumps(tree: Any) -> Iterator[tuple[str, str]]:
    """What leads to each repetition, and what it can take again and again."""
    yield from _pumps(tree, "")


def _pumps(nodes: Any, before: str) -> Iterator[tuple[str, str]]:
    for op, value in nodes:
        if op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            _, most, body = value
            if most is codes.MAXREPEAT or most >= _LONG:
                for taken in bodies(body):
                    yield before, taken
            yield from _pumps(body, before)
        for part in _parts(op, value):
            yield from _pumps(part, before)
        before += _sample(op, value)
    if before:
        yield "", before


def _parts(op: Any, value: Any) -> list[Any]:
    """The expressions within a node that is no repetition."""
    if op is codes.SUBPATTERN:
        return [value[3]]
    if op is codes.ATOMIC_GROUP:
        return [value]
    if op is codes.BRANCH:
        return list(value[1])
    return [value[1]] if op in (codes.ASSERT, codes.ASSERT_NOT) else []


def bodies(body: Any) -> list[str]:
    """What a repeated part can be: each letter of a set, or a sample of all."""
    if len(body) == 1 and body[0][0] is codes.IN:
        return members(body[0][1])[:6]
    if len(body) == 1 and body[0][0] is codes.ANY:
        return ["a", " ", "0"]
    whole = sample(body)
    return [text for text in dict.fromkeys([whole, *(whole[:1], whole[-1:]), "a", " ", "_"]) if text]


def seconds(pattern: re.Pattern[str], text: str, anchored: bool) -> float:
    """CPU time of what the package does with an expression: match a text from its start, or search it."""
    started = time.process_time()
    if anchored:
        pattern.match(text)
        pattern.fullmatch(text)
    else:
        for _ in pattern.finditer(text):
            pass
    return time.process_time() - started


def too_slow(pattern: re.Pattern[str], before: str, taken: str, anchored: bool) -> str:
    """How the time grows where it does so faster than the text; "" where it does not."""
    last = 0.0
    for length in _LENGTHS:
        text = before + taken * max(1, length // len(taken)) + _NOTHING
        last = seconds(pattern, text, anchored)
        # A machine that stood meanwhile may count that as ours: not three times.
        if last > _HOPELESS and min(seconds(pattern, text, anchored) for _ in range(2)) > _HOPELESS:
            return f"{last:.2f} s for {len(text)} letters: {before[:40]!r} + {taken[:40]!r} * n"
    if last < _SOON:
        return ""
    half = before + taken * max(1, _LENGTHS[-1] // 2 // len(taken)) + _NOTHING
    # Each beside the other, as the speed of a machine changes; of pairs the middle one, as a single one is disturbed.
    pairs = [(seconds(pattern, text, anchored), seconds(pattern, half, anchored)) for _ in range(_PAIRS)]
    ratio = median(more / max(1e-9, less) for more, less in pairs)
    return f"twice the text takes {ratio:.1f} times as long: {before[:40]!r} + {taken[:40]!r} * n" if ratio > 3 else ""


def slow_texts(expression: str, flags: int, anchored: bool = False) -> list[str]:
    """The first text on which an expression is too slow."""
    tree = parser.parse(expression, flags & ~re.DEBUG)
    pattern = re.compile(expression, flags)
    tried = dict.fromkeys(pumps(tree))
    tried |= dict.fromkeys(("", letter) for letter in " a0_\n")
    # what leads to a repetition, again and again: each begins a search of its own
    tried |= dict.fromkeys(("", before + taken) for before, taken in list(tried) if before)
    return list(islice(filter(None, (too_slow(pattern, *each, anchored) for each in tried)), 1))


def test_expressions_are_found() -> None:
    assert len(PATTERNS) > 150
    modules = {use.module for use in PATTERNS.values()}
    assert {"inspector/checks/explain/text.py", "inspector/sources/formats/plain_text.py"} <= modules


@pytest.mark.parametrize("part", range(8))
def test_no_expression_is_slower_than_linear(part: int) -> None:
    slow = {}
    for expression, flags in sorted(PATTERNS)[part::8]:
        use = PATTERNS[expression, flags]
        if found := slow_texts(expression, flags, use.anchored):
            slow[f"{use.module}: {expression[:100]}"] = found
    assert not slow, "\n".join(f"{name}\n    {texts}" for name, texts in slow.items())


@pytest.mark.parametrize(
    "expression",
    [r"(a+)+b", r"(?:\w+_?)*_EL1", r"[ \t]*[=:,]?[ \t]*\d", r"\|\s*(\d+)\s*,?\s*$", r"\S.*?\s*(?:=|\s)\s*\d$"],
)
def test_slow_expressions_are_noticed(expression: str) -> None:
    assert slow_texts(expression, 0)


@pytest.mark.parametrize("expression", [r"[a-z]{1,80}=\d", r"^\s*x", r"^(?:ab|cd)*+e", r"\bfoo_\w{1,20}\b"])
def test_linear_expressions_are_let_pass(expression: str) -> None:
    assert not slow_texts(expression, 0)
