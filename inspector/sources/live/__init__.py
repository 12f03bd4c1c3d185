"""Live sources: this host, a host behind ssh, the lab, a running VM's debugfs files, QEMU's gdbstub and QMP socket.

`open_live(address).read()` gives a `Dump`; nothing here takes longer than the stated time-out, and whatever goes wrong
is one SourceError. Reading never writes to a running VM. Modules of the single kinds are imported when needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspector.sources.live.source import LiveOptions, LiveSource

PREFIXES = ("live:", "ssh://", "lab:", "debugfs:", "gdb:", "qmp:")
FORMS = "live:, ssh://[user@]host[:port], lab:KERNEL[,cpu=C], debugfs:[PID-FD], gdb:HOST:PORT, gdb:/SOCKET, qmp:/SOCKET"
"""The addresses that `open_live` takes, for help texts."""


def is_live(text: str) -> bool:
    """True for an address of a live source; a file of such a name is meant by `./live:`."""
    return text == "live" or text.startswith(PREFIXES)


def check_watched(sources: Sequence[str]) -> None:
    """Raises SourceError where sources are named that `--watch` would never read again."""
    if sources and not any(map(is_live, sources)):
        hint = "the key r reads a file again"
        raise SourceError("reads live sources again, and none is named", "--watch", hint)


def is_lab(text: str) -> bool:
    """True for an address of a machine of the lab."""
    return text.startswith("lab:")


def open_live(address: str, options: LiveOptions | None = None) -> LiveSource:
    """The live source at `address`. Nothing is read yet. Raises SourceError for an address that cannot be one."""
    from inspector.sources.live.source import LiveOptions, check_options

    options = options or LiveOptions()
    check_options(options)
    if address in ("live", "live:"):
        from inspector.sources.live.here import ThisHost

        return ThisHost(options)
    if address.startswith("ssh://"):
        from inspector.sources.live.remote import RemoteHost

        return RemoteHost(address, options)
    if is_lab(address):
        from inspector.sources.live.laboratory import Lab

        return Lab(address, options)
    if address.startswith("debugfs:"):
        from inspector.sources.live.debugfs import RunningVms

        return RunningVms(address, options)
    if address.startswith("gdb:"):
        from inspector.sources.live.gdbstub import Gdbstub

        return Gdbstub(address, options)
    if address.startswith("qmp:"):
        from inspector.sources.live.qmp import Qmp

        return Qmp(address, options)
    raise SourceError("is not the address of a live source", address, f"valid: {FORMS}")
