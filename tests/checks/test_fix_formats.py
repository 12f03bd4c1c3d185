"""`fix` of every foreign format, with values of its own making: what was refused differs, all else is as it was."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard

from inspector.registers.ids import IDS
from inspector.sources import load
from tests.checks.material import shipped
from tests.checks.saved_files import FEATURES, TAMPERED, TARGET, cloud_hypervisor, crosvm, stream, vcpu, vmstate
from tests.commands.running import run
from tests.sources import streams

LAYERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}
LIBVIRT = {"": 0, "gzip": 1, "bzip2": 2, "xz": 3, "zstd": 5}
UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gzip": gzip.decompress,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def libvirt(values: Mapping[int, int], layer: str) -> bytes:
    return streams.libvirt(LAYERS[layer](stream(values)), number=LIBVIRT[layer])


FILES: Mapping[str, Callable[[Mapping[int, int]], bytes]] = {
    "Cloud Hypervisor, texts": lambda values: cloud_hypervisor(values, "texts"),
    "Cloud Hypervisor, objects": lambda values: cloud_hypervisor(values, "objects"),
    "crosvm, CBOR": lambda values: crosvm(values, True),
    "crosvm, JSON": lambda values: crosvm(values, False),
    "vmstate": vmstate,
    "stream": stream,
    "qcow2": lambda values: streams.qcow2(stream(values)),
    "qcow2 of 512-byte clusters": lambda values: streams.qcow2(stream(values), bits=9),
    **{f"libvirt {name or 'raw'}": functools.partial(libvirt, layer=name) for name in LIBVIRT},
}


def _fixed(path: Path, *more: str) -> Path:
    out = path.with_name("fixed")
    done = run("fix", str(path), TARGET, *FEATURES, "-o", str(out), *more)
    assert done.code == 0, done.err + done.out
    assert f"{len(TAMPERED)} values replaced" in done.out and "checked: it loads" in done.out
    assert run("migrate", str(out), TARGET, *FEATURES).code == 0
    return out


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", FILES)
def test_refused_values_are_replaced_and_nothing_else(tmp_path: Path, name: str, seed: int) -> None:
    data = FILES[name](vcpu(seed))
    path = tmp_path / "vm"
    path.write_bytes(data)
    before, own = load(str(path)).vcpus[0].values, shipped("cortex-a72", "6.12").vcpus[0].values
    assert run("migrate", str(path), TARGET, *FEATURES).code == 1
    after = load(str(_fixed(path))).vcpus[0].values
    assert {i for i in before if after[i] != before[i]} == set(TAMPERED)
    assert dict(after) == {i: own[i] if i in TAMPERED else v for i, v in before.items()}
    assert path.read_bytes() == data
    assert sorted(one.name for one in tmp_path.iterdir()) == ["fixed", "vm"]


def differing(first: bytes, second: bytes) -> set[int]:
    assert len(first) == len(second)
    return {at for at, (a, b) in enumerate(zip(first, second, strict=True)) if a != b}


@pytest.mark.parametrize(
    "name", [name for name in FILES if name.split(" ")[0] in ("stream", "qcow2", "libvirt", "vmstate")]
)
def test_bytes_outside_of_the_values_are_the_same(tmp_path: Path, name: str) -> None:
    """Once unpacked, and but for the checksum of a vmstate."""
    path = tmp_path / "vm"
    path.write_bytes(FILES[name](vcpu(3)))
    copy = _fixed(path).read_bytes()
    data, layer = path.read_bytes(), name.removeprefix("libvirt ").replace("raw", "")
    offsets = load(str(path)).vcpus[0].offsets
    if layer in LIBVIRT and name.startswith("libvirt"):
        head = 92 + int.from_bytes(data[20:24], "little")
        assert copy[:head] == data[:head]
        data, copy = (UNPACK[layer](one[head:]) for one in (data, copy))
        offsets = {i: at - (0 if layer else head) for i, at in offsets.items()}
    sealed = set(range(len(data) - 8, len(data))) if name == "vmstate" else set()
    assert differing(data, copy) - sealed <= {offsets[i] + n for i in TAMPERED for n in range(8)}
    assert differing(data, copy)


@pytest.mark.parametrize("layer", [name for name in LAYERS if name])
@pytest.mark.parametrize("name", ["Cloud Hypervisor, texts", "crosvm, CBOR", "vmstate"])
def test_packed_files_stay_packed(tmp_path: Path, name: str, layer: str) -> None:
    path = tmp_path / "vm"
    path.write_bytes(LAYERS[layer](FILES[name](vcpu(4))))
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "vm").write_bytes(FILES[name](vcpu(4)))
    assert UNPACK[layer](_fixed(path).read_bytes()) == _fixed(plain / "vm").read_bytes()
    done = run("fix", str(path), TARGET, *FEATURES, "--dry-run")
    assert done.code == 0 and "compressed" not in done.out


@pytest.mark.parametrize("name", FILES)
def test_a_dry_run_writes_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "vm"
    path.write_bytes(FILES[name](vcpu(5)))
    done = run("fix", str(path), TARGET, *FEATURES, "--dry-run", "-o", str(tmp_path / "fixed"))
    assert done.code == 0, done.err
    assert done.out.startswith("3 values would be replaced; nothing was written (--dry-run); checked: it would load")
    assert [one.name for one in tmp_path.iterdir()] == ["vm"]
    answer = run("fix", str(path), TARGET, *FEATURES, "--dry-run", "--json").json
    assert answer["output"] is None and answer["dry_run"] and len(answer["changes"]) == 3


def test_names_of_the_tampered_registers() -> None:
    assert [IDS["ID_AA64ISAR0_EL1"], IDS["ID_AA64MMFR0_EL1"], IDS["ID_AA64PFR0_EL1"]] == [*TAMPERED]
