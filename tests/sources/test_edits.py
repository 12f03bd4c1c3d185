"""Copies of foreign saved VMs: only the changed values differ, byte for byte, in every shape of every format."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import get_args

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import InspectorError
from inspector.registers.encoding import size_of
from inspector.sources import load
from inspector.sources.dump import Dump, FormatName
from inspector.sources.edits import cbor, edited, patches, way_of
from inspector.sources.edits.change import Change, Changes
from inspector.sources.edits.jsonplaces import Layer, applied, elements, inside, members, root
from inspector.sources.formats import FORMATS, module_of
from inspector.sources.formats.firecracker_vmstate import checksum
from tests.sources import examples, streams
from tests.sources.examples import CCSIDR0, CORE, MIDR, MMFR2, PFR0, VALUES

FIRMWARE = 0x6030000000140000
NEW = {CCSIDR0: 0x1A, MIDR: 0x410FD490, PFR0: 0x1101110120111112, MMFR2: 0xFEDC_BA98_7654_3210, FIRMWARE: 0x10003}


def read(data: bytes) -> Dump:
    """What the program's own reader finds in a file."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        return load(file.name)


def changes(data: bytes, new: Mapping[int, int]) -> dict[int, Changes]:
    """`new` for every vCPU of a file, with the old values and offsets that the reader gives."""
    return {
        vcpu.index: {i: Change(vcpu.values[i], value, vcpu.offsets.get(i)) for i, value in new.items()}
        for vcpu in read(data).vcpus
    }


def values_of(data: bytes) -> list[dict[int, int]]:
    return [dict(vcpu.values) for vcpu in read(data).vcpus]


SHAPES: Mapping[str, Callable[[], bytes]] = {
    "cloud-hypervisor, bytes": lambda: examples.cloud_hypervisor(1),
    "cloud-hypervisor, text": lambda: examples.cloud_hypervisor(2),
    "cloud-hypervisor, SVE": lambda: examples.cloud_hypervisor(3),
    "cloud-hypervisor, indented": lambda: json.dumps(json.loads(examples.cloud_hypervisor(1)), indent=2).encode(),
    "crosvm-vcpu, CBOR": examples.crosvm,
    "crosvm-vcpu, JSON": lambda: examples.crosvm(False),
    "firecracker-vmstate": examples.vmstate,
}


