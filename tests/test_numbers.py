"""Numbers that strangers write: digits that int() refuses (`²`), and more of them than int() takes (4300)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inspector.checks.vmms.firecracker import clidr_of_caches
from inspector.errors import PolicyError, SourceError
from inspector.numbers import parse_number
from inspector.policies.loader import load_policy
from inspector.policies.rulebook import rulebook
from tests.commands.running import assert_one_line_error, run
from tests.fresh import ROOT

MANY = "9" * 5000
SHIPPED = "builtin:max-linux-6.12"


ALONE = ("collector.py", "questions.py", "recorder.py", "agent.py")
"""These run on hosts that have no package of ours, and read what a kernel prints."""
ELSEWHERE = {
    r"\.isdigit\(": (),
    r"\bint\([^()]*(?:\([^()]*\))?[^()]*, 0\)": ("numbers.py", "jsontext.py"),
    r"\.isdecimal\(": ("numbers.py",),
    r"\\d": ("features.py",),
}
"""Ways to take more than ASCII digits for a number, and the modules that may: the owner, one that looks first whether
a text is ASCII, one that reads a table of ours."""


def test_one_module_says_what_a_number_is() -> None:
    """`str.isdigit` says yes to `²` and `①`; int(), `str.isdecimal` and `\\d` to the digits of every script."""
    rooms = [ROOT / "inspector" / room for room in ("registers", "sources", "kvm", "lab", "reports", "commands")]
    paths = [*(ROOT / "inspector").glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]
    wrong = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in paths
        if path.name not in ALONE
        for pattern, owners in ELSEWHERE.items()
        if path.name not in owners
        for found in re.finditer(pattern, path.read_text(encoding="utf-8"))
    ]
    assert not wrong


FOREIGN = {"arabic-indic": "٣", "fullwidth": "３", "behind 0x": "0x３", "mixed": "1３", "devanagari": "३"}


@pytest.mark.parametrize("digits", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    "arguments",
    [
        ("decode", "CTR_EL0", "{}"),
        ("decode", "CTR_EL0[{0}:{0}]", "0"),
        ("decode", "S3_0_C0_C{}_0", "0"),
        ("show", SHIPPED, "X{}"),
        ("show", SHIPPED, "--vcpu", "{}"),
        ("write", SHIPPED, "CTR_EL0={}", "--kernel", "6.12"),
        ("write", SHIPPED, "CTR_EL0.DIC={}", "--kernel", "6.12"),
        ("expose", SHIPPED, "--kernel", "6.{}"),
        ("expose", SHIPPED, "--kernel", "6.12", "--host", "ID_AA64MMFR2_EL1.NV={}"),
        ("migrate", SHIPPED, "same-host", "--kernel", "6.12.{}-cloud-arm64"),
        ("migrate", SHIPPED, "same-host", "--kernel", "6.12", "--vmm", "qemu-{}.0"),
        ("live", "host", "--timeout", "{}"),
        ("record", "--seed", "{}"),
        ("compare", SHIPPED, SHIPPED, "--jobs", "{}"),
    ],
    ids=lambda arguments: " ".join(arguments).replace(SHIPPED, "dump"),
)
def test_digits_of_other_scripts_are_no_number(arguments: tuple[str, ...], digits: str) -> None:
    done = run(*(argument.format(digits) for argument in arguments))
    assert_one_line_error(done)


def test_numbers_as_people_spell_them() -> None:
    spelled = {"0x1f": 31, "0X1F": 31, "0b1_1111": 31, "31": 31, "0031": 31, " 31 ": 31, "-1": -1, "1_000": 1000}
    assert {text: parse_number(text) for text in spelled} == spelled
    for text in ("", "x", "1f", "0x", "1__0", "٣", "0x１", "１", "−1"):
        with pytest.raises(ValueError):
            parse_number(text)


@pytest.mark.parametrize("digits", ["0x\\u0663", "0x３"], ids=["escaped", "fullwidth"])
def test_a_value_of_a_dump(digits: str, tmp_path: Path) -> None:
    """Also where the loader takes its short way, which it does when it has met the registers before."""
    for number in ("0x3", digits):
        path = tmp_path / "dump.json"
        text = '{"format": "vcpu-inspector-dump", "version": 1, "vcpus": [{"index": 0, "registers": {"%s": "%s"}}]}'
        path.write_text(text % ("0x603000000013c080", number), encoding="utf-8")
        done = run("show", str(path))
        if number == "0x3":
            assert done.code == 0, done.err
        else:
            assert_one_line_error(done)


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


@pytest.mark.parametrize("what", ["ends early", "holds " + "x" * 900])
def test_of_a_message_that_is_too_long_the_place_is_cut_last(what: str) -> None:
    place = "/srv/" + "/".join(f"folder-{n:03}" for n in range(20)) + "/guest.mig"
    line = str(SourceError(what, place, "try " + ", ".join(f"name-{n}" for n in range(90))))
    assert line.startswith(f"{place}: {what[:60]}") and "; try name-0" in line and len(line) <= 480
    longer = str(SourceError(what, place * 3, "try this"))
    assert longer.startswith(place[:150]) and "guest.mig: " in longer and what[:30] in longer and len(longer) <= 480
