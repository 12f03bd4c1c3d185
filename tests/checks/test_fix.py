"""`fix`: only the refused values change, the original stays, nothing is overwritten, and the result is checked."""

from __future__ import annotations

import json
import lzma
import os
from pathlib import Path

import msgspec
import pytest

from inspector.checks.machine.destination import SAME_HOST, destination_for
from inspector.checks.machine.question import Given
from inspector.checks.repair import fix as fix_module
from inspector.checks.repair.fix import FixResult, fix
from inspector.errors import InspectorError
from inspector.registers.encoding import bitmap_id
from inspector.reports.fix import fix_json, fix_markdown, fix_text
from inspector.sources import load
from inspector.sources.formats.dump_json import write
from tests.checks.material import MMFR2, MMFR4_32, changed, shipped
from tests.material import material

NEW = {MMFR4_32: 0x21110, MMFR2: 0x1221011112001011}


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """The 6.1 stream of the CCIDX case, unpacked."""
    path = tmp_path / "vm.mig"
    packed = material("qemu", "kvm-6.1_neoverse-n2_q100.mig.xz")
    path.write_bytes(lzma.decompress(packed.read_bytes()))
    return path


def differing(first: bytes, second: bytes) -> list[int]:
    assert len(first) == len(second)
    return [i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]


def assert_ccidx_fixed(result: FixResult) -> None:
    assert {c.id: c.new for c in result.changes} == NEW
    assert result.exit_code == 0 and result.after is not None and result.after.verdict == "loads"


def test_the_ccidx_stream_differs_only_in_two_eight_byte_values(stream: Path, tmp_path: Path) -> None:
    before = stream.read_bytes()
    out = tmp_path / "fixed.mig"
    result = fix(load(str(stream)), shipped("neoverse-n2", "6.12"), str(out))
    assert_ccidx_fixed(result)
    assert stream.read_bytes() == before
    allowed = {c.offset + n for c in result.changes if c.offset is not None for n in range(8)}
    assert len(allowed) == 16
    assert set(differing(before, out.read_bytes())) <= allowed
    for change in result.changes:
        assert change.offset is not None
        assert out.read_bytes()[change.offset : change.offset + 8] == NEW[change.id].to_bytes(8, "big")


def test_against_the_measured_fresh_vcpu(stream: Path, tmp_path: Path) -> None:
    fresh = load(str(material("restores", "fresh-vcpu_6.12_neoverse-n2.jsonl.xz")))
    assert_ccidx_fixed(fix(load(str(stream)), fresh, str(tmp_path / "fixed.mig")))


def test_a_compressed_stream_stays_compressed(stream: Path, tmp_path: Path) -> None:
    packed = material("qemu", "kvm-6.1_neoverse-n2_q100.mig.xz")
    out = tmp_path / "fixed.mig.xz"
    result = fix(load(str(packed)), shipped("neoverse-n2", "6.12"), str(out))
    assert_ccidx_fixed(result)
    assert len(differing(stream.read_bytes(), lzma.decompress(out.read_bytes()))) == 2
    assert "compressed again with xz" in result.notes[0]


def test_a_libvirt_save_keeps_its_header(stream: Path, tmp_path: Path) -> None:
    xml = b"<domain type='kvm'><name>vm</name></domain>\0"
    header = b"LibvirtQemudSave" + b"".join(n.to_bytes(4, "little") for n in (2, len(xml), 0, 3, 0)) + bytes(56)
    save = tmp_path / "vm.save"
    save.write_bytes(header + xml + lzma.compress(stream.read_bytes(), preset=0))
    out = tmp_path / "fixed.save"
    assert_ccidx_fixed(fix(load(str(save)), shipped("neoverse-n2", "6.12"), str(out)))
    fixed = out.read_bytes()
    assert fixed.startswith(header + xml)
    assert len(differing(stream.read_bytes(), lzma.decompress(fixed[92 + len(xml) :]))) == 2


def test_every_vcpu_of_a_stream_is_mended(tmp_path: Path) -> None:
    source = load(str(material("qemu", "kvm-6.12_neoverse-n2_q100smp2.mig.xz")))
    target = changed(shipped("neoverse-n2", "6.12"), {MMFR2: 0x1221011102001011})
    result = fix(source, target, str(tmp_path / "fixed.mig.xz"))
    assert [(c.vcpu, c.id, c.new) for c in result.changes] == [
        (0, MMFR2, 0x1221011102001011),
        (1, MMFR2, 0x1221011102001011),
    ]
    assert result.exit_code == 0


