"""The model against real kernels: every answer of a recording, and recordings whose answers were taken away.

`tests/material/answers` holds parts of recordings: some configurations of each, with every accepted write and a few
refused ones. Whole recordings lie beside the checkout of who has them; a part of each is then replayed always, all of
them when VCPU_INSPECTOR_ALL_RECORDINGS is set (continuous integration sets it).
"""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.checks.recordings.verify import predict, predict_file, verify, verify_lines
from inspector.errors import SourceError
from tests.material import files
from tests.shared_material import shared_files

OWN = files("answers")
BESIDE = shared_files("recordings", "*.jsonl.xz")
ALL = bool(os.environ.get("VCPU_INSPECTOR_ALL_RECORDINGS"))


RUNNING = {"0x603000000013df01", "0x603000000013df1a", "0x603000000013df02"}
"""Counters: their value is the moment at which they were read."""


def names(paths: list[Path]) -> list[str]:
    """Test ids."""
    return [path.name.removesuffix(".jsonl.xz") for path in paths]


def lines_of(path: Path) -> list[bytes]:
    """Every line of a compressed recording."""
    with lzma.open(path) as stream:
        return list(stream)


def one_configuration(lines: list[bytes], which: int) -> list[bytes]:
    """The machine's description, every configuration that cannot be created, and one that can."""
    groups: list[list[bytes]] = [[]]
    for line in lines:
        if line.startswith(b'{"type":"vcpu"'):
            groups.append([])
        groups[-1].append(line)
    bare = [group for group in groups[1:] if len(group) == 1]
    full = [group for group in groups[1:] if len(group) > 1]
    return [*groups[0], *(line for group in bare for line in group), *full[which % len(full)]]


def without_answers(lines: list[bytes], drop: tuple[str, ...] = ()) -> Iterator[bytes]:
    """The questions alone; whole lines of the types in `drop` are left out."""
    for raw in lines:
        line = json.loads(raw)
        if line["type"] in drop:
            continue
        for key in ("init_errno", "errno", "after", "get_errno", "set_zero_errno", "masks"):
            if line["type"] != "run":
                line.pop(key, None)
        if line["type"] in ("get", "guest", "odd"):
            line.pop("value", None)
        if line.get("phase") == "same":
            line.pop("value")
        if line["type"] == "el0":
            line["regs"] = dict.fromkeys(line["regs"], "0x0")
        yield json.dumps(line).encode() + b"\n"


