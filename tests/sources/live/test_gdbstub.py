"""The gdbstub client against stubs that behave and stubs that do not."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.errors import SourceError
from inspector.registers.catalog import by_id
from inspector.sources.live import gdbstub, open_live
from inspector.sources.live.gdbstub import Described, id_of
from inspector.sources.live.rsp import _plain
from inspector.sources.live.source import LiveOptions
from inspector.transport.deadline import Deadline
from inspector.transport.sockets import connect, send
from tests.sources.live.fakes import Stub, Talk, over_once, packet, peer

QUICK = LiveOptions(timeout=1.0)
"""Where the time-out is what is waited for."""
PATIENT = LiveOptions(timeout=60)
"""Where an answer is: a busy machine takes longer than a second for one."""
MMFR2 = 0x603000000013C03A


def read(address: str, options: LiveOptions = PATIENT) -> dict[int, int]:
    return dict(open_live(address, options).read().vcpus[0].values)


def test_registers_of_every_vcpu_and_detach(tmp_path: Path) -> None:
    stub = Stub({"ID_AA64MMFR2_EL1": 0x1221011112101011, "CLIDR": 0x7D7D7D, "Z_NOT_A_REGISTER": 1}, threads=3)
    with peer(tmp_path / "gdb", stub) as path:
        dump = open_live(f"gdb:{path}", PATIENT).read()
    assert [vcpu.index for vcpu in dump.vcpus] == [0, 1, 2]
    assert dump.vcpus[2].values == {MMFR2: 0x1221011112101011, 0x603000000013C801: 0x7D7D7D}
    assert "Hgp1.3" in stub.heard
    assert stub.heard[-1] == "D;1"
    assert any("Z_NOT_A_REGISTER" in note for note in dump.notes)


def test_a_stop_that_nobody_asked_about_is_passed_over(tmp_path: Path) -> None:
    """QEMU 7.2 says that the guest stopped before it answers the first question."""
    stub = Stub({"MPIDR_EL1": 0x8000_0000})

    def talk(line: socket.socket) -> None:
        line.sendall(packet(b"T02thread:01;"))
        stub(line)

    with peer(tmp_path / "s", talk) as path:
        assert list(open_live(f"gdb:{path}", PATIENT).read().vcpus[0].values.values()) == [0x8000_0000]


def test_the_description_is_read_each_time(tmp_path: Path) -> None:
    stub = Stub({"CLIDR": 1})
    with peer(tmp_path / "gdb", stub) as path:
        source = open_live(f"gdb:{path}", PATIENT)
        assert source.read().vcpus[0].values == {0x603000000013C801: 1}
        stub.files["system-registers.xml"] = b'<feature><reg name="CTR_EL0" bitsize="64" regnum="40"/></feature>'
        assert source.read().vcpus[0].values == {0x603000000013D801: 1}


def test_a_register_that_cannot_be_read_is_an_error_of_that_register(tmp_path: Path) -> None:
    with peer(tmp_path / "gdb", Stub({"CLIDR": 1, "CTR_EL0": 2}, {"p28": packet(b"E14")})) as path:
        vcpu = open_live(f"gdb:{path}", PATIENT).read().vcpus[0]
    assert vcpu.errors == {0x603000000013C801: 5}
    assert vcpu.values == {0x603000000013D801: 2}


BROKEN = {
    "qSupported": (b"HTTP/1.0 400\r\n", "does not talk like"),
    "qXfer:features:read:target.xml": (packet(b""), "no target description"),
    "qXfer:features:read:system": (packet(b"l<feature><reg"), "broken target description"),
    "qXfer": (packet(b"l<!DOCTYPE x [<!ENTITY a 'b'>]><target/>"), "entities"),
    "p28": (packet(b"zz"), "answers CLIDR"),
    "qsThreadInfo": (b"%Stop:T05#aa$x#00", "checksums"),
    "Hg": (packet(b"E01"), "refuses vCPU"),
    "qfThreadInfo": (b"$m1#00", "checksums"),
}


@pytest.mark.parametrize("start", BROKEN)
def test_broken_stubs_are_one_line_and_the_guest_is_let_go(tmp_path: Path, start: str) -> None:
    reply, told = BROKEN[start]
    stub = Stub({"CLIDR": 1}, {start: reply})
    with peer(tmp_path / "gdb", stub) as path, pytest.raises(SourceError, match=told) as error:
        read(f"gdb:{path}")
    assert "\n" not in str(error.value)
    assert "D;1" in stub.heard or start == "qSupported"


def test_a_list_of_vcpus_without_an_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdbstub, "_THREADS", 20)
    with peer(tmp_path / "gdb", Stub({"CLIDR": 1}, {"qsThreadInfo": packet(b"m1")})) as path:
        assert len(open_live(f"gdb:{path}", PATIENT).read().vcpus) == 20


STATES = {
    "prelaunch": "had not been started, and still is not", "inmigrate": "had not been started, and still is not",
    "postmigrate": "did not run before (postmigrate), and still does not", "debug": "", "": "",
}  # fmt: skip
"""What QEMU's monitor says of a guest in brackets -> the note; no note where it is let go"""