def test_an_own_dump(tmp_path: Path) -> None:
    out = tmp_path / "fixed.json"
    source = shipped("neoverse-n2", "6.1")
    assert_ccidx_fixed(fix(source, shipped("neoverse-n2", "6.12"), str(out)))
    fixed = load(str(out))
    assert dict(fixed.vcpus[0].values) == dict(source.vcpus[0].values) | NEW
    assert fixed.host == source.host and fixed.vcpus[0].setup == source.vcpus[0].setup


def _plain(values: dict[int, int]) -> str:
    return "# saved\n" + "".join(f"0x{i:016x} 0x{v:016x}\n" for i, v in values.items() if i >> 52 & 0xF <= 3)


def test_plain_lines(tmp_path: Path) -> None:
    text = _plain(dict(shipped("neoverse-n2", "6.1").vcpus[0].values))
    source, out = tmp_path / "vm.txt", tmp_path / "fixed.txt"
    source.write_text(text)
    assert_ccidx_fixed(fix(load(str(source)), shipped("neoverse-n2", "6.12"), str(out)))
    expected = text.replace("0x0000000001021110", "0x0000000000021110").replace("1112101011", "1112001011")
    assert out.read_text() == expected


def test_a_firecracker_fingerprint(tmp_path: Path) -> None:
    values = {i: v for i, v in shipped("neoverse-n2", "6.1").vcpus[0].values.items() if i >> 52 & 0xF <= 4}
    config = {"reg_modifiers": [{"addr": f"0x{i:x}", "bitmap": f"0b{v:0128b}"} for i, v in values.items()]}
    text = json.dumps({"kernel_version": "6.1.0-50", "guest_cpu_config": config}, indent=1)
    source, out = tmp_path / "vm.json", tmp_path / "fixed.json"
    source.write_text(text)
    result = fix(load(str(source)), shipped("neoverse-n2", "6.12"), str(out))
    assert_ccidx_fixed(result)
    assert result.before.vmm == "firecracker"
    changed_at = differing(text.encode(), out.read_bytes())
    assert [text[i] for i in changed_at] == ["1", "1"]


def test_what_values_cannot_mend_is_said(tmp_path: Path) -> None:
    source = tmp_path / "vm.json"
    source.write_bytes(write(changed(shipped("neoverse-n2", "6.1"), {bitmap_id(3): 0})))
    out = tmp_path / "fixed.json"
    result = fix(load(str(source)), shipped("neoverse-n2", "6.12"), str(out))
    assert result.exit_code == 1 and out.exists()
    assert [f.id for f in result.remaining] == [bitmap_id(3)]
    text = fix_text(result)
    assert "it still does not load" in text and "Cannot be mended by replacing values" in text
    assert "KVM_REG_ARM_VENDOR_HYP_BMAP_2" in text


def test_a_copy_of_which_nobody_knows_whether_it_loads_is_not_said_to_fail() -> None:
    """The host of a QEMU stream is known only as far as the guest saw it."""
    source = load(str(material("qemu", "kvm-6.1_neoverse-n2_q100.mig.xz")))
    result = fix(source, SAME_HOST, "", Given("6.12.118"), dry_run=True)
    assert result.changes and result.after is not None and result.after.verdict == "uncertain"
    text = fix_text(result)
    assert "it is not certain that it would load" in text and "not load" not in text and result.exit_code == 1


def test_why_nothing_is_written_is_said_where_it_is_not_certain_that_the_original_loads() -> None:
    source = load(str(material("qemu", "kvm-6.1_neoverse-n2_q100.mig.xz")))
    result = fix(source, SAME_HOST, "", Given("6.1.176"), dry_run=True)
    assert result.before.verdict == "uncertain" and not result.changes and not result.remaining
    for text in (fix_text(result), fix_markdown(result)):
        first = text.splitlines()[0]
        assert "no value is refused for certain" in first and "no file was written" in first
        assert "Check of the saved VM: uncertain: whether it loads depends on the host's ID" in text.replace("\\", "")
    assert fix_json(result)["headline"] == result.before.headline


def test_nothing_is_written_when_nothing_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "fixed.json"
    result = fix(shipped("cortex-a72", "6.1"), shipped("cortex-a72", "6.12"), str(out))
    assert result.exit_code == 0 and not result.changes and not out.exists()
    assert "no file was written" in fix_text(result)
    unknown = fix(shipped("neoverse-n2", "6.12"), shipped("neoverse-n2", "7.3"), str(out))
    assert unknown.exit_code == 1 and not out.exists()


