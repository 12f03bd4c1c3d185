"""TOML that is meant to cost much, or to nest deeply, is refused in one line."""

from __future__ import annotations

import pytest

from inspector.toml_text import read_toml

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