@pytest.mark.parametrize("state", STATES)
def test_only_a_guest_that_ran_is_let_go(tmp_path: Path, state: str) -> None:
    """To go on after a migration that waits or is done starts a guest, in the worst case twice."""
    said = f"VM status: paused{f' ({state})' * bool(state)}\r\n".encode().hex().encode()
    stub = Stub({"CLIDR": 1}, {"qRcmd": packet(b"O" + said) + packet(b"OK")})
    with peer(tmp_path / "gdb", stub) as path:
        dump = open_live(f"gdb:{path}", PATIENT).read()
    told = STATES[state]
    assert dump.vcpus[0].values and ("D;1" in stub.heard) == (not told)
    assert any(told in note for note in dump.notes) and ("and still" in " ".join(dump.notes)) == bool(told)


def test_a_socket_may_lie_deep(tmp_path: Path) -> None:
    """The address of a Unix socket holds 108 bytes."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with peer(folder / "gdb", Stub({"CLIDR": 1})) as path:
        assert read(f"gdb:{path}")


def test_the_last_word_leaves_however_late_it_is() -> None:
    """A program that did not get the processor for a second must not leave a guest standing for that."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, b"$D;1#b0", Deadline(-1, "x", last=True))
        assert theirs.recv(100) == b"$D;1#b0"
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with pytest.raises(SourceError, match="no answer"):
            send(ours, bytes(1 << 22), Deadline(0.1, "x"))


def test_a_stub_that_becomes_slow_still_hears_the_detach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    answered = threading.Event()

    def talk(line: socket.socket) -> None:
        line.settimeout(60)
        heard.append(line.recv(4096))
        line.sendall(b"+" + packet(b"PacketSize=1000"))
        answered.set()
        while chunk := line.recv(4096):
            heard.append(chunk)

    monkeypatch.setattr(gdbstub, "Deadline", over_once(answered))
    with peer(tmp_path / "gdb", talk) as path, pytest.raises(SourceError, match="no answer"):
        read(f"gdb:{path}")
    end = time.monotonic() + 60
    while b"$D;1#" not in b"".join(heard) and time.monotonic() < end:
        time.sleep(0.01)
    assert b"$D;1#" in b"".join(heard)


def endless(line: socket.socket) -> None:
    while True:
        line.sendall(b"$" + b"x" * 60000)


def endless_description(line: socket.socket) -> None:
    while line.recv(4096):
        line.sendall(b"+" + packet(b"m" + b" " * 4000))


def silent(line: socket.socket) -> None:
    """Until the other side gives up."""
    while line.recv(4096):
        pass


def slow(line: socket.socket) -> None:
    """A byte now and then, for ever: each wait is short, all of them together are not."""
    while True:
        line.sendall(b"+")
        time.sleep(0.1)


def gone(line: socket.socket) -> None:
    line.recv(10)


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (silent, "no answer within"), (slow, "no answer within"), (gone, "closed the connection|went away"),
        (endless, "packet of more than"), (endless_description, "target description without an end"),
    ],
)  # fmt: skip
def test_bad_peers_end_within_the_time_out(tmp_path: Path, talk: Talk, told: str) -> None:
    with peer(tmp_path / "gdb", talk) as path, pytest.raises(SourceError, match=told):
        read(f"gdb:{path}", QUICK if "no answer" in told else PATIENT)


