"""Run the collector in another process, bounded in time and size, and read what it wrote."""

from __future__ import annotations

import contextlib
import io
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from inspector.errors import SourceError
from inspector.leaving import held
from inspector.sources.dump import Dump
from inspector.sources.live.source import LiveOptions
from inspector.sources.opening import Content
from inspector.transport.deadline import Deadline

MOST = 16 << 20
"""Bytes of an answer; a dump of a hundred CPUs has less than one million."""


_START = b'{"format": "vcpu-inspector-dump"'
"""How the collector's answer begins."""
_GRACE = 0.5
"""Seconds to wait for more from a process that has ended but whose outputs are still open."""


class Finished(NamedTuple):
    """A process that ended by itself."""

    code: int
    out: bytes
    said: str
    """the last line that it wrote to standard error"""


def run(command: Sequence[str], program: str, timeout: float, where: str) -> Finished:
    """Run `command` with `program` on its standard input. SourceError if it cannot start, is slow or floods."""
    with held():
        return _run(command, program, Deadline(timeout, where), where)


def _run(command: Sequence[str], program: str, deadline: Deadline, where: str) -> Finished:
    with tempfile.TemporaryFile() as source:
        source.write(program.encode())
        source.seek(0)
        try:
            process = subprocess.Popen(
                command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            raise SourceError(f"{command[0]} cannot be run: {error.strerror}", where) from None
    try:
        out, err = _listen(process, deadline, where)
        while (code := process.poll()) is None:
            time.sleep(deadline.slice() / 5)
    finally:
        _end(process)
    lines = [line for line in err.decode(errors="replace").splitlines() if line.strip()]
    return Finished(code, out, lines[-1] if lines else "")


def _listen(process: subprocess.Popen[bytes], deadline: Deadline, where: str) -> tuple[bytes, bytes]:
    """Both outputs until they end."""
    assert process.stdout and process.stderr
    kept = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in kept:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ended = process.poll() is not None
            ready = selector.select(min(_GRACE, deadline.left()))
            if ended and not ready:
                break  # something that the process left behind holds its outputs, as ssh's ControlPersist may
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                buffer = kept[process.stdout if key.fileobj is process.stdout else process.stderr]
                buffer += chunk
                if len(buffer) > MOST:
                    raise SourceError(f"answered with more than {MOST >> 20} MiB", where)
    return bytes(kept[process.stdout]), bytes(kept[process.stderr])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that the process and its children are gone, and its pipes closed."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def arguments(options: LiveOptions, writes: Sequence[tuple[int, int]] = ()) -> list[str]:
    """The collector's own arguments."""
    asked = [f"{number:x}={value:x}" for number, value in writes]
    words = ["--features", options.features, "--gic", options.gic, *(w for text in asked for w in ("--write", text))]
    words += ["--cpus", options.cpus] if options.cpus else []
    return words + ["--identify"] * options.identify


def dump_of(answer: bytes, where: str) -> Dump:
    """The collector's answer as a Dump from the live source `where`. Raises SourceError for anything else."""
    from inspector.sources.formats import dump_json

    start = answer.find(_START)
    if start > 0 and answer[start - 1] == 0x0A:
        answer = answer[start:]  # a shell's start-up file greeted first
    if not answer.lstrip().startswith(b"{"):
        text = answer[:80].decode(errors="replace").strip()
        raise SourceError(f"answered with something else than a dump: {text!r}" if text else "gave no answer", where)
    content = Content(where, io.BytesIO(answer), False)
    if not dump_json.sniff(content):
        raise SourceError("answered with JSON that is not a dump of this program", where)
    dump = dump_json.load(content)
    about = dump.provenance.told(source=where, format="live", origin="", origin_format="")
    return msgspec.structs.replace(dump, provenance=about)
