"""Members of JSON and CBOR that are not what their format says: every field is demanded by type, and numbers are
bounded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from inspector.budget import Budget, raise_limits
from inspector.errors import SourceError
from inspector.sources import load
from inspector.sources.cbor import read_cbor
from tests.sources import examples

ODD: list[Any] = [None, True, -1, 1.5, 1e300, "", "x", "0x", "1" * 5000, [], [[]], {}, {"a": 1}, [None], 1 << 70]
"""What stands in place of each member in turn; JSON numbers of 70 digits, and nesting, are added as texts below."""
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "analyze-migration": examples.analyzed,
    "cloud-hypervisor": lambda: examples.cloud_hypervisor(2),
    "cloud-hypervisor of bytes": lambda: examples.cloud_hypervisor(3),
    "crosvm": lambda: examples.crosvm(binary=False),
    "dump-json": examples.own_dump,
    "firecracker": examples.fingerprint,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document; of a list only the first and last items."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list) and value:
        for at in {0, len(value) - 1}:
            yield from places(value[at], (*path, at))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A copy of the document with another value at one place."""
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], odd)
    return copy


def read(path: Path, data: bytes) -> None:
    """Load, or one short line."""
    path.write_bytes(data)
    try:
        load(str(path))
    except SourceError as error:
        assert len(str(error)) < 500


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_member_may_be_anything(name: str, tmp_path: Path) -> None:
    """Each place of a document holds each odd value in turn; a sample where that is too many."""
    document = json.loads(DOCUMENTS[name]())
    mutants = [(path, odd) for path in places(document) for odd in ODD]
    for path, odd in random.Random(1).sample(mutants, min(len(mutants), 700)):
        read(tmp_path / "f", json.dumps(replaced(document, path, odd)).encode())


def test_every_member_of_cloud_hypervisors_inner_json_may_be_anything(tmp_path: Path) -> None:
    document = json.loads(examples.cloud_hypervisor(2))
    manager = document["snapshots"]["cpu-manager"]["snapshots"]
    vcpu = next(iter(manager.values()))
    inner = json.loads(vcpu["snapshot_data"]["state"])
    for path, odd in [(path, odd) for path in places(inner) for odd in ODD]:
        vcpu["snapshot_data"]["state"] = json.dumps(replaced(inner, path, odd))
        read(tmp_path / "f", json.dumps(document).encode())


def test_every_member_of_cbor_may_be_anything(tmp_path: Path) -> None:
    document = cbor2.loads(examples.crosvm())
    for path, odd in [(path, odd) for path in places(document) for odd in ODD]:
        read(tmp_path / "f", cbor2.dumps(replaced(document, path, odd)))


@pytest.mark.parametrize("digits", [20, 300, 5000])
def test_numbers_are_bounded(digits: int, tmp_path: Path) -> None:
    big = "9" * digits
    data = examples.crosvm(binary=False).replace(b'"vcpu_id": 3', f'"vcpu_id": {big}'.encode())
    path = tmp_path / "f"
    path.write_bytes(data)
    with pytest.raises(SourceError) as told:
        load(str(path))
    assert len(str(told.value)) < 500


ROUND = [
    {"a": 1, "b": [1, -5, 1 << 63, (1 << 64) - 1], 7: "text", "n": None, "t": [True, False]},
    {"wide": (1 << 128) - 1, "float": 1.5, "bytes": b"\0\1"},
    [[[[[]]]]],
]


@pytest.mark.parametrize("value", ROUND)
def test_cbor_is_read_as_it_was_written(value: Any) -> None:
    assert read_cbor(cbor2.dumps(value), Budget("x")) == value


def test_cbor_of_unknown_lengths() -> None:
    assert read_cbor(bytes.fromhex("bf61619f0203ff6162f5ff"), Budget("x")) == {"a": [2, 3], "b": True}


TAGGED = {
    "a decimal fraction": bytes.fromhex("c48219ffff01"),
    "a huge exponent": bytes.fromhex("c4821a0fffffff01"),
    "a bigfloat": bytes.fromhex("c5822003"),
    "a date": bytes.fromhex("c11a514b67b0"),
    "a regular expression": bytes.fromhex("d8236161"),
    "a shared reference": bytes.fromhex("d81c81d81d00"),
    "a number of 129 bits": b"\xc2\x51" + b"\xff" * 17,
    "a negative bignum": b"\xc3\x41\x01",
    "one key twice": bytes.fromhex("a2616101616102"),
    "a list as key": bytes.fromhex("a18001"),
    "a text that is not UTF-8": b"\x61\xff",
    "something behind its end": b"\x01\x01",
    "nothing": b"",
    "a length of no kind": b"\x1c",
    "a list without end": b"\x9f\x01",
    "a list of 2**63": b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "a text of 2**63": b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "nesting": b"\x81" * 100_000,
    "maps in maps": b"\xa1\x01" * 100_000,
}


@pytest.mark.parametrize("name", TAGGED)
def test_cbor_without_meaning_is_refused(name: str) -> None:
    with pytest.raises(SourceError) as told:
        read_cbor(TAGGED[name], Budget("x"))
    assert len(str(told.value)) < 300


def test_the_limit_can_be_raised() -> None:
    deep = b"\x81" * 150 + b"\x01"
    with pytest.raises(SourceError, match=r"100 levels of nesting.*--limit 2"):
        read_cbor(deep, Budget("x"))
    raise_limits(2)
    try:
        assert read_cbor(deep, Budget("x"))
    finally:
        raise_limits(1)