@pytest.mark.parametrize(
    "address", ["gdb:/nowhere/gdb", "gdb:127.0.0.1:1", "gdb:127.0.0.1:x", "gdb:1234x", "gdb:/etc/passwd"]
)
def test_nobody_there(address: str) -> None:
    with pytest.raises(SourceError):
        read(address)


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("CLIDR", "CLIDR_EL1"), ("SCTLR", "SCTLR_EL1"), ("AIDR", "AIDR_EL1"), ("VBAR", "VBAR_EL1"),
        ("CPACR", "CPACR_EL1"), ("ID_PFR0", "ID_PFR0_EL1"), ("ID_DFR0", "ID_DFR0_EL1"),
        ("ID_ISAR0", "ID_ISAR0_EL1"), ("AMAIR0", "AMAIR_EL1"),
        ("RES_0_C0_C3_3", "S3_0_C0_C3_3"), ("ID_AA64PFR3_EL1_RESERVED", "S3_0_C0_C4_3"),
        ("ID_AA64AFR2_EL1_RESERVED", "S3_0_C0_C5_6"), ("APIAKEYLO_EL1", "APIAKEYLO_EL1"),
    ],
)  # fmt: skip
def test_names_of_qemu(name: str, means: str) -> None:
    reg_id = id_of(Described(name, 0, 64))
    assert reg_id is not None and by_id(reg_id).name.upper() == means


@pytest.mark.parametrize("name", ["sp", "z0", "p3", "vg", "pauth_dmask", "nonsense", ""])
def test_names_without_a_register(name: str) -> None:
    assert id_of(Described(name, 0, 64)) is None


def test_core_registers_keep_kvm_numbers() -> None:
    assert id_of(Described("x2", 2, 64)) == 0x6030000000100004
    assert id_of(Described("pc", 32, 64)) == 0x6030000000100040
    assert id_of(Described("v1", 35, 128)) == 0x6040000000100058
    assert id_of(Described("SP_EL1", 99, 64)) == 0x6030000000100044


def test_escapes_and_repetitions() -> None:
    assert _plain(bytearray(b"0* 1}]2")) == b"0000" + b"1" + b"}" + b"2"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_answer_at_all_is_an_error_not_a_crash(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    def talk(line: socket.socket) -> None:
        line.recv(100)
        line.sendall(noise)

    folder = tmp_path_factory.mktemp("s")
    with peer(folder / "g", talk) as path, pytest.raises(SourceError):
        read(f"gdb:{path}")


def test_nothing_follows_a_detach_that_was_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running QEMU stops the guest at any byte, so a second D after a late answer would leave it standing."""
    stub, asked, given_up = Stub({"CLIDR": 1}), threading.Event(), threading.Event()

    class Over(Deadline):
        """Over for the reading once the stub was asked, which answers when the detach has begun."""

        def left(self) -> float:
            if self._last:
                given_up.set()
            elif asked.is_set():
                raise self.error()
            return super().left()

    def late(command: str) -> bytes:
        if command == "p28":
            asked.set()
            given_up.wait(60)
        return Stub.answer(stub, command)

    monkeypatch.setattr(gdbstub, "Deadline", Over)
    stub.answer = late  # type: ignore[method-assign]
    with peer(tmp_path / "gdb", stub) as path, pytest.raises(SourceError, match="no answer within 60 s"):
        open_live(f"gdb:{path}", PATIENT).read()
    end = time.monotonic() + 60
    while stub.heard[-1] != "D;1" and time.monotonic() < end:
        time.sleep(0.01)
    assert stub.heard[-2:] == ["p28", "D;1"]


def test_small_packets_do_not_wait_for_each_other() -> None:
    """Without TCP_NODELAY each question waits 40 ms for the acknowledgement of the one before: half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with connect("gdb:", f"127.0.0.1:{port}", Deadline(60, "gdb:")) as line:
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "ü" * 64])
def test_a_name_that_no_host_can_have(host: str) -> None:
    with pytest.raises(SourceError):
        read(f"gdb:{host}:1234")


def test_a_silent_name_server_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is never waited for: it comes when the reading has ended."""
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(60))
    with pytest.raises(SourceError, match="no answer within 1 s"):
        read("gdb:host.example:1234", QUICK)
    assert not ended.is_set()
    ended.set()


@pytest.mark.parametrize("encoding", ["bogus", "utf-7", "shift_jis"])
def test_an_odd_encoding_of_the_description_is_one_line(tmp_path: Path, encoding: str) -> None:
    stub = Stub({"CLIDR": 1})
    stub.files["target.xml"] = f'<?xml version="1.0" encoding="{encoding}"?><target/>'.encode()
    with peer(tmp_path / "gdb", stub) as path, pytest.raises(SourceError):
        read(f"gdb:{path}")


def test_another_architecture_is_an_error(tmp_path: Path) -> None:
    with peer(tmp_path / "gdb", Stub({"rax": 1})) as path, pytest.raises(SourceError, match="no arm64 register"):
        read(f"gdb:{path}")
