"""Numbers that strangers write: digits that int() refuses (`²`), and more of them than int() takes (4300)."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from inspector.checks.vmms.firecracker import clidr_of_caches
from inspector.errors import PolicyError, SourceError
from inspector.lab.machine import Qmp
from inspector.policies.loader import load_policy
from inspector.policies.rulebook import rulebook
from tests.commands.running import assert_one_line_error, run
from tests.fresh import ROOT

MANY = "9" * 5000
SHIPPED = "builtin:max-linux-6.12"


def test_digits_are_asked_for_as_int_takes_them() -> None:
    """`str.isdigit` says yes to `²` and `①`; what `str.isdecimal` says yes to is a number to int()."""
    asked = [path for path in (ROOT / "inspector").rglob("*.py") if ".isdigit(" in path.read_text(encoding="utf-8")]
    assert not asked


def test_a_folder_whose_files_are_numbered_oddly(tmp_path: Path) -> None:
    for name in ("²", "1²", "vcpu²", "③", "2"):
        (tmp_path / name).touch()
    done = run("show", str(tmp_path))
    assert_one_line_error(done)
    assert "without a saved VM" in done.err


@pytest.mark.parametrize("number", ["²", MANY, "①1"], ids=["a superscript", "many digits", "in a circle"])
def test_a_policys_number(number: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    fields = f'fields = ["ID_AA64PFR1_EL1.MTE={number}"]'
    rule = f'kind = "boot"\nname = "x"\noption = "x"\nreason = "r"\nreference = "r"\n{fields}\n'
    path.write_text(f'title = "t"\nextends = "6.12"\n[[rule]]\n{rule}', encoding="utf-8")
    with pytest.raises(PolicyError, match="sets no value") as caught:
        rulebook(load_policy(str(path)))
    assert len(str(caught.value)) <= 480


@pytest.mark.parametrize("level", ["²", MANY], ids=["a superscript", "many digits"])
def test_the_level_of_a_cache(level: str) -> None:
    assert clidr_of_caches(4, ({"level": level, "type": "Unified"},)) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["live", f"gdb:{MANY}"],
        ["show", f"gdb:localhost:{MANY}"],
        ["show", f"lab:6.12,cpu={MANY}"],
        ["show", f"lab:6.12,smp={MANY}"],
        ["decode", "CTR_EL0", MANY],
        ["decode", "CTR_EL0", "²"],
        ["write", SHIPPED, f"CTR_EL0.IminLine={MANY}"],
        ["expose", SHIPPED, "--host", f"ID_AA64PFR0_EL1.EL0={MANY}"],
        ["expose", SHIPPED, "--kernel", f"6.{MANY}"],
        ["compare", SHIPPED, SHIPPED, "--jobs", MANY],
        ["compare", SHIPPED, SHIPPED, "--jobs", "-1"],
        ["kernels", "--register", "X0"],
        ["learn", "x", "--without", MANY],
        ["learn", "x", "--without", "6.12"],
        ["convert", SHIPPED, "-o", ""],
        ["convert", SHIPPED, "-o", MANY],
        ["compare", SHIPPED, SHIPPED, "--partial", MANY],
    ],
    ids=lambda given: re.sub("9{9,}", "MANY", " ".join(given)),
)
def test_an_argument(arguments: list[str]) -> None:
    done = run(*arguments)
    said = [line for line in done.err.splitlines() if not line.startswith("the guest pauses")]
    assert done.code == 2 and not done.out and len(said) == 1 and len(said[0]) <= 500, said
    assert "internal" not in said[0] and "Errno" not in said[0]


def test_a_machine_of_the_lab_that_ends_as_it_is_greeted() -> None:
    """QEMU that refuses its CPU model closes the monitor before it says anything: what it printed is told."""
    here, there = socket.socketpair()
    here.sendall(b"unread")
    there.recv(1)  # what is left unread makes the kernel reset the connection
    there.sendall(b"")
    here.setblocking(True)
    there.close()
    with pytest.raises(SourceError, match="its last words"):
        Qmp(here, lambda what: SourceError(what, "lab:x", "its last words: unable to find CPU model"))
