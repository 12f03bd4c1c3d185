"""Who may import whom, proved in fresh processes by looking at sys.modules."""

from __future__ import annotations

import ast
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fresh import ROOT, modules_after

PACKAGE = ROOT / "inspector"
ORDER = ("transport", "registers", "policies", "kvm", "lab", "sources", "checks", "reports", "app", "commands")
"""Every room may import itself and the rooms before it; only `commands` (the `live` command) opens the screens."""
ALLOWED = {room: set(ORDER[: place + 1]) for place, room in enumerate(ORDER)}
LAYOUT = {
    # the product
    "inspector", "snapshots", "themes", "share", "tests", "pyproject.toml", "README.md", "LICENSE",
    # working on it
    "CONTRIBUTING.md", "CHANGELOG.md", ".ci", ".pre-commit-config.yaml", "uv.lock", "pylock.toml",
    ".python-version", ".gitignore", ".gitattributes",
}  # fmt: skip
"""What may lie at the top of the tree."""


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
    assert option != "--version" or not loaded & {"argparse", "typing"}


def test_the_start_page_opens_without_what_reads_the_names_of_kernels() -> None:
    """A kernel's name is read when one is typed: that takes a tenth of the page's modules."""
    assert "inspector.policies.release" not in modules_after("import inspector.app.modes.start.screen")


SMALL = {
    "decode": (["decode", "CTR_EL0", "0xb444c004"], {"msgspec", "pathlib"}),
    "show": (["show", "builtin:neoverse-n2-linux-6.1", "CTR_EL0"], {"inspector.sources.formats.qemu_stream"}),
}
"""Commands that answer for one register, and what each has no use for."""


@pytest.mark.parametrize("command", SMALL)
def test_one_register_is_shown_without_what_only_other_commands_need(command: str) -> None:
    """Each of these modules is a measurable part of the time of such a command."""
    arguments, own = SMALL[command]
    loaded = modules_after(f"from inspector.cli import main\nassert main({arguments!r}) == 0")
    # What a .pth file of this environment loads, and what argparse does by itself: since 3.14 dataclasses is of it.
    elsewhere = modules_after("import argparse\nargparse.ArgumentParser().add_argument('x')")
    assert not loaded & {"rich", "textual"}
    unused = {"construct", "dataclasses", "typing_extensions", "inspect", "shutil", "difflib", "tomllib", *own}
    assert not (loaded - elsewhere) & unused


RESTORED = ["builtin:neoverse-n2-linux-6.1", "same-host", "--kernel", "6.12"]


@pytest.mark.parametrize("arguments", [["migrate", *RESTORED], ["fix", *RESTORED, "--dry-run"]], ids=["migrate", "fix"])
def test_a_restore_loads_no_other_question_of_the_library(arguments: list[str]) -> None:
    loaded = modules_after(f"from inspector.cli import main\nassert main({arguments!r}) in (0, 1)")
    elsewhere = modules_after("pass")
    rooms = {f"inspector.checks.{room}" for room in ("explain", "compare", "fleet", "features", "recordings")}
    unused = {"inspector.library", "tomllib", "tempfile", "gzip", "bz2", *rooms}
    unused |= {"inspector.checks.restore.emulated"} if arguments[0] == "migrate" else set()
    assert not (loaded - elsewhere) & unused


ASKED = ["builtin:neoverse-n2-linux-6.1", "--kernel", "6.12"]


@pytest.mark.parametrize(
    "arguments", [["expose", *ASKED], ["write", ASKED[0], "CTR_EL0=0", *ASKED[1:]]], ids=["expose", "write"]
)
def test_a_machine_is_asked_without_what_restores_and_explains(arguments: list[str]) -> None:
    loaded = modules_after(f"from inspector.cli import main\nassert main({arguments!r}) in (0, 1)")
    rooms = {f"inspector.checks.{room}" for room in ("explain", "compare", "fleet", "recordings", "repair", "restore")}
    assert not loaded & {"inspector.library", "inspector.lab", *rooms}


def test_dumps_are_compared_without_what_restores_and_finds_baselines() -> None:
    arguments = ["compare", "builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"]
    loaded = modules_after(f"from inspector.cli import main\nassert main({arguments!r}) in (0, 1)")
    rooms = {f"inspector.checks.{room}" for room in ("restore", "baseline.baseline", "features", "explain")}
    assert not loaded & {"inspector.checks.fleet.loading", "inspector.checks.fleet.table", *rooms}


