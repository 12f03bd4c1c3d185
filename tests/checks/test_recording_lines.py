"""Lines of a recording that are read and decoded many at once are those that are read and decoded one by one."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspector.budget import LINE, Budget
from inspector.checks.recordings import verify
from inspector.errors import SourceError
from inspector.sources import recording

GOOD = b'{"type":"set","phase":"field","id":"0x603000000013c020","value":"0x1","errno":0,"after":"0x1"}\n'
ODD = (
    b"\n", b"  \n", b"\r\n", GOOD.replace(b"\n", b"\r\n"), GOOD[:-1], b" " + GOOD, b"[1]\n", b'{"type":1}\n', b"{}\n",
    b'{"type":\n', b'"a"}\n', b'{"type":"a"} {"type":"b"}\n', b'{"type":"a"}{"type":"b"}\n', b'{"type":"x}\n',
    b'{y"}\n',
    b'{"type":"a","b":{}\n', b"{}}\n", b"}\n", b"{\n", b"\xff\n", b"nonsense\n", b"[" * 2000 + b"\n",
)  # fmt: skip
"""Lines that are blank, cut, joined, or no object with a type."""


def outcome(lines: Iterable[bytes], one_by_one: bool) -> tuple[list[object], str]:
    """The objects, and what was said where they end early."""
    found: list[object] = []
    try:
        found += list(verify._one_by_one(lines, "x") if one_by_one else verify._lines(lines, "x"))
    except SourceError as error:
        return [], str(error)
    return found, ""


@given(st.lists(st.sampled_from((GOOD, GOOD, GOOD, GOOD, *ODD)), max_size=14), st.integers(1, 6))
@example([b'{"type":\n', b'"a"}{"type":"b"}\n'], 6)
@example([b'{"type":"a"}{"type":"b"}\n', b'{"type":\n', b'"a"}\n'], 6)
@example([b"\n", b"\n", GOOD], 1)
@example([b"\n", b"\n"], 1)
@example([], 1)
def test_lines_decoded_together_are_the_lines_one_by_one(lines: list[bytes], together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "_AT_ONCE", together)
        assert outcome(lines, False) == outcome(iter(lines), True)


class Trickle(io.RawIOBase):
    """A pipe that gives so many bytes at once."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = io.BytesIO(data), step

    def readable(self) -> bool:
        return True

    def read1(self, _: int) -> bytes:
        return self._data.read(self._step)


@given(
    st.lists(st.sampled_from((b"\n", b"a\n", b"bc\n", b"d" * 300 + b"\n")), max_size=9),
    st.integers(1, 50),
    st.booleans(),
)
def test_lines_are_read_as_they_are_whatever_pieces_they_come_in(lines: list[bytes], step: int, cut: bool) -> None:
    text = b"".join(lines)[: -1 if cut else None]
    assert list(recording.read_lines(Trickle(text, step), Budget("x"))) == io.BytesIO(text).readlines()  # type: ignore[arg-type]
    assert list(recording.read_lines(io.BytesIO(text), Budget("x"))) == io.BytesIO(text).readlines()


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_that_is_too_long_is_refused_without_reading_on(end: str) -> None:
    text = io.BytesIO(b"first\n" + b"x" * (LINE.most + 1) + end.encode() + b"y" * (4 * LINE.most))
    with pytest.raises(SourceError, match="more than"):
        list(recording.read_lines(text, Budget("x")))
    assert text.tell() < 3 * LINE.most