def format_of(shape: str) -> FormatName:
    """The format of a shape, `cloud-hypervisor, compressed` ..."""
    return next(one for one in get_args(FormatName) if one == shape.partition(",")[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_only_the_named_values_differ(shape: str) -> None:
    data = SHAPES[shape]()
    name = format_of(shape)
    copy = edited(name, data, changes(data, NEW), "vm")
    assert values_of(copy) == [old | NEW for old in values_of(data)]
    assert name != "crosvm-vcpu" or edited(name, data, {}, "vm") == data
    back = edited(name, copy, changes(copy, {i: VALUES[i] for i in NEW}), "vm")
    assert back == data


def test_cloud_hypervisors_other_numbers_keep_their_characters() -> None:
    """All that differs lies inside the sixteen numbers of the changed registers."""
    data = examples.cloud_hypervisor(2)
    copy = edited("cloud-hypervisor", data, {1: changes(data, NEW)[1]}, "vm")
    before, after = json.loads(data), json.loads(copy)
    for key in ("0", "1"):
        old, new = (json.loads(_vcpu(tree, key)["state"])["Kvm"] for tree in (before, after))
        assert old["core_regs"] == new["core_regs"] and old["mp_state"] == new["mp_state"]
        differing = [a[:8] for a, b in zip(old["sys_regs"], new["sys_regs"], strict=True) if a != b]
        assert len(differing) == (len(NEW) if key == "1" else 0)
        for tree in (before, after):
            _vcpu(tree, key).clear()
    assert before == after


def _vcpu(tree: dict[str, object], key: str) -> dict[str, str]:
    manager = tree["snapshots"]["cpu-manager"]  # type: ignore[index]
    found: dict[str, str] = manager["snapshots"][key]["snapshot_data"]
    return found


def test_vector_lengths_and_sve_state_of_cloud_hypervisor() -> None:
    data = examples.cloud_hypervisor(3)
    wide = {0x606000000015FFFF: 3, 0x6080000000150000: 0x0123 << 2000}
    copy = edited("cloud-hypervisor", data, changes(data, wide), "vm")
    assert values_of(copy) == [old | wide for old in values_of(data)]


def test_older_shapes_of_cloud_hypervisor() -> None:
    """A vCPU inside `vcpu-section`, keys of three digits, ids beside the snapshots."""
    tree = json.loads(examples.cloud_hypervisor(1))
    vcpus = tree["snapshots"]["cpu-manager"]["snapshots"]
    tree["snapshots"]["cpu-manager"]["snapshots"] = {
        f"00{key}": {
            "id": f"00{key}",
            "snapshots": {},
            "snapshot_data": {"vcpu-section": {"id": "vcpu-section", "snapshot": vcpu["snapshot_data"]}},
        }
        for key, vcpu in vcpus.items()
    }
    data = json.dumps(tree).encode()
    one = {0: {i: Change(VALUES[i], new) for i, new in NEW.items()}}
    copy = json.loads(edited("cloud-hypervisor", data, one, "vm"))
    found = copy["snapshots"]["cpu-manager"]["snapshots"]
    inner = json.loads(bytes(found["000"]["snapshot_data"]["vcpu-section"]["snapshot"]))
    assert {r["id"]: r["addr"] for r in inner["Kvm"]["sys_regs"]} == {
        i: NEW.get(i, v) for i, v in VALUES.items() if i not in CORE
    }
    assert found["001"] == tree["snapshots"]["cpu-manager"]["snapshots"]["001"]


def test_vmstate_bytes_and_checksum() -> None:
    data = examples.vmstate()
    wanted = changes(data, {MMFR2: NEW[MMFR2]})
    copy = edited("firecracker-vmstate", data, wanted, "vm")
    allowed = {one[MMFR2].offset + n for one in wanted.values() for n in range(8)}  # type: ignore[operator]
    assert {i for i, (a, b) in enumerate(zip(data, copy, strict=True)) if a != b} - allowed <= set(
        range(len(data) - 8, len(data))
    )
    assert checksum(copy) == 0


def test_a_damaged_vmstate_is_not_given_a_good_checksum() -> None:
    data = bytearray(examples.vmstate())
    data[100] ^= 1
    with pytest.raises(InspectorError, match="checksum does not agree"):
        edited("firecracker-vmstate", bytes(data), changes(bytes(data), {MMFR2: 1}), "vm")


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_not_where_it_was_is_refused(shape: str) -> None:
    data = SHAPES[shape]()
    name = format_of(shape)
    wrong = {
        index: {i: Change(one.old ^ 1, one.new, one.offset) for i, one in wanted.items()}
        for index, wanted in changes(data, NEW).items()
    }
    with pytest.raises(InspectorError, match="read before"):
        edited(name, data, wrong, "vm")
    absent = {index: {0x603000000013C0FF: Change(1, 2)} for index in wrong}
    with pytest.raises(InspectorError, match="is not known"):
        edited(name, data, absent, "vm")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_cut_files_are_one_line(shape: str, cut: float) -> None:
    data = SHAPES[shape]()
    with pytest.raises(InspectorError) as caught:
        edited(format_of(shape), data[: int(cut * len(data))], changes(data, NEW), "vm")
    assert "\n" not in str(caught.value)


def test_crosvm_keeps_the_upper_half_of_a_wide_ccsidr() -> None:
    document = cbor2.loads(examples.crosvm())
    document["cache_arch_info"][0] |= 0x1FF << 32
    copy = edited("crosvm-vcpu", cbor2.dumps(document), {3: {CCSIDR0: Change(VALUES[CCSIDR0], 5)}}, "vm")
    assert cbor2.loads(copy)["cache_arch_info"] == {0: 0x1FF << 32 | 5}


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), value=st.integers(0, 2**64 - 1))
def test_any_value_in_cbor(seed: int, value: int) -> None:
    """Numbers of every width, in maps of known and unknown length."""
    chosen = random.Random(seed)
    document = cbor2.loads(examples.crosvm())
    document["sys"] = {
        chosen.randrange(0xC000, 0xD000): chosen.getrandbits(chosen.choice((4, 8, 16, 64))) for _ in "12345"
    }
    reg_id = 0x6030000000130000 | chosen.choice(list(document["sys"]))
    old = document["sys"][reg_id & 0xFFFF]
    data = cbor2.dumps(document)
    if seed % 2:
        at = next(one.start for one in cbor.members(data, 0) if one.key == "sys")
        end = cbor.end_of(data, at)
        data = data[:at] + b"\xbf" + data[at + 1 : end] + b"\xff" + data[end:]
    copy = edited("crosvm-vcpu", data, {0: {reg_id: Change(old, value)}}, "vm")
    document["sys"][reg_id & 0xFFFF] = value
    assert cbor2.loads(copy) == document


LEAVES = st.integers(-(2**64), 2**64) | st.text(max_size=30) | st.binary(max_size=30) | st.none() | st.floats()
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(value=TREES)
def test_the_end_of_any_cbor_item_is_found(value: object) -> None:
    data = cbor2.dumps(value)
    assert cbor.end_of(data + b"\x00" * 3, 0) == len(data)
    for cut in range(len(data)):
        with pytest.raises(ValueError, match=r"ends early|begins no"):
            cbor.end_of(data[:cut], 0)


@pytest.mark.parametrize("value", [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1])
def test_cbor_numbers_are_as_short_as_can_be(value: int) -> None:
    assert cbor.unsigned_item(value) == cbor2.dumps(value)


