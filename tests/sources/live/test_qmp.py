"""The QMP source against servers that behave and servers that do not."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.sources.live import open_live, qmp
from inspector.sources.live.source import LiveOptions
from inspector.transport.deadline import Deadline
from inspector.transport.qmp import QmpSession
from inspector.transport.sockets import connect
from tests.sources.live.fakes import Talk, over_once, peer, qmp_talk

PATIENT = LiveOptions(timeout=60)
"""A busy machine takes longer than a second for an answer."""


def test_an_answer_that_comes_late_is_not_the_next_ones(tmp_path: Path) -> None:
    def talk(line: socket.socket) -> None:
        line.sendall(b'{"QMP": {}}\n')
        for text in line.makefile("rb"):
            number = json.loads(text)["id"]
            for told, state in ((number - 1, "paused"), (number, "running")):
                line.sendall(json.dumps({"return": {"status": state}, "id": told}).encode() + b"\n")

    with peer(tmp_path / "q", talk) as path:
        deadline = Deadline(60, "here")
        with connect("here", path, deadline) as line:
            session = QmpSession("here", line, deadline)
            assert [session.state() for _ in range(3)] == ["running"] * 3


def test_a_stub_that_is_open_already_is_left_alone(tmp_path: Path) -> None:
    heard: list[str] = []
    answers = {"query-chardev": [{"label": "gdb"}], "query-status": {"running": True}}
    with peer(tmp_path / "q", qmp_talk(answers, heard)) as path, pytest.raises(SourceError, match="gdb:"):
        open_live(f"qmp:{path}", PATIENT).read()
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
        open_live(f"qmp:{path}", PATIENT).read()
    assert "gdbserver none" in heard
    assert heard[-1] == "cont"


@pytest.mark.parametrize("unanswered", ["gdbserver none", "query-status", "both"])
def test_cont_is_sent_last_whatever_is_not_answered_before(tmp_path: Path, unanswered: str) -> None:
    """A step that fails does not keep the next one from being tried; late answers are not taken for others."""
    heard: list[str] = []

    def talk(line: socket.socket) -> None:
        line.sendall(b'{"QMP": {"version": []}}\n')
        for text in line.makefile("rb"):
            command = json.loads(text)
            name = command.get("arguments", {}).get("command-line", command["execute"])
            heard.append(name)
            if "gdbserver none" in heard and unanswered in (name, "both"):
                continue
            answer: object = {"running": "gdbserver none" not in heard} if name == "query-status" else []
            line.sendall(json.dumps({"return": answer, "id": command["id"]}).encode() + b"\n")

    with peer(tmp_path / "q", talk) as path, pytest.raises(SourceError, match="gives no gdbstub") as error:
        open_live(f"qmp:{path}", PATIENT).read()
    assert heard.index("cont") > heard.index("gdbserver none")
    assert ("may stand still" in str(error.value)) == (unanswered == "both")


def test_a_guest_whose_migration_ended_meanwhile_is_not_continued(tmp_path: Path) -> None:
    """To continue the source of a finished migration would run the guest twice."""
    heard: list[str] = []
    states = iter([{"running": True}, {"running": False, "status": "postmigrate"}])

    class Answers(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            return next(states) if name == "query-status" else [] if name == "query-chardev" else "no"

    with peer(tmp_path / "q", qmp_talk(Answers(), heard)) as path, pytest.raises(SourceError, match="no gdbstub"):
        open_live(f"qmp:{path}", PATIENT).read()
    assert "cont" not in heard


@pytest.mark.parametrize("devices", [5, None, {}, "x", [5], [None]])
@pytest.mark.parametrize("greeting", ["x", 7, [], None, {"qemu": []}, {"qemu": {"major": {}, "minor": 10**40}}])
def test_answers_of_odd_types(tmp_path: Path, greeting: object, devices: object) -> None:
    def talk(line: socket.socket) -> None:
        line.sendall(json.dumps({"QMP": {"version": greeting}}).encode() + b"\n")
        for text in line.makefile("rb"):
            name = json.loads(text)["execute"]
            line.sendall(json.dumps({"return": devices if name == "query-chardev" else {}}).encode() + b"\n")

    with peer(tmp_path / "q", talk) as path, pytest.raises(SourceError, match=r"character devices|gives no gdbstub"):
        open_live(f"qmp:{path}", PATIENT).read()


def silent(line: socket.socket) -> None:
    """Until the other side gives up."""
    while line.recv(4096):
        pass


def noise(line: socket.socket) -> None:
    line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    silent(line)


def other_json(line: socket.socket) -> None:
    line.sendall(b'{"hello": 1}\n')


def endless(line: socket.socket) -> None:
    while True:
        line.sendall(b"{" * 60000)


def deep(line: socket.socket) -> None:
    line.sendall(b'{"QMP":' + b"[" * 400_000 + b"\n")


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (noise, "does not talk QMP"), (other_json, "is not a QMP socket"),
        (endless, "more than 1 MiB"), (deep, "does not talk QMP"),
    ],
)  # fmt: skip
def test_bad_peers(tmp_path: Path, talk: Talk, told: str) -> None:
    with peer(tmp_path / "q", talk) as path, pytest.raises(SourceError, match=told):
        open_live(f"qmp:{path}", PATIENT).read()


def test_a_peer_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = threading.Event()

    def talk(line: socket.socket) -> None:
        connected.set()
        silent(line)

    monkeypatch.setattr(qmp, "Deadline", over_once(connected))
    with peer(tmp_path / "q", talk) as path, pytest.raises(SourceError, match=r"no answer within 60 s.*another client"):
        open_live(f"qmp:{path}", PATIENT).read()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a socket"):
        open_live(f"qmp:{tmp_path}/none", PATIENT).read()