def test_same_host(stream: Path, tmp_path: Path) -> None:
    source = load(str(stream))
    target = destination_for(source, "same-host", Given("6.12", "qemu-10.0"))
    result = fix(source, target, str(tmp_path / "fixed.mig"))
    assert {c.id: c.new for c in result.changes} == NEW
    assert result.remaining == ()
    # What 6.1 hid of the host decides about the rest: a promise would be a guess.
    assert result.after is not None and result.after.verdict == "uncertain"


@pytest.mark.parametrize("kind", ["file", "the original", "link", "hard link"])
def test_no_file_is_overwritten(tmp_path: Path, kind: str) -> None:
    source, out = tmp_path / "vm.json", tmp_path / "out"
    source.write_bytes(write(shipped("neoverse-n2", "6.1")))
    before = source.read_bytes()
    if kind == "file":
        out.write_bytes(b"precious")
    elif kind == "the original":
        out = source
    elif kind == "link":
        out.symlink_to(source)
    else:
        out.hardlink_to(source)
    names = {p.name for p in tmp_path.iterdir()}
    with pytest.raises(InspectorError, match="exists already"):
        fix(load(str(source)), shipped("neoverse-n2", "6.12"), str(out))
    assert source.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == names


def test_a_copy_that_is_not_as_planned_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "vm.txt"
    source.write_text(_plain(dict(shipped("neoverse-n2", "6.1").vcpus[0].values)))
    monkeypatch.setattr(fix_module, "edited", lambda name, data, changes, where: data)
    with pytest.raises(InspectorError, match="it was removed"):
        fix(load(str(source)), shipped("neoverse-n2", "6.12"), str(tmp_path / "out"))
    assert [p.name for p in tmp_path.iterdir()] == ["vm.txt"]


def test_a_file_that_changed_meanwhile(stream: Path, tmp_path: Path) -> None:
    source = load(str(stream))
    data = bytearray(stream.read_bytes())
    offset = source.vcpus[0].offsets[MMFR2]
    data[offset] ^= 0xFF
    stream.write_bytes(data)
    with pytest.raises(InspectorError, match="changed meanwhile"):
        fix(source, shipped("neoverse-n2", "6.12"), str(tmp_path / "out"))
    assert [p.name for p in tmp_path.iterdir()] == ["vm.mig"]


def test_formats_that_cannot_be_changed(tmp_path: Path) -> None:
    source = shipped("neoverse-n2", "6.1")
    for provenance in ({"format": "analyze-migration", "source": "vm.json"}, {"source": "-"}):
        given = source.provenance.told(**provenance)
        with pytest.raises(InspectorError, match="cannot be replaced"):
            fix(msgspec.structs.replace(source, provenance=given), shipped("neoverse-n2", "6.12"), str(tmp_path / "o"))
    assert not list(tmp_path.iterdir())


def test_a_sparse_stream_stays_sparse(stream: Path, tmp_path: Path) -> None:
    """A hole of 300 MB in front of the stream, as `file:PATH,offset=N` leaves it."""
    sparse = tmp_path / "sparse.mig"
    with sparse.open("wb") as file:
        file.seek(300 << 20)
        file.write(stream.read_bytes())
    if sparse.stat().st_blocks * 512 > 100 << 20:
        pytest.skip("this file system keeps no holes")
    out = tmp_path / "fixed.mig"
    assert_ccidx_fixed(fix(load(str(sparse)), shipped("neoverse-n2", "6.12"), str(out)))
    assert out.stat().st_size == sparse.stat().st_size
    assert out.stat().st_blocks <= sparse.stat().st_blocks + 2048


def test_reports(tmp_path: Path) -> None:
    result = fix(shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12"), str(tmp_path / "fixed.json"))
    answer = fix_json(result)
    assert answer["verdict"] == "loads" and answer["output"] == str(tmp_path / "fixed.json")
    assert answer["changes"][1]["old"] == "0x1221011112101011"
    assert answer["changes"][1]["new"] == "0x1221011112001011"
    assert all(c["risk"] for c in answer["changes"])
    text = fix_text(result)
    assert "0x1221_0111_1210_1011 -> 0x1221_0111_1200_1011" in text and "risk" in text
    assert "| ID_AA64MMFR2_EL1 |" in fix_markdown(result)
    assert os.fspath(tmp_path) in text


def test_a_dry_run_refuses_the_name_that_the_copy_would_be_refused(stream: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.mig"
    taken.write_text("mine")
    with pytest.raises(InspectorError, match="exists already"):
        fix(load(str(stream)), SAME_HOST, str(taken), Given("6.12.118"), dry_run=True)
    assert taken.read_text() == "mine"
    free = tmp_path / "free.mig"
    assert fix(load(str(stream)), SAME_HOST, str(free), Given("6.12.118"), dry_run=True).changes
    assert not free.exists()
