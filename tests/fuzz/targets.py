"""What is fuzzed: how each input begins, how it is changed, and the call that must end in an answer or one line."""

from __future__ import annotations

import bz2
import gzip
import lzma
import socket
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import zstandard

from inspector.app.modes.table import MODES as TABLE
from inspector.app.shell import keys
from inspector.app.shell.settings import load_settings
from inspector.app.shell.theming import ThemeError, load_theme
from inspector.errors import InspectorError
from inspector.library import explain
from inspector.policies.loader import read_policy_file
from inspector.reports.explain import explanation_text
from inspector.shipped import folder
from inspector.sources import load
from inspector.sources.formats import FORMATS, dump_json
from inspector.sources.live import gdbstub, qmp
from inspector.sources.live.source import LiveOptions
from tests.fuzz import mutate
from tests.fuzz.mutate import Mutator
from tests.sources import streams
from tests.sources.examples import EXAMPLES, examples_of
from tests.sources.live import fakes

_PASTED = Path(__file__).parent.parent / "material" / "pasted"
_PLACE = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
_TRANSCRIPTS: dict[str, bytes] = {}


class Target(NamedTuple):
    """One fuzzer."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    mutator: Mutator
    call: Callable[[bytes], bool]
    """True when the input was accepted; False for a refusal of one line; every other way to end is a crash"""


class _TooLongError(Exception):
    """A refusal that is no short line."""


def _refused(error: InspectorError) -> bool:
    line = str(error)
    if len(line) > 500 or not line.isprintable():
        raise _TooLongError(line[:200])
    return False


_FILE = tempfile.NamedTemporaryFile(dir=_PLACE, prefix="fuzz-")  # noqa: SIM115
"""What the mutants of this process are written to, one after another; removed with the process"""


def loaded(data: bytes) -> bool:
    """Read a file of any format, and write what it holds as a dump of this program."""
    path = Path(_FILE.name)
    path.write_bytes(data)
    try:
        dump = load(str(path))
    except InspectorError as error:
        return _refused(error)
    dump_json.write(dump)
    return True


def explained(data: bytes) -> bool:
    """Explain a text, and print the explanation."""
    explanation_text(explain(data.decode("utf-8", "replace")))
    return True


def policy(data: bytes) -> bool:
    """Read a policy file."""
    try:
        read_policy_file(data.decode("utf-8", "replace"), "policy.toml")
    except InspectorError as error:
        return _refused(error)
    return True


def _as_file(data: bytes, name: str) -> Path:
    where = Path(_FILE.name + ".folder")
    where.mkdir(exist_ok=True)
    (where / name).write_bytes(data)
    return where


def theme(data: bytes) -> bool:
    """Read a theme."""
    try:
        load_theme(_as_file(data, "theme.toml") / "theme.toml")
    except ThemeError as error:
        return _refused(error)
    return True


def settings(data: bytes) -> bool:
    """Read settings; what is wrong with them is a list of lines."""
    return not load_settings(_as_file(data, "settings.toml"), keys.places(TABLE)).problems


def _replayed(data: bytes, module: object, call: Callable[[], object]) -> bool:
    """Let a live source read what a peer said, said all at once."""
    near, far = socket.socketpair()
    before = module.connect  # type: ignore[attr-defined]
    module.connect = lambda *arguments, **more: near.dup()  # type: ignore[attr-defined]
    try:
        far.setblocking(False)
        far.send(data[:60_000])
        far.shutdown(socket.SHUT_WR)
        call()
    except InspectorError as error:
        return _refused(error)
    finally:
        module.connect = before  # type: ignore[attr-defined]
        near.close()
        far.close()
    return True


def gdb(data: bytes) -> bool:
    """What a gdbstub said."""
    options = LiveOptions(timeout=0.5)
    return _replayed(data, gdbstub, lambda: gdbstub.Gdbstub("gdb:localhost:1", options).read())


def qmp_server(data: bytes) -> bool:
    """What a QMP server said."""
    options = LiveOptions(timeout=0.5)
    return _replayed(data, qmp, lambda: qmp.Qmp("qmp:/x/y", options).read())


def _gdb_seeds() -> list[bytes]:
    stub = fakes.Stub({"MIDR_EL1": 0x410FD493, "ID_AA64PFR0_EL1": 0x1101000021111112})
    commands = ["qSupported", "qXfer:features:read:target.xml:0,3e8", "qXfer:features:read:target.xml:32,3e8"]
    commands += [f"qXfer:features:read:system-registers.xml:{n:x},3e8" for n in range(0, 300, 50)]
    commands += ["qfThreadInfo", "qsThreadInfo", "Hg1", "p28", "p29", "D"]
    said = b""
    for command in commands:
        said += b"+" + stub.answer(command)
    return [said, b"+" + fakes.packet(b"OK"), b"+" + fakes.packet(b"l<target></target>") * 4]


def _qmp_seeds() -> list[bytes]:
    greeting = b'{"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}}}}\n'
    lines = [
        greeting,
        b'{"return": {}}\n',
        b'{"return": {"running": true, "status": "running"}}\n',
        b'{"return": []}\n',
    ]
    return [
        b"".join(lines),
        b"".join([*lines, b'{"event": "STOP"}\n', b'{"error": {"class": "x", "desc": "y"}}\n' * 4]),
    ]


def _texts(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [text.encode() for text in texts]


def _pasted() -> list[bytes]:
    found = [path.read_bytes()[:20_000] for path in sorted(_PASTED.rglob("*")) if path.is_file()]
    return found or [b"qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'\n"]


def _packed() -> list[bytes]:
    return [
        gzip.compress(EXAMPLES["qemu-stream"]()),
        bz2.compress(EXAMPLES["plain-text"]()),
        lzma.compress(EXAMPLES["kvm-recording"]()),
        zstandard.compress(EXAMPLES["dump-json"]()),
        streams.libvirt(gzip.compress(EXAMPLES["qemu-stream"]()), number=1),
    ]


def _policies() -> list[bytes]:
    return [
        path.read_bytes()[:8000] for path in sorted(Path(gdbstub.__file__).parents[2].glob("policies/**/*.toml"))[:4]
    ]


def _themes() -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder("themes").glob("*.toml"))]


_REPLAY = (
    '{"reg":"0x603000000013c020","in_src":1,"in_dst":1,"dst_own":"0x1","written":"0x2","errno":22,"after":"0x1"}\n'
)
_LOADERS: dict[str, tuple[Callable[[], Sequence[bytes]], Mutator]] = {
    "qemu_stream": (lambda: [EXAMPLES["qemu-stream"](), streams.mapped_ram_stream()], mutate.binary),
    "crosvm": (lambda: [EXAMPLES["crosvm-vcpu"]()], mutate.cbor),
    "restore_lines": (lambda: [EXAMPLES["restore-lines"](), _REPLAY.encode() * 3], mutate.document),
    "recognised": (_texts("\x7fELF", "STRATOVIRT", "KDUMP   ", "kvm_mp_state: 0x0\nkvm_mp_state: 0x1\n"), mutate.text),
    "qemu_embedded": (lambda: [bytes(100) + EXAMPLES["qemu-stream"](), b"x\0" + bytes(5000)], mutate.binary),
}
"""module of a format -> how its files begin, and how they are changed, where its examples do not say both"""


def _loader(module: str) -> tuple[Callable[[], Sequence[bytes]], Mutator]:
    """How files of a format begin, and how they are changed: as bytes, as JSON, or as text."""
    if module in _LOADERS:
        return _LOADERS[module]
    found = examples_of(import_module(f"inspector.sources.formats.{module}").NAME)
    kind = mutate.document if found[0].startswith(b"{") else mutate.text
    return lambda: found, mutate.binary if b"\0" in found[0] else kind


_ALIKE = (
    "text_encoding",
    lambda: ["\ufeffMIDR_EL1=0x1\n".encode("utf-16-le"), "ID_AA64PFR0_EL1=0x1\n".encode("utf-16")],
)
TARGETS = (
    *(Target(name, *_loader(name), loaded) for name in FORMATS),
    Target("compressed", _packed, mutate.packed, loaded),
    Target(*_ALIKE, mutate.binary, loaded),
    Target("explain", _pasted, mutate.text, explained),
    Target("policy", _policies, mutate.text, policy),
    Target("theme", _themes, mutate.text, theme),
    Target("settings", _texts('theme = "lab-light"\n[keys]\nfind = "f"\n'), mutate.text, settings),
    Target("gdb", _gdb_seeds, mutate.binary, gdb),
    Target("qmp", _qmp_seeds, mutate.document, qmp_server),
)
