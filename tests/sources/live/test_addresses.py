"""Which texts are live sources, and which of them are refused before anything is started."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import SourceError
from inspector.sources.live import is_live, open_live
from inspector.sources.live.remote import RemoteHost
from inspector.sources.live.source import LiveOptions


@pytest.mark.parametrize("text", ["live", "live:", "ssh://h", "debugfs:", "gdb::1234", "qmp:/run/x"])
def test_live_addresses(text: str) -> None:
    assert is_live(text)


@pytest.mark.parametrize(
    "text", ["", "-", "./live:", "alive", "builtin:x", "dump.json", "/tmp/ssh://h", "gdb", "ssh:h"]
)
def test_files_are_not_live(text: str) -> None:
    assert not is_live(text)


@pytest.mark.parametrize(
    "address",
    [
        "ssh://", "ssh://-oProxyCommand=x", "ssh://-l", "ssh://me@-host", "ssh://-x@host", "ssh://host name",
        "ssh://host:0", "ssh://host:70000", "ssh://host:2 2", "ssh://host/path", "ssh://host;id", "ssh://$(id)",
        "ssh://h\nost", "debugfs:../x", "debugfs:1", "debugfs:12-", "gdb:", "qmp:", "nonsense:",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(SourceError) as error:
        open_live(address)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": 1e9}, {"features": "a b"}, {"features": "x;id"}])
def test_options_that_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SourceError):
        open_live("live:", LiveOptions(**options))  # type: ignore[arg-type]


def test_the_whole_ssh_command_line() -> None:
    source = RemoteHost("ssh://root@[fe80::1%eth0]:2222", LiveOptions(timeout=7, features="psci,el2-e2h0"))
    command = source.command([(0x603000000013C03A, 0x1)])
    split = command.index("--")
    assert command[0] == "ssh"
    assert command[split - 4 : split] == ["-p", "2222", "-l", "root"]
    assert command[split + 1] == "fe80::1%eth0"
    assert command[split + 2] == "python3 -I - --features psci,el2-e2h0 --gic v3 --write 603000000013c03a=1"
    assert {"BatchMode=yes", "ConnectTimeout=7"} <= set(command)


@given(st.text(max_size=40))
def test_no_address_reaches_ssh_as_an_option(text: str) -> None:
    try:
        command = RemoteHost("ssh://" + text, LiveOptions()).command()
    except SourceError:
        return
    split = command.index("--")
    assert not command[split + 1].startswith("-")
    assert all(word.isprintable() and " " not in word for word in command[:-1])
