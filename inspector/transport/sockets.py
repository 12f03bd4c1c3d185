"""Connecting, sending and receiving, every wait of them within a deadline."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inspector.errors import SourceError
from inspector.numbers import is_decimal
from inspector.transport.deadline import Deadline, within

_ADDRESS = 108
"""Bytes of a Unix socket's address, with the zero behind it."""


def connect(address: str, target: str, deadline: Deadline) -> socket.socket:
    """Connect to `HOST:PORT`, `[V6]:PORT` or a Unix socket's path. Raises SourceError."""
    try:
        if "/" in target:
            if not Path(target).is_socket():
                raise SourceError("is not a socket", address, "a path of a Unix socket, or HOST:PORT")
            with addressable(target) as place:
                return dial(socket.socket(socket.AF_UNIX), place, deadline)
        host, _, port = target.rpartition(":")
        if not (is_decimal(port) and len(port) <= 5 and 0 < int(port) < 65536):
            raise SourceError("is not HOST:PORT or the path of a Unix socket", address)
        return _dial(host.strip("[]") or "localhost", int(port), deadline)
    except TimeoutError:
        raise deadline.error() from None
    except UnicodeError:
        raise SourceError("is not HOST:PORT: no host can have that name", address) from None
    except OSError as error:
        raise SourceError(f"cannot be reached: {error.strerror or error}", address) from None


@contextlib.contextmanager
def addressable(path: str) -> Iterator[str]:
    """`path` as the address of a Unix socket, which holds 108 bytes (unix(7)): a long one by way of its folder."""
    folder, name = os.path.split(path)
    if len(os.fsencode(path)) < _ADDRESS:
        yield path
        return
    opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{opened}/{name}"
    finally:
        os.close(opened)


def _dial(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection to the first of a host's addresses that takes one, all of them within the deadline.

    A name server may be silent for longer than that, and looking a name up cannot be broken off: a thread does it.
    Small packets must not wait for each other's acknowledgement (40 ms each, for hundreds of registers).
    """
    failed: OSError | None = None
    found = within(deadline, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    for family, kind, protocol, _, place in found:
        try:
            line = dial(socket.socket(family, kind, protocol), place, deadline)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            failed = error
        else:
            return line
    raise failed or OSError(0, "has no address")


def dial(line: socket.socket, place: Any, deadline: Deadline) -> socket.socket:
    """Connect `line` to `place`, asking the deadline all the while; closed again when that fails.

    A Unix socket whose queue is full says "try again", TCP "in progress". Raises OSError.
    """
    try:
        line.setblocking(False)
        code = line.connect_ex(place)
        while code in (errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY):
            if code == errno.EAGAIN:
                time.sleep(deadline.slice())
                code = line.connect_ex(place)
            elif _ready(line, select.POLLOUT, deadline):
                code = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        line.close()
        raise
    return line


def _ready(line: socket.socket, what: int, deadline: Deadline) -> bool:
    """Wait for a moment until `line` can be read or written."""
    poll = select.poll()
    poll.register(line, what)
    return bool(poll.poll(1000 * deadline.slice()))


def receive(line: socket.socket, deadline: Deadline) -> bytes:
    """What comes next, empty when the other side closed. Raises SourceError when nothing comes in time, and OSError."""
    while not _ready(line, select.POLLIN, deadline):
        pass
    return line.recv(1 << 16)


def send(line: socket.socket, data: bytes, deadline: Deadline) -> None:
    """Send all of `data`. Raises SourceError when it is not taken in time, and OSError.

    The deadline is asked where it is not taken at once: the word that lets a guest go on leaves however late it is.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[line.send(rest, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            _ready(line, select.POLLOUT, deadline)
