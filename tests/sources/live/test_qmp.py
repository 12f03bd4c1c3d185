"""The QMP source against servers that behave and servers that do not."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.sources.live import open_live
from inspector.sources.live.source import LiveOptions
from tests.sources.live.fakes import Talk, peer, qmp_talk

QUICK = LiveOptions(timeout=1.0)


def test_a_stub_that_is_open_already_is_left_alone(tmp_path: Path) -> None:
    heard: list[str] = []
    answers = {"query-chardev": [{"label": "gdb"}], "query-status": {"running": True}}
    with peer(tmp_path / "q", qmp_talk(answers, heard)) as path, pytest.raises(SourceError, match="gdb:"):
        open_live(f"qmp:{path}", QUICK).read()
    assert not any(line.startswith("gdbserver") for line in heard)


def test_a_qemu_that_opens_nothing_is_closed_and_continued(tmp_path: Path) -> None:
    heard: list[str] = []
    states = iter([{"running": True}, {"running": False}])

    class Answers(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            if name == "query-status":
                return next(states)
            return [] if name == "query-chardev" else "could not open" if name.startswith("human") else {}

    with peer(tmp_path / "q", qmp_talk(Answers(), heard)) as path, pytest.raises(SourceError, match="could not open"):
        open_live(f"qmp:{path}", QUICK).read()
    assert "gdbserver none" in heard
    assert heard[-1] == "cont"


def silent(line: socket.socket) -> None:
    time.sleep(30)


def noise(line: socket.socket) -> None:
    line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    time.sleep(5)


def other_json(line: socket.socket) -> None:
    line.sendall(b'{"hello": 1}\n')


def endless(line: socket.socket) -> None:
    while True:
        line.sendall(b"{" * 60000)


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (silent, "another client"), (noise, "does not talk QMP"), (other_json, "is not a QMP socket"),
        (endless, "more than 1 MiB"),
    ],
)  # fmt: skip
def test_bad_peers(tmp_path: Path, talk: Talk, told: str) -> None:
    begin = time.monotonic()
    with peer(tmp_path / "q", talk) as path, pytest.raises(SourceError, match=told):
        open_live(f"qmp:{path}", QUICK).read()
    assert time.monotonic() - begin < 10 * QUICK.timeout


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a socket"):
        open_live(f"qmp:{tmp_path}/none", QUICK).read()
