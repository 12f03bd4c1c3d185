"""TOML that is meant to cost much, or to nest deeply, is refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from inspector.policies.model import PolicyFile
from inspector.shipped import own_path
from inspector.toml_text import plain_as_json, read_toml

DOTTED = ".".join("a" * 20_000)


@pytest.mark.parametrize(
    "text",
    [f"{DOTTED} = 1\n", f"[{DOTTED}]\n", f"[[{DOTTED}]]\n", "x = {" + DOTTED + " = 1}\n"],
    ids=["key", "table", "list", "inline"],
)
def test_a_key_of_many_parts(text: str) -> None:
    """tomllib takes a time that grows with the square of the parts: half a minute for this one."""
    with pytest.raises(ValueError, match="more than 100 dots"):
        read_toml(text)


@pytest.mark.parametrize("text", ["x = " + "[" * 5000 + "]" * 5000, "x = " + "{a = " * 5000 + "1" + "}" * 5000])
def test_what_is_nested_deeply(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|Invalid"):
        read_toml(text)


def test_numbers_are_bounded() -> None:
    for number in ("9" * 30, "9" * 5000, f"0x{'f' * 17}"):
        with pytest.raises(ValueError, match=r"64 bits|too long"):
            read_toml(f"x = {number}")
    assert read_toml("x = 0xffffffffffffffff") == {"x": 2**64 - 1}


SHIPPED = sorted(Path(own_path("policies")).glob("*/*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_each_policy_that_ships_is_plain_and_means_the_same_as_json(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    plain = plain_as_json(text, "rule")
    assert msgspec.json.decode(plain) == tomllib.loads(text)
    assert msgspec.json.decode(plain, type=PolicyFile) == msgspec.convert(tomllib.loads(text), PolicyFile)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'a = "x"',
        '# a = "x"\n[[rule]]\n# none\n[[rule]]\nb = 1  # two\n',
        'a = "]] # = ,"\nb = [\n  "c,",  # d\n  ",]",\n]\n[[rule]]\nd = "[[rule]]"\n\n[[rule]]\ne = true\n',
    ],
)
def test_plain_text_means_the_same_as_json(text: str) -> None:
    assert msgspec.json.decode(plain_as_json(text, "rule")) == tomllib.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = 'x'",
        'a = """\nb = "c\n"""',
        'a = """\n[[rule]]\n"""',
        "a = 0x10",
        "a = 1_0",
        "a = 1979-05-27",
        "a = {b = 1}",
        "a.b = 1",
        '"a" = 1',
        "[a]\nb = 1",
        "[[other]]\nb = 1",
        "a = 1\n[[rule]]\n[rule.b]\nc = 1",
        "a = [\n  1,\n  ]",
    ],
)
def test_what_is_not_plain_is_no_json(text: str) -> None:
    tomllib.loads(text)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(plain_as_json(text, "rule"))