JSON = st.recursive(
    st.integers() | st.text(max_size=12) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(tree=JSON, indent=st.sampled_from([None, 0, 3]), plain=st.booleans())
def test_json_values_are_where_they_are_said_to_be(tree: object, indent: int | None, plain: bool) -> None:
    layer = Layer(json.dumps(tree, indent=indent, ensure_ascii=plain))
    span = root(layer)
    if isinstance(tree, dict):
        assert {k: json.loads(layer.text[slice(*s)]) for k, s in members(layer, span)} == tree
    elif isinstance(tree, list):
        assert [json.loads(layer.text[slice(*s)]) for s in elements(layer, span)] == tree
    else:
        assert not list(members(layer, span)) and not list(elements(layer, span))


@settings(max_examples=60, deadline=None)
@given(before=st.text(max_size=10), number=st.integers(0, 2**64), new=st.integers(0, 2**64), packed=st.booleans())
def test_a_number_inside_a_text_inside_a_document(before: str, number: int, new: int, packed: bool) -> None:
    text = json.dumps({"a": before, "pad": [0] * 30, "n": number, "z": before})
    file = Layer(json.dumps({"data": list(text.encode()) if packed else text}))
    inner = inside(file, dict(members(file, root(file)))["data"])
    assert inner is not None
    place = dict(members(inner, root(inner)))["n"]
    found = json.loads(applied(file.text, [inner.edit(place, str(new))]))["data"]
    changed = json.loads(bytes(found) if packed else found)
    assert changed == json.loads(text) | {"n": new}


def test_every_way_belongs_to_a_format() -> None:
    names = {import_module(f"inspector.sources.formats.{name}").NAME for name in FORMATS}
    written = {name for name in names if way_of(name)}
    assert written == {
        "cloud-hypervisor", "crosvm-vcpu", "dump-json", "firecracker-json", "firecracker-vmstate", "libvirt-save",
        "plain-text", "qcow2-snapshot", "qemu-stream",
    }  # fmt: skip
    assert module_of("analyze-migration") is not None and way_of("analyze-migration") == ""


def test_widths_of_vmstate_values() -> None:
    data = examples.vmstate()
    for vcpu in read(data).vcpus:
        for reg_id, at in vcpu.offsets.items():
            assert int.from_bytes(data[at : at + size_of(reg_id)], "little") == vcpu.values[reg_id]


def _image(tmp_path: Path, shift: int) -> tuple[Path, dict[int, Changes]]:
    """A qcow2 image of 512-byte clusters whose values stand `shift` bytes further on, and changes of all of them."""
    state = streams.stream([VALUES_LISTED], memory=streams.ram(zero=shift))
    path = tmp_path / "vm.qcow2"
    path.write_bytes(streams.qcow2(state, bits=9))
    vcpu = load(str(path)).vcpus[0]
    return path, {0: {i: Change(v, v ^ 0x1A5, vcpu.offsets.get(i)) for i, v in VALUES_LISTED.items()}}


VALUES_LISTED = dict(
    sorted(
        {
            **{i: v for i, v in VALUES.items() if i not in CORE},
            **{0x6030000000138100 + n: 0x1111_1111_1111_1111 * (n % 15) for n in range(80)},
        }.items()
    )
)
"""Registers as a stream lists them: in ascending order."""


@pytest.mark.parametrize("shift", range(8))
def test_values_that_lie_in_two_clusters_of_a_qcow2_image(tmp_path: Path, shift: int) -> None:
    path, wanted = _image(tmp_path, shift)
    data = bytearray(path.read_bytes())
    found = patches(path, load(str(path)).provenance, wanted)
    assert len(found) >= len(VALUES_LISTED)
    for patch in found:
        assert data[patch.offset : patch.offset + len(patch.old)] == patch.old
        data[patch.offset : patch.offset + len(patch.old)] = patch.new
    path.write_bytes(data)
    values = load(str(path)).vcpus[0].values
    assert {i: values[i] for i in VALUES_LISTED} == {i: one.new for i, one in wanted[0].items()}


def test_some_value_really_lies_in_two_clusters(tmp_path: Path) -> None:
    split = [len(patches(path, load(str(path)).provenance, wanted)) > len(VALUES_LISTED)
             for path, wanted in (_image(tmp_path, shift) for shift in range(8))]  # fmt: skip
    assert any(split)


def test_a_cluster_that_two_snapshots_share_is_not_written(tmp_path: Path) -> None:
    """The table of snapshots gets a second entry with the mapping of the first: both own every cluster."""
    path, wanted = _image(tmp_path, 0)
    data = bytearray(path.read_bytes())
    entry = bytes(data[512 : 512 + 40 + 24 + 6])
    other = entry[:40] + entry[40:64] + b"2" + b"other"
    padded = entry + bytes(-len(entry) % 8)
    data[512 : 512 + len(padded) + len(other)] = padded + other
    data[60:64] = (2).to_bytes(4, "big")
    path.write_bytes(data)
    dump = load(str(path))
    assert dump.provenance.snapshot == "2"
    with pytest.raises(InspectorError, match="the snapshot 'saved' shares"):
        patches(path, dump.provenance, wanted)
