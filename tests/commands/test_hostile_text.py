"""A hostile string in every text of every format, through every command and form: nothing of it acts on a terminal."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.sources import load
from tests.commands.running import Done, run, run_all
from tests.fresh import ROOT
from tests.hostile_text import EVIL, hidden_in, poison
from tests.sources.examples import EXAMPLES

SHIPPED = "builtin:neoverse-n2-linux-6.12"
NAMED = ROOT / "snapshots" / "neoverse-n2-linux-6.12.json"
FORMS: tuple[tuple[str, ...], ...] = ((), ("--json",), ("--markdown",))


def commands(path: str, folder: Path) -> Iterator[list[str]]:
    """Every command that takes a source or a text, in each of its forms."""
    for form in FORMS:
        yield ["show", path, *form]
        yield ["show", path, "X0", "CTR_EL0", *form]
        yield ["summary", path, *form]
        yield ["features", path, "FEAT_SVE", "FEAT_LSE", *form]
        yield ["caches", path, *form]
        yield ["compare", path, SHIPPED, "--all", *form]
        yield ["compare", path, *form]
        yield ["compare", "--baseline", path, SHIPPED, *form]
        yield ["migrate", path, SHIPPED, "--all", "--why", *form]
        yield ["migrate", SHIPPED, path, "--all", "--why", *form]
        yield ["explain", path, "--source", path, "--destination", path, *form]
        yield ["fix", path, SHIPPED, "-o", str(folder / f"fixed{len(form and form[0])}"), *form]
        if "--markdown" not in form:
            yield ["expose", path, "--kernel", "6.12", "--why", "--all", *form]
            yield ["write", path, "CTR_EL0=0x1", "--kernel", "6.12", "--why", *form]
    yield ["migrate", path, "all-kernels"]
    yield ["matrix", path, "--kernels", "6.12", "--markdown"]
    yield ["review", path, path, "--markdown"]
    yield ["learn", path, "-o", "-"]
    yield ["convert", path, "-o", "-"]
    yield ["verify", path]
    yield ["verify", "--summary", path, "--markdown"]
    yield ["predict", path]


def assert_harmless(done: Done, told: object) -> None:
    """No character of either output acts or hides, and no fault of ours."""
    assert not hidden_in(done.out), (told, hidden_in(done.out)[:3])
    assert not hidden_in(done.err), (told, hidden_in(done.err)[:3])
    if "--markdown" in map(str, told if isinstance(told, list | tuple) else ()):
        outside = "".join(done.out.split("```")[::2])
        assert not re.search(r"(?<!\\)(<img|\]\(http)", outside), (told, outside[:2000])
    assert "internal error" not in done.err and done.code in (0, 1, 2), (told, done.err[:500])


def accepts(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        load(str(path))
    except InspectorError:
        return False
    return True


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_text_of_every_format(name: str, tmp_path: Path) -> None:
    path, poisoned = tmp_path / "source", poison(EXAMPLES[name]())
    for changed in poisoned.each():
        path.write_bytes(changed)
        assert_harmless(run("show", str(path), "--json"), changed[:200])
    path.write_bytes(poisoned.gathered(lambda one: accepts(path, one)))
    for arguments in commands(str(path), tmp_path):
        assert_harmless(run_all(arguments), arguments)


@pytest.mark.parametrize("command", ["show", "migrate", "compare", "convert", "explain", "fix", "predict", "verify"])
def test_names_of_files(command: str, tmp_path: Path) -> None:
    """In answers, in refusals and in what was written."""
    name = EVIL.replace("/", "_")[:80]
    path = tmp_path / name
    shutil.copy(NAMED, path)
    more = {"convert": ["-o", str(tmp_path / f"{name}.out")], "fix": [SHIPPED, "-o", str(tmp_path / f"{name}.out")]}
    rest = more.get(command, [SHIPPED] if command in ("migrate", "compare") else [])
    for form in FORMS if command not in ("convert", "predict") else FORMS[:1]:
        for source in (path, tmp_path / f"{name}.missing"):
            assert_harmless(run(command, str(source), *rest, *form), source)
            (tmp_path / f"{name}.out").unlink(missing_ok=True)


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "not\udcffutf8.json"
    shutil.copy(NAMED, path)
    for arguments in (
        ["show", str(path), "--json"],
        ["convert", str(path), "-o", "-"],
        ["migrate", str(path), SHIPPED],
    ):
        done = run_all(arguments)
        assert "internal error" not in done.err and done.code in (0, 1), done.err


def test_a_policy_of_the_users_own(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    text = json.dumps(f"Linux {EVIL}", ensure_ascii=True).replace("\\ud", "\\\\ud").replace("\x7f", "\\u007f")
    policy.write_text(f'title = {text}\nextends = "6.12"\n', encoding="utf-8")
    for form in FORMS:
        for arguments in (["kernels", str(policy)], ["kernels", str(policy), "6.1"], ["kernels", "6.1", str(policy)]):
            assert_harmless(run_all([*arguments, *form]), arguments)
        assert_harmless(run_all(["matrix", SHIPPED, "--kernels", f"6.12,{policy}", *form]), form)
        assert_harmless(run_all(["review", "6.12", str(policy), "--cpu", "neoverse-n2", *form]), form)
    assert_harmless(run("expose", SHIPPED, "--kernel", str(policy)), policy)


@pytest.mark.parametrize("form", FORMS)
def test_arguments(form: tuple[str, ...]) -> None:
    for arguments in (
        ["show", SHIPPED, EVIL], ["decode", EVIL, "1"], ["decode", "CTR_EL0", EVIL], ["kernels", EVIL], [EVIL],
        ["migrate", SHIPPED, SHIPPED, "--kernel", EVIL], ["show", SHIPPED, "--vcpu", EVIL], ["list", EVIL],
        ["explain", EVIL], ["explain", f"qemu-system-aarch64: {EVIL}: Could not set register ID_AA64PFR0_EL1"],
        ["show", f"ssh://{EVIL}"], ["show", f"gdb:{EVIL}"], ["show", f"qmp:{EVIL}"], ["show", f"builtin:{EVIL}"],
    ):  # fmt: skip
        assert_harmless(run_all([*arguments, *form]), arguments)
