"""Say what a pasted error text means.

Which register and field, why, since which kernel, and what to do. Takes the output of QEMU, libvirt, Firecracker, Cloud
Hypervisor, crosvm, a guest's or a host's kernel log.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from inspector import sources
from inspector.checks.explain.explain import explain
from inspector.checks.explain.streaming import condensed
from inspector.checks.explain.withheld import told
from inspector.commands.arguments import add_declared, add_host_inputs, add_kernel, add_secrets, add_snapshot, add_style
from inspector.commands.destinations import given_kernel, given_of
from inspector.errors import InspectorError, RegisterError, SourceError, one_line
from inspector.folders import is_there
from inspector.progress import clear, under_way, work
from inspector.registers import catalog
from inspector.reports import explain as report
from inspector.reports.json import dumps
from inspector.sources.opening import check_standard_input
from inspector.sources.text_encoding import as_utf8, encoding_of
from inspector.transport.compressed import EndsEarlyError, compression_of, decompress

_BLOCK = 1 << 17
"""Bytes of a log that are looked at together: a few copies of them stay in the cache of a core."""
_FIRST = 64
"""Bytes by which UTF-16 and what is no text are recognised."""
_LAYERS = 3
"""How often a log may be compressed."""
_NO_TEXT = (
    (b"QEVM", "a saved VM", "`vcpu-inspector show FILE` opens it"),
    (b"LibvirtQemud", "a saved VM", "`vcpu-inspector show FILE` opens it"),
    (b"QFI\xfb", "a disk image", "`vcpu-inspector show FILE` opens its saved VM"),
    (b"LPKSHHRH", "a journal of systemd", "give what `journalctl --file FILE` prints"),
    (b"\x7fELF", "a program or a dump of one", "give the text that was printed"),
    (b"PK\x03\x04", "an archive", "unpack it and give the log in it"),
    (b"%PDF-", "a PDF", "give its text (pdftotext)"),
    (b"\x89PNG\r\n", "a picture", "give the text that it shows"),
    (b"\xff\xd8\xff", "a picture", "give the text that it shows"),
)
"""What may be given instead of a log, by how it begins, and what to give."""
_NEVER_PRINTED = bytes(code for code in (*range(1, 7), *range(14, 27), *range(28, 32), 127))


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "text",
        metavar="FILE",
        nargs="?",
        default="-",
        help="a file, - for standard input (default), or the text itself",
    )
    parser.add_argument("--source", metavar="DUMP", help="the saved VM that did not load")
    parser.add_argument("--destination", metavar="DUMP", help="a fresh vCPU of the destination")
    add_kernel(parser)
    add_host_inputs(parser)
    add_declared(parser)
    add_snapshot(parser)
    add_secrets(parser)
    add_style(parser)


def log_text(path: str) -> str:
    """The log to explain: a file, standard input (-), or the words themselves. Raises SourceError.

    A large log is read in blocks, of which only the lines that may matter are kept.
    """
    try:
        if path == "-":
            check_standard_input()
            with work("reading standard input"):
                return condensed(_blocks(_plain(sys.stdin.buffer, path)))
        if _says_something(path) and not is_there(path):
            return path
        with Path(path).open("rb") as file, work(f"reading {path}"):
            return condensed(_blocks(_plain(file, path), file))
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}", path, "give a text file, or - and paste the text"
        ) from error


def _says_something(text: str) -> bool:
    """Whether an argument that is no file may be the text itself: several words, a register, an id or a feature."""
    words = text.split()
    if len(words) != 1:
        return len(words) > 1
    try:
        return bool(catalog.look_up(words[0].partition("=")[0]))
    except RegisterError:
        return False


def _plain(stream: BinaryIO, path: str) -> BinaryIO:
    """The file as UTF-8, whatever it is written in and compressed with. Raises SourceError for what is no text."""
    file = stream if isinstance(stream, BufferedReader) else BufferedReader(cast("RawIOBase", stream))
    layers = 0
    while layer := compression_of(file.peek(_FIRST)[:_FIRST]):
        layers += 1
        if layers > _LAYERS:
            raise SourceError(f"compressed more than {_LAYERS} times", path, "unpack it first")
        file = cast("BufferedReader", decompress(file, layer, path))
    encoding = encoding_of(file.peek(_FIRST)[:_FIRST])
    if encoding:
        return as_utf8(file, encoding, path)
    _check_text(file.peek(_FIRST), path)
    return file


def _check_text(head: bytes, path: str) -> None:
    """Raises SourceError where a file is something else than text. A log may have some bytes of anything in it."""
    for magic, what, hint in _NO_TEXT:
        if head.startswith(magic):
            raise SourceError(f"is {what}, no text", path, hint)
    if len(head.translate(None, _NEVER_PRINTED)) < len(head) * 0.95:
        raise SourceError(
            "is no text", path, "give what the program printed; `vcpu-inspector show FILE` opens saved VMs"
        )


def _blocks(file: BinaryIO, packed: BinaryIO | None = None) -> Iterator[bytes]:
    """What there is, in pieces of up to _BLOCK bytes; of a packed file that is cut off, what stands before the cut.
    `packed`: the file as it is on the disk, which tells how far that has come."""
    read = file.read1 if isinstance(file, BufferedReader) else file.read
    size, got = os.fstat(packed.fileno()).st_size if packed else 0, 0
    anything = False
    try:
        while block := read(_BLOCK):
            anything = True
            got += len(block)
            if (said := under_way()) is not None:
                said.bytes_at(packed.tell() if packed and size else got, size)
            yield block
    except EndsEarlyError as error:
        if not anything:
            raise
        clear()
        print(one_line(f"{error}; explained is what stands before, which may lack the cause"), file=sys.stderr)


def run(options: argparse.Namespace) -> int:
    """Print the explanation; 1 when the text holds no error that is known."""
    if options.snapshot and not options.source:
        raise InspectorError("chooses what is read of --source", "--snapshot", "give the qcow2 image as --source")
    if options.declared and not (options.source or options.destination):
        raise InspectorError("says whose values --source or --destination holds", "--as", "give one of them")
    text = log_text(options.text)
    source = sources.load(options.source, options.declared, options.snapshot) if options.source else None
    destination = sources.load(options.destination, options.declared) if options.destination else None
    given = msgspec.structs.replace(given_of(options), kernel=given_kernel(options))
    answer = explain(text, source, destination, given)
    answer = answer if options.secrets else told(answer)
    if options.json:
        print(dumps(report.explanation_json(answer)))
    else:
        print(report.explanation_markdown(answer) if options.markdown else report.explanation_text(answer))
    return answer.exit_code
