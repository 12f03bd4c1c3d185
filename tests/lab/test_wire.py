"""Messages over a line that a kernel writes into too."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.lab import wire
from inspector.lab.programs import agent_program
from inspector.lab.wire import Reader, packed

NOISE = st.binary(max_size=40).filter(lambda data: b"@" not in data)
MESSAGES = st.lists(st.dictionaries(st.text(max_size=8), st.text(max_size=50) | st.integers()), min_size=1, max_size=6)


@settings(deadline=None)
@given(MESSAGES, st.lists(NOISE, min_size=6, max_size=6), st.integers(1, 50))
def test_messages_come_through_whole_whatever_stands_between_them(
    messages: list[dict[str, object]], noise: list[bytes], step: int
) -> None:
    data = b"".join(noise[n] + packed(message) for n, message in enumerate(messages))
    reader = Reader()
    found = [one for at in range(0, len(data), step) for one in reader.take(data[at : at + step])]
    assert found == messages
    assert reader.damaged == 0


@settings(deadline=None)
@given(st.data())
def test_a_damaged_message_is_counted_and_never_taken(data: st.DataObject) -> None:
    line = packed({"number": 7, "out": "x" * 40})
    place = data.draw(st.integers(20, len(line) - 2))
    put = data.draw(st.sampled_from([b"[  1.5] usb: noise", b"", b"A", b"\n"]))
    spoilt = line[:place] + put + line[place + (put != b"\n") :]
    if spoilt == line:
        return
    reader = Reader()
    assert reader.take(spoilt + b"\n") == []
    assert reader.damaged == 1
    assert reader.take(line) == [{"number": 7, "out": "x" * 40}]


def test_what_is_no_message_is_kept_as_the_console_said_it() -> None:
    reader = Reader()
    reader.take(b"[    0.1] Kernel panic - not syncing: no init\r\n" + packed(1) + b"rest\n")
    assert reader.console == ["[    0.1] Kernel panic - not syncing: no init", "rest"]


def test_the_agents_program_stands_alone() -> None:
    text = agent_program()
    compile(text, "init", "exec")
    assert "import inspector" not in text and "from inspector" not in text
    assert "class Reader" in text and "class Agent" in text


def test_a_line_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST", 1000)
    reader = Reader()
    assert [reader.take(b"x" * 400) for _ in range(3)] == [[], [], []]
    assert reader.damaged == 1
    assert reader.take(packed({"a": 1})) == [{"a": 1}]
