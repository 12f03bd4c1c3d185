"""Who may import whom, proved in fresh processes by looking at sys.modules."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "inspector"
ORDER = ("registers", "policies", "kvm", "sources", "checks", "reports", "app", "commands")
"""Every room may import itself and the rooms before it; only `commands` (the `live` command) opens the screens."""
ALLOWED = {room: set(ORDER[: place + 1]) for place, room in enumerate(ORDER)}
SHARED = {"errors", "shipped", "__init__"}


def modules_after(code: str) -> set[str]:
    """The names in sys.modules after a fresh interpreter ran `code`."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


def module_names(room: str) -> list[str]:
    """Every module of a room, importable form."""
    paths = sorted((PACKAGE / room).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("room", sorted(set(ALLOWED) - {"app"}))
def test_no_room_but_app_loads_textual(room: str) -> None:
    loaded = modules_after("\n".join(f"import {name}" for name in module_names(room)))
    assert not {name for name in loaded if name.split(".")[0] == "textual"}
    assert not {name for name in loaded if name.startswith("inspector.app")}
    if room not in ("reports", "commands"):
        assert "rich" not in loaded


def test_registers_load_construct_and_the_standard_library_only() -> None:
    code = "\n".join(f"import {name}" for name in module_names("registers"))
    top = {name.split(".")[0] for name in modules_after(code)}
    foreign = {name for name in top if name not in sys.stdlib_module_names and not name.startswith("_")}
    # A .pth file of an editable install or of a debugger may add modules of its own before our code runs.
    foreign -= {name.split(".")[0] for name in modules_after("pass")}
    assert foreign <= {"construct", "inspector", "site", "sitecustomize", "usercustomize"}


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(option: str) -> None:
    loaded = modules_after(f"from inspector.cli import main\nassert main([{option!r}]) == 0")
    assert not loaded & {"construct", "rich", "textual", "msgspec"}


def test_show_does_not_load_textual_or_rich() -> None:
    loaded = modules_after("from inspector.cli import main\nassert main(['decode', 'CTR_EL0', '0xb444c004']) == 0")
    assert not loaded & {"rich", "textual"}


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_imports_written_in_a_room_point_one_way(room: str) -> None:
    wrong = []
    for path in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                targets = [node.module] if node.module != "inspector" else [f"inspector.{a.name}" for a in node.names]
            for target in targets:
                parts = target.split(".")
                inside = parts[0] == "inspector" and len(parts) > 1
                if inside and parts[1] not in ALLOWED[room] | SHARED | {"__version__"}:
                    wrong.append(f"{path.relative_to(ROOT)} imports {target}")
    assert not wrong


def test_the_collector_stands_alone() -> None:
    for path in sorted((PACKAGE / "sources" / "live").glob("*collector*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name} has a relative import"
                names = [node.module or ""]
            assert all(name.split(".")[0] in sys.stdlib_module_names for name in names), path.name


def test_top_level_holds_what_the_layout_names() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if tracked.returncode or not tracked.stdout:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in tracked.stdout.split("\n") if name}
    known = {"pyproject.toml", "README.md", "LICENSE", ".gitignore", ".ci", "inspector", "tests", "snapshots", "themes"}
    assert top <= known
