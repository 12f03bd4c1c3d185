"""Images with several internal snapshots: the one that was asked for by name or ID, else the last with VM state."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.sources import load
from tests.commands.running import run
from tests.sources import streams
from tests.sources.streams import SOME_REGISTERS

PFR0 = 0x603000000013C020
ENTRIES = (("1", "before upgrade", 0x11), ("2", "3", 0x12), ("3", "after", 0x13), ("4", "disk only", 0),
           ("5", "twice", 0x15), ("6", "twice", 0x16), ("7", "disk again", 0))  # fmt: skip


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "vm.qcow2"
    states = [
        (number, name, streams.stream([{**SOME_REGISTERS, PFR0: mark}]) if mark else b"")
        for number, name, mark in ENTRIES
    ]
    path.write_bytes(streams.qcow2_of(states))
    return path


@pytest.mark.parametrize(
    ("wanted", "mark", "number"),
    [("", 0x16, "6"), ("1", 0x11, "1"), ("before upgrade", 0x11, "1"), ("3", 0x12, "2"), ("after", 0x13, "3"),
     ("5", 0x15, "5"), ("6", 0x16, "6")],
)  # fmt: skip
def test_the_snapshot_that_is_asked_for(image: Path, wanted: str, mark: int, number: str) -> None:
    """A name comes before an ID: `3` is the second snapshot's name."""
    dump = load(str(image), snapshot=wanted)
    assert dump.vcpus[0].values[PFR0] == mark
    assert dump.provenance.snapshot == number
    assert f"ID {number}" in dump.notes[0]
    assert "(no VM state)" in dump.notes[1]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("nobody", "it has: 1 'before upgrade', 2 '3'"), ("twice", "use an ID: 5 'twice', 6 'twice'"),
     ("disk only", "has no VM state"), ("4", "has no VM state")],
)  # fmt: skip
def test_a_snapshot_that_cannot_be_read(image: Path, wanted: str, words: str) -> None:
    with pytest.raises(SourceError) as error:
        load(str(image), snapshot=wanted)
    assert words in str(error.value)


def test_on_the_command_line(image: Path, tmp_path: Path) -> None:
    shown = run("show", str(image), "ID_AA64PFR0_EL1", "--snapshot", "after", "--json")
    assert int(shown.json["vcpus"][0]["registers"][0]["value"], 16) == 0x13
    assert run("show", str(image), "--snapshot", "nobody").code == 2
    plain = tmp_path / "a.mig"
    plain.write_bytes(streams.stream())
    answer = run("show", str(plain), "--snapshot", "1")
    assert answer.code == 2
    assert "no internal snapshots" in answer.err