def unlike(left: list[bytes], right: list[bytes]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Lines that differ, those left out whose answer cannot be derived."""
    assert len(left) == len(right)
    pairs = [(json.loads(a), json.loads(b)) for a, b in zip(left, right, strict=True) if a != b]
    return [(a, b) for a, b in pairs if b.get("derivable", True)]


def complain(path: str, found: Any) -> str:
    """What to show of a disagreement."""
    return f"{path}: " + "; ".join(str(item) for item in found[:5])


@pytest.mark.parametrize("path", OWN, ids=names(OWN))
def test_the_model_agrees_with_parts_of_recordings(path: Path) -> None:
    agreement = verify(str(path))
    assert agreement.perfect, complain(path.name, agreement.disagreements)
    assert agreement.order_agrees
    assert agreement.certainty == "exact"
    assert agreement.compared > 1000
    phases = {phase.phase for phase in agreement.phases}
    assert {"el0", "init", "list", "get", "same", "field", "walk", "odd", "ran", "masks"} <= phases
    assert {n.register for n in agreement.not_derivable} <= {"CNTVCT_EL0", "CNTPCT_EL0"}


@pytest.mark.parametrize("drop", [(), ("get",), ("guest",), ("get", "guest")], ids=["answers", "get", "guest", "both"])
@pytest.mark.parametrize("path", OWN, ids=names(OWN))
def test_answers_that_were_taken_away_come_back(path: Path, drop: tuple[str, ...]) -> None:
    lines = lines_of(path)
    predicted = list(predict(without_answers(lines, drop), path.name))
    assert unlike(lines, predicted) == []


@pytest.mark.parametrize("path", OWN, ids=names(OWN))
def test_answers_that_are_present_are_ignored(path: Path) -> None:
    lines = lines_of(path)
    lies = []
    for raw in lines:
        line = json.loads(raw)
        if line["type"] in ("set", "get"):
            line["errno"] = 5
        if line["type"] == "set":
            line["after"] = "0x1234"
        if line["type"] in ("get", "guest"):
            line["value"] = "0x4321"
        lies.append(json.dumps(line).encode() + b"\n")
    assert unlike(lines, list(predict(lies, path.name))) == []


@pytest.mark.parametrize("path", OWN[:3], ids=names(OWN[:3]))
def test_single_lines_that_are_missing_are_produced(path: Path) -> None:
    """Every third get and guest line is gone: the others stay in order, and nothing is lacking."""
    lines = lines_of(path)
    asked = [json.loads(line)["type"] in ("get", "guest") for line in lines]
    fewer = [line for count, line in enumerate(lines) if count % 3 or not asked[count]]
    produced = list(predict(fewer, path.name))
    assert sorted(_plain(line) for line in produced) == sorted(_plain(line) for line in lines)
    following = map(_plain, produced)
    assert [line for line in fewer if _plain(line) not in following] == []


def _plain(line: bytes) -> str:
    """A line that compares by its content; values that no rule gives are left out."""
    content = json.loads(line)
    if content["type"] == "get" and content["id"] in RUNNING:
        content = {"type": "get", "id": content["id"]}
    return json.dumps(content, sort_keys=True)


@pytest.mark.parametrize("path", OWN, ids=names(OWN))
def test_without_the_host_line_fresh_registers_are_enough(path: Path) -> None:
    lines = [line for line in lines_of(path) if not line.startswith(b'{"type":"host"')]
    agreement = verify_lines(lines, path.name)
    assert agreement.agreed == agreement.compared, complain(path.name, agreement.disagreements)
    assert agreement.compared > 500
    assert all("host line" in n.reason for n in agreement.not_derivable)


@pytest.mark.parametrize("path", BESIDE)
def test_the_model_agrees_with_a_configuration_of_every_recording(path: Path) -> None:
    lines = one_configuration(lines_of(path), sum(path.name.encode()))
    agreement = verify_lines(lines, path.name)
    assert agreement.perfect, complain(path.name, agreement.disagreements)
    predicted = list(predict(without_answers(lines, ("get", "guest")), path.name))
    assert unlike(lines, predicted) == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["2", "3"])
def test_a_patched_kernel_without_a_host_line_gives_the_hidden_field_away(mode: str) -> None:
    """CCSIDR_EL1 is the hardware's there, so old CCIDX values are known, accepted and compared."""
    path = next(path for path in OWN if path.name.startswith(f"patch-mode{mode}"))
    lines = [line for line in lines_of(path) if not line.startswith(b'{"type":"host"')]
    agreement = verify_lines(lines, "no host")
    assert agreement.perfect
    assert not {"ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"} & {n.register for n in agreement.not_derivable}


@pytest.mark.skipif(not ALL, reason="set VCPU_INSPECTOR_ALL_RECORDINGS to replay whole recordings")
@pytest.mark.parametrize("path", BESIDE)
def test_the_model_agrees_with_every_recording(path: Path) -> None:
    """Every answer is compared by `verify`; `predict`, which takes three times as long, writes one configuration, of
    each recording another one."""
    agreement = verify(str(path))
    assert agreement.perfect, complain(path.name, agreement.disagreements)
    assert agreement.order_agrees
    lines = one_configuration(lines_of(path), 1 + sum(path.name.encode()))
    assert unlike(lines, list(predict(without_answers(lines, ("get", "guest")), path.name))) == []


def test_a_wrong_policy_disagrees_and_says_where() -> None:
    path = next(p for p in OWN if "6.1-neoverse-n2" in p.name)
    agreement = verify(str(path), kernel="6.1+mask-ccidx")
    assert not agreement.perfect
    assert agreement.agreed < agreement.compared
    found = {(d.phase, d.register, d.field, d.rule) for d in agreement.disagreements}
    assert ("get", "ID_AA64MMFR2_EL1", "CCIDX", "mask CCIDX") in found
    assert any(d.phase == "same" and d.register == "ID_MMFR4_EL1" for d in agreement.disagreements)
    newer = verify(str(path), kernel="6.12")
    assert any(d.phase == "list" for d in newer.disagreements)


def test_the_policy_follows_from_the_kernel_line() -> None:
    policies = {path.name.removesuffix(".jsonl.xz"): verify(str(path)).policy for path in OWN}
    assert policies["linux-6.12-neoverse-n2"] == "6.12.107"
    assert policies["linux-6.1-neoverse-n2"] == "6.1.176"
    assert policies["patch-mode2-neoverse-n2"] == "6.1.176+mask-ccidx-tolerant+no-ssbs-erratum"


def test_other_machines_of_the_same_kernel_can_be_asked() -> None:
    """Lines about a machine that nobody recorded are answered by the same rules: nothing is looked up by CPU model."""
    path = next(p for p in OWN if "7.3-neoverse-n2" in p.name)
    lines = lines_of(path)
    changed = []
    for raw in lines:
        line = json.loads(raw)
        if line["type"] == "host":
            line["regs"]["0x603000000013c03a"] = "0x1221011112001011"
        changed.append(json.dumps(line).encode() + b"\n")
    agreement = verify_lines(changed, "changed")
    assert agreement.perfect
    without = [json.loads(line) for line in predict(without_answers(changed, ("get",)), "changed")]
    (mmfr2,) = [line["value"] for line in without if line["type"] == "get" and line["id"] == "0x603000000013c03a"]
    assert mmfr2 == "0x1221011110001011"


def test_whole_files_can_be_predicted() -> None:
    path = OWN[0]
    assert unlike(lines_of(path), list(predict_file(str(path)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "nonsense\n",
        "[1, 2]\n",
        '{"no": "type"}\n',
        '{"type":"set","phase":"same","id":"0x603000000013c03a","value":"0x0"}\n',
        '{"type":"kernel","release":"banana"}\n',
        '{"type":"kernel","release":"6.12.107"}\n{"type":"vcpu","config":"a","features":"x"}\n',
        '{"type":"kernel","release":"6.12.107"}\n{"type":"host","regs":{"0x1":"zz"}}\n{"type":"vcpu","config":"a"}\n',
        (
            '{"type":"kernel","release":"6.12.107"}\n{"type":"host","regs":{"0x1":"0x1"}}\n{"type":"vcpu","features":4}\n'
            '{"type":"set","phase":"same","id":"zz","value":"0x0"}\n'
        ),
    ],
)
def test_what_is_no_recording_ends_in_one_line(text: str) -> None:
    from inspector.errors import InspectorError

    with pytest.raises(InspectorError) as caught:
        list(predict([line.encode() for line in text.splitlines(keepends=True)], "bad.jsonl"))
    assert "\n" not in str(caught.value)
    with pytest.raises(InspectorError):
        verify_lines([line.encode() for line in text.splitlines(keepends=True)], "bad.jsonl")


def test_a_missing_file() -> None:
    with pytest.raises(SourceError):
        verify("no-such-recording.jsonl")
