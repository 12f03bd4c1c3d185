"""Long logs: what is kept of them is what looking at each line by itself would keep, whatever is installed."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.checks.explain import streaming

PLAIN = tuple(
    text.encode()
    for text in (
        "", "x", "Nov 25 10:00:00 machine daemon[1]: nothing of interest stands here", "é ü \\ %s [bold]", "reg ister",
        "y" * 200, "z" * 5000, "w" * 40_000,
    )
)  # fmt: skip
TELLING = tuple(
    text.encode()
    for text in (
        "KVM: nothing", "qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'", "nip 0",
        "Failed to Boot", "KVM_SET_ONE_REG failed", "u" * 16_380 + "kvm" + "u" * 50, "v" * 20_000 + "gicv",
    )
)  # fmt: skip
ENDS = (b"\n", b"\n", b"\n", b"\r\n", b"\r")


@pytest.fixture(params=["library", "none"])
def found_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the extra `logs`, and without."""
    if request.param == "none":
        monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    else:
        pytest.importorskip("ahocorasick_rs")
    assert (streaming.finder() is streaming.one_after_another) is (request.param == "none")
    return str(request.param)


def line_by_line(blocks: list[bytes]) -> list[tuple[bytes, bool]]:
    """The lines and whether they matter, each looked at by itself; blocks end where they are cut into lines."""
    found: list[tuple[bytes, bool]] = []
    pending = b""
    for block in blocks:
        text = pending + block
        cut = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if not cut and len(text) < streaming._LONGEST:
            pending = text
            continue
        whole, pending = (text[: cut - 1], text[cut:]) if cut else (text, b"")
        found += streaming._each(whole, True)
    return [*found, *(streaming._each(pending, True) if pending else ())]


@pytest.mark.parametrize("size", [1 << 20, 5000])
@pytest.mark.parametrize(
    "text",
    [b"x\n" + b"y" * 40_000, b"y" * 40_000, b"y" * 40_000 + b"\nKVM " + b"z" * 70_000],
    ids=["the last", "the only", "both"],
)
def test_no_line_is_longer_than_what_is_looked_at_as_one(text: bytes, size: int) -> None:
    """Also the last one, which no line feed ends."""
    pieces = list(streaming._lines(iter(in_blocks(text, size))))
    assert max(len(piece) for piece, _ in pieces) <= streaming._LONGEST
    if b"KVM" in text:
        assert any(matters and b"KVM" in piece for piece, matters in pieces)


def near(lines: list[tuple[bytes, bool]]) -> list[bytes]:
    """What is kept of them: those that matter, and two lines around each."""
    wanted = [at for at, (_, matters) in enumerate(lines) if matters]
    kept = {at + step for at in wanted for step in range(-2, 3)}
    return [line for at, (line, _) in enumerate(lines) if at in kept]


def in_blocks(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@settings(max_examples=25, deadline=None)
@given(st.data())
def check(data: st.DataObject) -> None:
    """One log of lines of both kinds, cut into blocks of any size."""
    few = st.lists(st.tuples(st.sampled_from((*PLAIN, *TELLING)), st.sampled_from(ENDS)), max_size=8)
    many = st.integers(0, 500).map(lambda count: [(PLAIN[2], b"\n")] * count)
    parts = [*data.draw(few), *data.draw(many), *data.draw(few), *data.draw(many), *data.draw(few)]
    text = b"".join(line + end for line, end in parts)
    blocks = in_blocks(text, data.draw(st.sampled_from((7001, 20_000, 40_000, 1 << 17))))
    assert list(streaming._with_neighbours(streaming._lines(blocks))) == near(line_by_line(blocks))


def test_what_is_kept_is_what_lines_by_themselves_would_keep(found_by: str) -> None:
    check()


def test_every_anchor_is_found_wherever_it_stands(found_by: str) -> None:
    find, filler = streaming.finder(), b"nothing of interest\n" * 2000
    for anchor in streaming._ANCHORS:
        text = filler + b"a " + anchor + b" b\n" + filler
        assert streaming._numbers_of(text, find(text)) == {2000}, anchor


def test_a_quiet_block_is_not_taken_apart(found_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_each", lambda *_: pytest.fail("taken apart"))
    block = b"nothing of interest\n" * 10_000
    assert len(list(streaming._lines([block] * 3))) == 3 * 4
