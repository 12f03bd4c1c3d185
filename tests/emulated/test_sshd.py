"""ssh:// against a real sshd on loopback, with keys and configuration of its own; nobody's ssh folder is touched."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.lab.emulator import libraries
from inspector.registers.catalog import find
from inspector.sources.live import open_live
from inspector.sources.live.source import LiveOptions
from tests.emulated.fetch import cache
from tests.emulated.proof import host_program
from tests.programs import program

pytestmark = pytest.mark.emulated
NOBODY = 65534


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def empty_folder(path: Path, wanted: bool) -> Iterator[None]:
    """The folder that sshd of root locks its unprivileged part into, for the time of the test."""
    if not wanted or path.exists():
        yield
        return
    path.mkdir(mode=0o755)
    try:
        yield
    finally:
        path.rmdir()


class Server:
    """One sshd: its port, and the folder with the client's configuration."""

    def __init__(self, folder: Path, port: int, user: str) -> None:
        self.folder, self.port, self.address = folder, port, f"ssh://{user}@127.0.0.1:{port}"


@contextlib.contextmanager
def sshd(monkeypatch: pytest.MonkeyPatch, folder: Path, python: str) -> Iterator[Server]:
    """Start sshd as an ordinary user; `python` is what `python3` means on the far side."""
    if not shutil.which("ssh") or not shutil.which("ssh-keygen"):
        pytest.skip("no ssh client is installed")
    server = host_program("sshd")
    root = os.geteuid() == 0
    user = "inspected" if root else getpass.getuser()
    far = folder / "far"
    far.mkdir()
    program(far, "python3", python)
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "client.pub", folder / "authorized")
    port = free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n"
        f"PermitRootLogin yes\nSetEnv PATH={far}:/usr/bin:/bin\n",
        encoding="utf-8",
    )
    environment = libraries(cache())
    if root:
        # sshd run by root wants a user and an empty folder for its unprivileged part; run by anyone else it serves only
        # that user. The names come from a list of users that holds for this process alone.
        preload = next((cache() / "host").glob("usr/lib/*/libnss_wrapper.so"), None)
        if preload is None:
            pytest.skip("libnss-wrapper was not fetched")
        users = f"{user}:x:0:0::{far}:/bin/sh\nsshd:x:{NOBODY}:{NOBODY}::/run/sshd:/bin/false\n"
        (folder / "passwd").write_text(users, encoding="utf-8")
        (folder / "group").write_text(f"{user}:x:0:\nnogroup:x:{NOBODY}:\n", encoding="utf-8")
        environment |= {"LD_PRELOAD": str(preload), "NSS_WRAPPER_PASSWD": f"{folder}/passwd"}
        environment |= {"NSS_WRAPPER_GROUP": f"{folder}/group"}
    host_key = (folder / "host.pub").read_text(encoding="utf-8").split()
    client = folder / "client_folder"
    client.mkdir()
    shutil.copy(folder / "client", client / "key")
    (client / "key").chmod(0o600)
    (client / "known").write_text(f"[127.0.0.1]:{port} {' '.join(host_key[:2])}\n", encoding="utf-8")
    (client / "config").write_text(
        f"IdentityFile {client}/key\nIdentitiesOnly yes\nUserKnownHostsFile {client}/known\n"
        "GlobalKnownHostsFile none\nStrictHostKeyChecking yes\n",
        encoding="utf-8",
    )
    real = shutil.which("ssh")
    program(client, "ssh", f'exec {real} -F {client}/config "$@"')
    monkeypatch.setenv("PATH", str(client), prepend=":")
    command = [str(server), "-D", "-e", "-f", str(folder / "sshd_config")]
    with (
        empty_folder(Path("/run/sshd"), root),
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process,
    ):
        try:
            end = time.monotonic() + 120
            while True:
                assert process.poll() is None and time.monotonic() < end, "sshd did not start"
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield Server(folder, port, user)
        finally:
            process.kill()


def test_a_host_through_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    assert before == {}
    with sshd(monkeypatch, tmp_path, f'exec {sys.executable} -I "$@"') as server:
        far = set((tmp_path / "far").iterdir())
        dump = open_live(server.address, LiveOptions(timeout=120)).read()
        assert set((tmp_path / "far").iterdir()) == far
    assert dump.provenance.source == server.address
    assert dump.provenance.kernel == platform.release()


def test_an_arm64_host_through_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The far side's python3 is the arm64 one, under user-mode emulation."""
    guest = cache() / "guest"
    emulated = f"PYTHONHOME={guest}/usr exec {host_program('qemu-aarch64')} -L {guest} {guest}/usr/bin/python3.11"
    with sshd(monkeypatch, tmp_path, f'{emulated} -SB "$@"') as server:
        dump = open_live(server.address, LiveOptions(timeout=120)).read()
    assert dump.el0[find("ID_AA64PFR0_EL1").register.id] & 0xFF == 0x11


def test_a_host_whose_key_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with sshd(monkeypatch, tmp_path, "exit 1") as server:
        (tmp_path / "client_folder/known").write_text("", encoding="utf-8")
        with pytest.raises(SourceError, match="ssh: Host key verification failed"):
            open_live(server.address, LiveOptions(timeout=120)).read()


def test_a_user_without_access(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (
        sshd(monkeypatch, tmp_path, "exit 1") as server,
        pytest.raises(SourceError, match=r"ssh: .*([Dd]enied|closed)"),
    ):
        open_live(f"ssh://stranger@127.0.0.1:{server.port}", LiveOptions(timeout=120)).read()


def test_a_host_without_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with sshd(monkeypatch, tmp_path, "exit 127") as server, pytest.raises(SourceError, match="has no python3"):
        open_live(server.address, LiveOptions(timeout=120)).read()


def test_a_far_side_that_never_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (
        sshd(monkeypatch, tmp_path, "exec sleep 600") as server,
        pytest.raises(SourceError, match="no answer within 3 s"),
    ):
        open_live(server.address, LiveOptions(timeout=3)).read()


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not shutil.which("ssh"):
        pytest.skip("no ssh client is installed")
    with pytest.raises(SourceError, match=r"ssh: .*refused"):
        open_live(f"ssh://127.0.0.1:{free_port()}", LiveOptions(timeout=120)).read()