def test_typing_extensions_is_there_behind_a_command() -> None:
    code = "from inspector.cli import main\nassert main(['decode', 'CTR_EL0', '1']) == 0\nimport typing_extensions"
    assert "typing_extensions" in modules_after(code)


def written_imports(path: Path) -> list[str]:
    """Every module that a file imports, wherever in it: full names, `from inspector import x` as `inspector.x`.

    Modules that `import_module` loads by a name written out count too: such a call hides a circle as well.
    """
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            found += [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path.name} has a relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def within(name: str, *packages: str) -> bool:
    """True when a dotted name is one of the packages or lies in one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_imports_written_in_a_room_point_one_way(room: str) -> None:
    later = [f"inspector.{other}" for other in set(ALLOWED) - ALLOWED[room]]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (PACKAGE / room).rglob("*.py")
        for name in written_imports(path)
        if within(name, *later)
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions and for type checkers hide circles; they count like all others."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    below: dict[str, set[str]] = {}
    for name, path in modules.items():
        written = written_imports(path)
        below[name] = {one if one in modules else one.rpartition(".")[0] for one in written} & set(modules) - {name}
    while leaves := {name for name, imported in below.items() if not imported}:
        below = {name: imported - leaves for name, imported in below.items() if name not in leaves}
    # What is left is circles, and what merely stands above them.
    while above := set(below).difference(*below.values()):
        below = {name: imported for name, imported in below.items() if name not in above}
    assert not below


class Contract(NamedTuple):
    """One rule of the house: which files it binds, and what these may not import."""

    sentence: str
    files: str
    """a pattern below `inspector/`"""
    forbidden: tuple[str, ...]
    excepted: tuple[str, ...] = ()
    """modules that may be imported although they lie in what is forbidden"""


CONTRACTS = (
    Contract(
        "A policy is data: neither loading nor comparing one asks the engine", "policies/**/*.py", ("inspector.kvm",)
    ),
    Contract("KVM's model needs no file format and no live host", "kvm/**/*.py", ("inspector.sources",)),
    Contract(
        "What carries bytes knows no register, file format or machine",
        "transport/*.py",
        ("inspector.registers", "inspector.sources", "inspector.lab"),
    ),
    Contract("A file format knows no live source", "sources/formats/*.py", ("inspector.sources.live",)),
    Contract("What is asked does not say how an answer is printed", "checks/**/*.py", ("rich", "textual", "argparse")),
    Contract("A report prints a result and asks nothing itself", "reports/**/*.py", ("textual", "argparse")),
    Contract(
        "A widget belongs to no mode",
        "app/widgets/*.py",
        ("inspector.app.modes", "inspector.app.dialogs"),
    ),
    Contract("Only the command line parses options", "app/**/*.py", ("argparse", "inspector.commands")),
    Contract("Nothing in the product needs the tests", "**/*.py", ("tests", "pytest", "hypothesis")),
)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.sentence)
def test_contract(contract: Contract) -> None:
    files = sorted(PACKAGE.glob(contract.files))
    assert files, "a contract that binds no file"
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in written_imports(path)
        if within(name, *contract.forbidden) and not within(name, *contract.excepted)
    ]
    assert not wrong, contract.sentence


def test_the_collector_stands_alone() -> None:
    """It also runs on hosts that have Python's standard library and nothing else."""
    for path in sorted((PACKAGE / "sources" / "live").glob("*collector*.py")):
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in written_imports(path)), path.name


def top_level() -> set[str]:
    """What git tracks at the top of the tree; in an unpacked archive, what lies there and git would not ignore."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if listed.stdout:
        return {name.split("/")[0] for name in listed.stdout.splitlines()}
    ignored = [name.strip("/") for name in (ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    return {path.name for path in ROOT.iterdir() if not any(fnmatch(path.name, name) for name in ignored)}


def test_top_level_holds_what_the_layout_names() -> None:
    top = top_level() - {"PKG-INFO"}  # a source distribution's own
    assert "inspector" in top and top <= LAYOUT, f"not in the layout: {sorted(top - LAYOUT)}"
