"""Releases are data: what the program knows of one stands in the policies and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "inspector"
RELEASE = re.compile(r"(?<![\w.-])v?(?:4\.(?:4|9|14|19)|5\.(?:4|1\d)|6\.\d{1,2}|7\.[0-3])(?:\.\d+)?(?![\w.]*\d)")
EXAMPLES = {
    "app/dialogs/policy.py", "app/modes/migrate/sides.py", "commands/arguments.py", "commands/kernels.py",
    "reports/kernels.py", "cli.py", "app/modes/compare/choose_sides.py", "app/modes/start/anything.py",
    "app/modes/start/screen.py", "checks/explain/patches.py",
}  # fmt: skip
"""Where a release stands as an example of what one may type."""
OTHER_PROGRAMS = {
    "checks/vmms", "checks/explain/conclusions.py", "checks/explain/explain.py", "sources/formats/overview.py",
    "sources/formats/firecracker_vmstate.py",
}  # fmt: skip
"""Where numbers are versions of QEMU and other VMMs."""
LINUX = re.compile(r"\.version\b|release")


def _code(tree: ast.Module) -> Iterator[ast.Constant]:
    """The constants of a module that are no docstring, nor a string that stands for itself."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in alone:
            yield node


def _found(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    for text in _code(tree):
        value = text.value if isinstance(text.value, str) else ""
        yield from (f"{path}:{text.lineno}: {match[0]} in {value[:60]!r}" for match in RELEASE.finditer(value))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        words = ast.unparse(node)
        tuples = [ast.unparse(side) for side in (node.left, *node.comparators) if isinstance(side, ast.Tuple)]
        if LINUX.search(words) and any(character.isdigit() for character in "".join(tuples)):
            yield f"{path}:{node.lineno}: {words}"


def test_no_release_is_typed_outside_the_policies() -> None:
    found: list[str] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith("policies/") or name in EXAMPLES or any(name.startswith(one) for one in OTHER_PROGRAMS):
            continue
        found += _found(path)
    assert not found, "\n".join(found)
