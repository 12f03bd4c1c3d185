"""A fleet as a fold: parts merge in any order and grouping, and the report of all is that of each grouping."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import budget
from inspector.checks.baseline.baseline import baseline, baseline_of
from inspector.checks.baseline.hosts import Hosts, host_of_dump
from inspector.checks.compare.compare import comparison_of
from inspector.checks.compare.values import Block, standing_of
from inspector.checks.fleet import part as parts
from inspector.checks.fleet.files import FORMAT, decode_part, encode_part, read_part
from inspector.checks.fleet.loading import Outcome, add_outcome, aim_of, loading_of
from inspector.checks.fleet.packing import digest_of, packer, shape_bytes, words_of
from inspector.checks.fleet.part import NAMED, Aim, Group, Member, Part, Toward, empty, merge, merge_all
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.summarise import Asked, add_dump, add_source, summarise
from inspector.checks.fleet.tally import Tally
from inspector.checks.fleet.written import read_back, written
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.errors import InspectorError, SourceError
from inspector.policies.loader import load_policy
from inspector.registers.encoding import ccsidr_id, firmware_id, make_id, sysreg_id
from inspector.registers.ids import SVE_VLS
from inspector.reports.baseline import baseline_json, baseline_text
from inspector.reports.compare import comparison_json, comparison_markdown, comparison_text
from inspector.reports.loading import loading_json, loading_text
from inspector.reports.migration import migration_json
from inspector.sources import load
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.untrusted import Untrusted
from tests.fresh import ROOT

PFR0, MMFR2 = sysreg_id(3, 0, 0, 4, 0), sysreg_id(3, 0, 0, 7, 2)
TPIDR, X0 = sysreg_id(3, 3, 13, 0, 2), make_id(0x10, 0)
IDS = (PFR0, MMFR2, TPIDR, X0, ccsidr_id(0), firmware_id(0), SVE_VLS)
COMPARE = Asked(question="compare")

values = st.dictionaries(st.sampled_from(IDS), st.sampled_from((0, 1, 0x11, 0xFFFFFFFF)), min_size=1)
constraints = st.dictionaries(
    st.sampled_from((PFR0, MMFR2, TPIDR)), st.builds(Constraint, st.sampled_from((0, 0xF, 2**64 - 1)), st.just(0x11))
)
vcpus = st.builds(
    Vcpu,
    index=st.integers(0, 2),
    values=values,
    kind=st.sampled_from(("vcpu", "vcpu", "vcpu", "template", "host")),
    errors=st.dictionaries(st.sampled_from((firmware_id(1), TPIDR)), st.just(5)),
    constraints=constraints,
)
dumps = st.builds(
    Dump,
    provenance=st.builds(
        Provenance,
        source=st.sampled_from("abc"),
        kernel=st.sampled_from(("", "6.1.0", "6.12.1")).map(Untrusted),
        host=st.just(Untrusted("h")),
    ),
    vcpus=st.lists(vcpus, min_size=1, max_size=3).map(tuple),
    one_vm=st.booleans(),
)


def in_some_order(found: list[Part], dice: random.Random) -> Part:
    """The parts merged pair by pair, whichever come."""
    left = [*found, empty(found[0].question)]
    while len(left) > 1:
        dice.shuffle(left)
        left.append(merge(left.pop(), left.pop()))
    return left[0]


@settings(max_examples=40)
@given(st.lists(dumps, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_any_order_and_grouping_give_one_part_and_one_report(found: list[Dump], dice: random.Random) -> None:
    each = [summarise(dump, place, COMPARE) for place, dump in enumerate(found)]
    first, second = in_some_order(each, dice), in_some_order(each, dice)
    assert first == second and encode_part(first) == encode_part(second)
    answers = [comparison_of(one) for one in (first, second, merge_all(each))]
    assert comparison_json(answers[0]) == comparison_json(answers[1]) == comparison_json(answers[2])
    assert comparison_text(answers[0]) == comparison_text(answers[1])


@settings(max_examples=40)
@given(dumps, dumps, dumps)
def test_merge_is_commutative_and_associative_and_empty_its_identity(one: Dump, other: Dump, third: Dump) -> None:
    a, b, c = (summarise(dump, place, COMPARE) for place, dump in enumerate((one, other, third)))
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, empty("compare")) == a == merge(empty("compare"), a)


def of_values(*each: dict[int, int], source: str = "a", index: int = 0) -> Dump:
    """A dump of vCPUs of one number."""
    vcpus = tuple(Vcpu(index=index, values=values) for values in each)
    return Dump(provenance=Provenance(source=source), vcpus=vcpus)


@pytest.mark.parametrize("question", ["compare", "compare-all", "baseline"])
def test_hosts_of_one_name_stand_in_an_order_of_their_own(question: parts.Question) -> None:
    """As where racks were read apart under the same names: nothing but the content tells them apart."""
    asked = Asked(question=question)
    few = question == "baseline"  # each host of it is modelled
    each = [summarise(of_values({PFR0: n, MMFR2: n * n}), 0, asked) for n in range(3 if few else 12)]

    def told(part: Part) -> str:
        if question == "baseline":
            return str(baseline_json(baseline_of(part, load_policy("7.3.0"))))
        return str(comparison_json(comparison_of(part)))

    assert len({told(in_some_order(each, dice)) for dice in map(random.Random, range(3 if few else 6))}) == 1


def test_vcpus_of_one_number_are_told_apart() -> None:
    """A dump in JSON may number two vCPUs alike."""
    found = (of_values({PFR0: 2}, {PFR0: 1}, source="vm.json"), of_values({PFR0: 3}, source="b"))
    each = [summarise(dump, place, COMPARE) for place, dump in enumerate(found)]
    answers = [comparison_of(merge_all(order)) for order in (each, each[::-1])]
    assert comparison_json(answers[0]) == comparison_json(answers[1])
    labels = [subject.label for column in answers[0].columns for subject in column.subjects]
    assert labels == ["vm.json vCPU 0, number 1 in the file", "vm.json vCPU 0, number 2 in the file", "b"]


def test_state_that_only_some_dumps_give_as_a_whole_counts_in_any_order() -> None:
    """One list of registers may stand for a value, for a part of it and for a read that failed."""
    vcpus = (
        Vcpu(index=0, values={PFR0: 1, TPIDR: 1}),
        Vcpu(index=0, values={PFR0: 1}, constraints={TPIDR: Constraint(0xF, 2)}),
        Vcpu(index=0, values={PFR0: 1}, errors={TPIDR: 5}),
        Vcpu(index=0, values={PFR0: 1, TPIDR: 3}),
    )
    dumps = [Dump(provenance=Provenance(source=f"{n}"), vcpus=(vcpu,)) for n, vcpu in enumerate(vcpus)]
    whole = merge_all(summarise(dump, n, COMPARE) for n, dump in enumerate(dumps))
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 0, 3)):
        tally = Tally("compare")
        for n in order:
            add_dump(tally, dumps[n], n, COMPARE)
        assert tally.part() == whole
    assert whole.state == {TPIDR: ""}


@given(st.lists(dumps, min_size=1, max_size=4))
def test_the_file_form_comes_back(found: list[Dump]) -> None:
    whole = merge_all(summarise(dump, place, COMPARE) for place, dump in enumerate(found))
    assert decode_part(encode_part(whole), "here") == whole


def test_the_wide_ccsidr_of_a_host_with_ccidx_comes_back_and_no_wider_value() -> None:
    """KVM's ids for CCSIDR_EL1 name 32 bits; the raw register of such a host has 64."""

    def of(reg_id: int, value: int) -> Part:
        vcpu = Vcpu(index=0, values={reg_id: value})
        return summarise(Dump(provenance=Provenance(source="s"), vcpus=(vcpu,)), 0, COMPARE)

    wide = of(ccsidr_id(0), 0xFF_0000_001A)
    assert decode_part(encode_part(wide), "here") == wide
    with pytest.raises(SourceError, match="wider than its register"):
        decode_part(encode_part(of(PFR0 - (1 << 52), 1 << 32)), "here")


def test_a_part_grows_with_contents_and_not_with_hosts() -> None:
    def of(count: int) -> Part:
        one = Vcpu(index=0, values={PFR0: 1, TPIDR: 2})
        dumps = (Dump(provenance=Provenance(source=f"{n:04}"), vcpus=(one,)) for n in range(count))
        return merge_all(summarise(dump, place, COMPARE) for place, dump in enumerate(dumps))

    many = of(3 * NAMED)
    (group,) = many.groups.values()
    assert group.count == 3 * NAMED and [m.source for m in group.members] == [f"{n:04}" for n in range(NAMED)]
    assert abs(len(encode_part(many)) - len(encode_part(of(NAMED)))) < 8
    (column,) = comparison_of(many).columns
    assert (column.count, column.title) == (3 * NAMED, f"0000 and {3 * NAMED - 1} more")


def test_distinct_contents_are_counted_and_beyond_that_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "COUNTED", 256)
    found = [
        summarise(Dump(provenance=Provenance(source="a"), vcpus=(Vcpu(index=0, values={TPIDR: n}),)), n, COMPARE)
        for n in range(1500)
    ]
    assert merge_all(found[:256]).distinct == 256 and comparison_of(merge_all(found[:256])).distinct_exact
    answer = comparison_of(merge_all(found))
    assert not answer.distinct_exact and 1200 < answer.distinct_states < 1850
    assert comparison_json(answer)["distinct_estimated"] is True


def test_parts_of_different_questions_do_not_merge() -> None:
    with pytest.raises(InspectorError, match="do not merge"):
        merge(empty("compare"), empty("baseline"))
    with pytest.raises(InspectorError, match="nothing to merge"):
        merge_all([])


def test_secrets_are_left_out_where_that_is_asked() -> None:
    """Neither their values nor a digest from which they could be guessed; the report says so."""
    asked = Asked(question="compare", secrets_out=True)
    found = [
        summarise(Dump(provenance=Provenance(source="a"), vcpus=(Vcpu(index=0, values={PFR0: 1, X0: n}),)), n, asked)
        for n in (0x1234567, 0x7654321)
    ]
    assert found[0].contents == found[1].contents and X0 not in found[0].state
    assert b"1234567" not in encode_part(found[0])
    answer = comparison_of(merge_all(found))
    assert any("leave out" in note for note in answer.notes)


@given(st.lists(st.dictionaries(st.sampled_from(IDS), st.integers(0, 2**32 - 1)), min_size=1, max_size=5))
def test_packed_values_come_back_one_by_one_and_by_column(found: list[dict[int, int]]) -> None:
    pack = packer(tuple(sorted(IDS)))
    whole = [dict.fromkeys(pack.ids, 7) | one for one in found]
    packed = [pack.pack(one) for one in whole]
    assert [pack.unpack(one) for one in packed] == whole
    for place, reg_id in enumerate(pack.ids):
        assert pack.column(place, words_of(packed)) == {one[reg_id] for one in whole}


DAMAGED = encode_part(
    merge_all(
        summarise(
            Dump(
                provenance=Provenance(source="a", kernel=Untrusted("6.1.0")),
                vcpus=(Vcpu(index=0, values={PFR0: n, TPIDR: n}, constraints={MMFR2: Constraint(0xF, 1)}),),
            ),
            n,
            COMPARE,
        )
        for n in range(3)
    )
)


@settings(max_examples=300)
@given(st.data())
def test_damaged_parts_end_in_one_line_or_in_a_report(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(DAMAGED) - 1))
    broken = bytearray(DAMAGED[: data.draw(st.sampled_from((at, len(DAMAGED))))])
    if at < len(broken):
        broken[at] = data.draw(st.integers(0, 255))
    try:
        part = decode_part(bytes(broken), "here")
        answer = comparison_of(part)
    except InspectorError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
    else:
        assert comparison_text(answer)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda part: {"subjects": part.subjects + 1}, "do not add up"),
        (lambda part: {"pieces": {}}, "lacks its list"),
        (lambda part: {"notes": ((0, "x"),) * (NAMED + 1)}, "of length <= 64"),
        (lambda part: {"contents_cut": True}, "fewer digests"),
        (lambda part: {"state": {PFR0: "0xg"}}, "damaged part"),
        (lambda part: {"state": {1: "0"}}, "not an arm64 register"),
    ],
    ids=["subjects", "pieces", "notes", "digests", "digits", "ids"],
)
def test_a_part_that_contradicts_itself_is_refused(change: Callable[[Part], dict[str, object]], says: str) -> None:
    part = decode_part(DAMAGED, "here")
    assert decode_part(encode_part(part), "here") == part
    with pytest.raises(SourceError, match=says):
        decode_part(encode_part(msgspec.structs.replace(part, **change(part))), "here")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a part"),
        (b"\x93\xa1x\x01\x80", "not a part"),
        (msgspec.msgpack.encode((FORMAT, 3, {})), "version 3"),
        (msgspec.msgpack.encode((FORMAT, 1, {})), "not a part"),
    ],
    ids=["nothing", "another format", "another version", "no members"],
)
def test_what_is_no_part_says_what_is(data: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        decode_part(data, "here")


def changed(**members: object) -> bytes:
    """A part of three dumps, with some members otherwise."""
    form, version, body = msgspec.msgpack.decode(DAMAGED)
    return msgspec.msgpack.encode((form, version, {**body, **members}))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"dumps": 0}, "not so many dumps"),
        ({"dumps": 2**64 - 1}, "not so many dumps"),
        ({"subjects": 4}, "do not add up"),
        ({"groups": [], "pieces": [], "subjects": 0}, "not so many dumps"),
        ({"contents": [bytes(16)] * parts.COUNTED, "contents_cut": True}, "stands there twice"),
        ({"contents": [n.to_bytes(16) for n in range(parts.COUNTED + 1)]}, "of length <= 16384"),
        ({"contents_cut": True}, "fewer digests"),
    ],
    ids=[
        "no dumps",
        "all dumps there are",
        "subjects",
        "dumps of nothing",
        "one digest",
        "many digests",
        "few digests",
    ],
)
def test_numbers_that_no_dumps_give_are_damage(members: dict[str, object], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        decode_part(changed(**members), "here")


def test_a_number_that_sums_could_not_hold_is_damage() -> None:
    groups = [[*group[:5], 1 << 62, group[6]] for group in msgspec.msgpack.decode(DAMAGED)[2]["groups"]]
    with pytest.raises(SourceError, match="not so many dumps"):
        decode_part(changed(groups=groups, subjects=3 << 62), "here")


def _grouped(piece: bytes = b"6.1.0", ids: tuple[int, ...] = (PFR0,), **members: object) -> bytes:
    """A part of one group, with some of its members otherwise."""
    shape = shape_bytes(ids, [True] * len(ids))
    group = {
        "kind": "vcpu", "about": digest_of(piece), "shape": digest_of(shape), "masks": [],
        "values": bytes(8 * len(ids)), "count": 2, "members": [(0, 0, "a", "a", ""), (1, 0, "b", "b", "")],
    }  # fmt: skip
    row = list((group | members).values())
    return changed(dumps=2, subjects=2, groups=[row], pieces=[piece, shape], state={}, contents=[], notes=[])


TOO_WIDE = PFR0 & ~(0xF << 52) | 9 << 52


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_grouped(b"\xff"), "utf-8"),
        (_grouped(ids=(1,)), "not an arm64 register's"),
        (_grouped(ids=(TOO_WIDE,), values=bytes(512)), "more than 2048 bits"),
        (_grouped(values=bytes(7)), "do not fit its list"),
        (_grouped(values=bytes(16)), "do not fit its list"),
        (_grouped(masks=[(1, "f")]), "not an arm64 register's"),
        (_grouped(masks=[(PFR0, "-1")]), "hex digits"),
        (_grouped(masks=[(MMFR2, "f")]), "not listed"),
        (_grouped(members=[]), "members do not fit"),
        (_grouped(count=1), "members do not fit"),
        (_grouped(members=[(1, 0, "b", "b", ""), (0, 0, "a", "a", "")]), "members do not fit"),
        (_grouped(count=100, members=[(n, 0, "a", "a", "") for n in range(NAMED + 1)]), "of length <= 64"),
        (changed(subjects=6, dumps=3, groups=2 * msgspec.msgpack.decode(DAMAGED)[2]["groups"]), "stands in two groups"),
        (changed(state={PFR0: "1_0"}), "hex digits"),
        (changed(state={PFR0: "f" * 600}), "hex digits"),
    ],
    ids=[
        "about", "id", "wide", "short", "long", "mask of no id", "mask text", "mask elsewhere", "nobody", "too many",
        "unsorted", "beyond 64", "twice", "underscore", "long text",
    ],
)  # fmt: skip
def test_a_group_that_no_dump_gives_is_damage(data: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=f"is a damaged part .*{says}"):
        decode_part(data, "here")


def test_a_group_that_a_dump_may_give_is_read() -> None:
    assert decode_part(_grouped(masks=[(PFR0, "f")]), "here").subjects == 2


def _crafted(lists: int, registers: int, groups: int, masks: int) -> bytes:
    """A part with so many lists of so many registers (all different), groups and masks in one group."""
    ids = [0x6030_0000_0000_0000 + n for n in range(lists * registers)]
    shapes = [shape_bytes(ids[n * registers : (n + 1) * registers], [True] * registers) for n in range(lists)]
    digests, member = [digest_of(shape) for shape in shapes], Member(0, 0, "", "")
    found = [
        Group("vcpu", digest_of(b""), digests[n % lists], (), n.to_bytes(8, "little") * registers, 1, (member,))
        for n in range(groups)
    ]
    mask = (ids[0], "f")
    found.append(Group("host", digest_of(b""), digests[0], (mask,) * masks, bytes(8 * registers), 1, (member,)))
    body = {"question": "compare", "dumps": 1, "subjects": groups + 1, "groups": found, "pieces": [b"", *shapes]}
    return msgspec.msgpack.encode((FORMAT, 1, body))


@pytest.mark.parametrize(
    ("sizes", "limit"),
    [
        ((1, 1, 3000, 0), "steps"),
        ((1000, 1, 1000, 0), "steps"),
        ((1, 1, 0, 30_000), "steps"),
        ((1, 61_000, 0, 0), "registers"),
    ],
    ids=["groups", "lists", "masks", "registers"],
)
def test_a_part_that_asks_for_much_work_meets_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int, int, int], limit: str
) -> None:
    """A small file could ask for minutes: every list is laid beside every other."""
    if limit == "steps":
        monkeypatch.setattr(budget.STEPS, "most", 30_000)
    path = tmp_path / "much.part"
    path.write_bytes(_crafted(*sizes))
    with pytest.raises(SourceError, match=f"has more than [0-9,]+ {limit}.*--limit 2"):
        read_part(str(path))
    assert decode_part(path.read_bytes(), "what this program made itself").dumps == 1


def test_lists_of_their_own_cost_what_they_hold() -> None:
    """Not each of them what all of them hold together: 400 sources, of forty lists of one register."""
    looked: list[int] = []

    class Masks(dict[int, int]):
        def get(self, reg_id: int, other: Any = None) -> Any:
            looked.append(reg_id)
            return super().get(reg_id, other)

    ids = [sysreg_id(3, 0, 5, n >> 3, n & 7) for n in range(40)] * 10
    blocks = [Block((reg_id,), packer((reg_id,)), Masks(), "vcpu", 1, words_of([bytes(8)])) for reg_id in ids]
    standing_of(blocks)
    assert looked == ids


def test_a_part_may_be_compressed(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "one.part.gz"
    path.write_bytes(gzip.compress(DAMAGED))
    assert encode_part(read_part(str(path))) == DAMAGED


def test_many_processes_and_few_descriptors(tmp_path: Path) -> None:
    """Equal to one process, the first error in the order of the list, and nothing stays open."""
    for n in range(3):
        (tmp_path / f"{n}.txt").write_text(f"0x{PFR0:x} {n:#x}\n0x{TPIDR:x} {n:#x}\n")
    paths = [str(tmp_path / f"{n % 3}.txt") for n in range(900)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert read_paths(paths, COMPARE, jobs=2) == read_paths(paths, COMPARE, jobs=1)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2
    broken = [*paths[:300], str(tmp_path / "first"), *paths[:400], str(tmp_path / "second")]
    with pytest.raises(InspectorError, match="first: cannot be opened"):
        read_paths(broken, COMPARE, jobs=2)


BASELINE = Asked(question="baseline")
SHIPPED = ("neoverse-n2-linux-6.1", "neoverse-n2-linux-7.3", "cortex-a72-linux-7.3", "max-linux-7.3", "max-linux-5.10")


def unnamed(dump: Dump) -> Dump:
    """The same without its kernel's name and host: both are then inferred."""
    return msgspec.structs.replace(dump, provenance=Provenance(source=dump.provenance.source), host=None)


def several(dump: Dump) -> Dump:
    """The same under a kernel that may have one of several policies: Red Hat's, which may be as 6.8 to 6.12."""
    told = Provenance(source=dump.provenance.source, kernel=Untrusted("5.14.0-503.el9.aarch64"))
    return msgspec.structs.replace(dump, provenance=told)


def altered(dump: Dump, n: int) -> Dump:
    """Another host and another guest on it."""
    (vcpu,) = dump.vcpus
    values = {**vcpu.values, PFR0: vcpu.values[PFR0] - (n & 1), TPIDR: n}
    return msgspec.structs.replace(dump, vcpus=(msgspec.structs.replace(vcpu, values=values),))


@pytest.mark.parametrize("change", [lambda dump: dump, unnamed, several], ids=["named", "unnamed", "several"])
@pytest.mark.parametrize("name", SHIPPED)
def test_a_host_of_a_part_is_the_host_of_its_dump(name: str, change: Callable[[Dump], Dump]) -> None:
    """What is left of a dump in a part answers as the whole dump does, and those of its like as their own dumps."""
    dump = change(load(f"builtin:{name}"))
    whole = merge_all(summarise(altered(dump, n), n, BASELINE) for n in range(3))
    hosts = Hosts(decode_part(encode_part(whole), "here"))
    assert len(whole.groups) == 2
    for group in sorted(whole.groups.values(), key=lambda group: group.members[0]):
        own, real = hosts.of(group), host_of_dump(altered(dump, group.members[0].position))
        assert (own.policy, own.setup, own.listed) == (real.policy, real.setup, real.listed)
        assert dict(own.values) == dict(real.values) and own.partly == real.partly
        assert (own.label, own.notes) == (real.label, real.notes)
        asked = [reg_id for reg_id in (PFR0, MMFR2, ccsidr_id(0)) if reg_id in real.values]
        each = [[(vm.policy.name, [vm.vcpu(0).value(i) for i in asked]) for vm in one.models()] for one in (own, real)]
        assert each[0] == each[1] and (len(each[0]) > 1) is not own.certain
        for reg_id in (PFR0, MMFR2, ccsidr_id(0), firmware_id(0)):
            if reg_id in real.values:
                for value in (0, real.values[reg_id], real.values[reg_id] ^ 1, real.values[reg_id] & ~0xF):
                    assert own.takes(reg_id, value) == real.takes(reg_id, value)


def test_the_baseline_of_parts_is_that_of_the_dumps() -> None:
    found = [load(f"builtin:{name}") for name in SHIPPED]
    found += [altered(dump, n) for n, dump in enumerate(found)]
    found.append(load(str(ROOT / "tests/material/pasted/20e-host-a72.json")))
    found += [altered(found[0], n) for n in range(5)]
    kernel = load_policy("7.3.0")
    each = [summarise(dump, place, BASELINE) for place, dump in enumerate(found)]
    for dice in map(random.Random, range(3)):
        part = decode_part(encode_part(in_some_order(each, dice)), "here")
        assert baseline_json(baseline_of(part, kernel)) == baseline_json(baseline(found, kernel))
    assert b"5ec5e7" not in encode_part(summarise(altered(found[0], 0x5EC5E7), 0, BASELINE))


def test_many_hosts_share_rows() -> None:
    found = [altered(load("builtin:neoverse-n2-linux-7.3"), n) for n in range(NAMED + 5)]
    answer = baseline(found)
    assert answer.host_count == NAMED + 5 and sum(answer.counts) == NAMED + 5 and len(answer.hosts) == 2
    (field,) = answer.fields
    assert len(set(field.values)) == len(field.values) == 2 and field.common == min(field.values)
    text = baseline_text(answer)
    assert "and 34 more" in text and f"{NAMED + 5} hosts can be levelled" in text


outcomes = st.builds(
    Outcome,
    verdict=st.sampled_from(("loads", "fails", "uncertain")),
    vmm=st.sampled_from(("qemu-10.0", "crosvm")),
    kernel=st.just("6.12.107"),
    fatal=st.lists(st.sampled_from(("ID_MMFR4_EL1", "CTR_EL0")), max_size=1).map(tuple),
    uncertain=st.just(()),
    changed=st.just(()),
)
AIM = Aim(b"0" * 16, "new-host.json")


def answered(outcome: Outcome, place: int, label: str, aim: Aim = AIM) -> Part:
    """The part of one saved VM that got an answer."""
    tally = Tally("migrate", aim=aim)
    add_outcome(tally, outcome, Member(place, 0, label, label))
    return tally.part()


@settings(max_examples=40)
@given(
    st.lists(st.tuples(outcomes, st.integers(0, 3), st.sampled_from("ab")), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_answers_for_saved_vms_merge_in_any_order(found: list[tuple[Outcome, int, str]], dice: random.Random) -> None:
    """Also where racks were asked apart, under equal names and positions."""
    each = [answered(*one) for one in found]
    first, second = in_some_order(each, dice), in_some_order(each, dice)
    assert first == second and encode_part(first) == encode_part(second)
    assert decode_part(encode_part(first), "here") == first
    answers = [loading_of(one) for one in (first, second, merge_all(each))]
    assert loading_json(answers[0]) == loading_json(answers[1]) == loading_json(answers[2])
    assert loading_text(answers[0]) == loading_text(answers[1])
    assert answers[0].dumps == len(found) == sum(count for _, count, _ in answers[0].outcomes)


def test_parts_about_one_destination_merge_whatever_it_is_called() -> None:
    one = Outcome(verdict="loads", vmm="qemu-10.0", kernel="6.12.107", fatal=(), uncertain=(), changed=())
    a = answered(one, 0, "a")
    b = answered(one, 0, "b", Aim(AIM.digest, "/mnt/new-host.json"))
    assert merge(a, b) == merge(b, a) and merge(a, empty("migrate")) == a == merge(empty("migrate"), a)
    assert loading_of(merge(a, b)).destination == "/mnt/new-host.json"
    with pytest.raises(InspectorError, match="different destinations"):
        merge(a, answered(one, 0, "c", Aim(b"1" * 16, "new-host.json")))
    with pytest.raises(InspectorError, match="nothing to check"):
        loading_of(empty("migrate"))


THERE = ("builtin:neoverse-n2-linux-6.12", "builtin:max-linux-5.10", "tests/material/pasted/20e-host-a72.json")


@pytest.mark.parametrize("name", THERE)
def test_a_destination_that_travels_is_the_destination(name: str) -> None:
    """Another machine gets the destination with the question, and answers as this one does."""
    there = load(name if name.startswith("builtin:") else str(ROOT / name))
    back = read_back(written(there), there.provenance.source)
    vm, kernel = load("builtin:neoverse-n2-linux-6.12"), load_policy("6.12.0")
    answers = [migration_json(migrate(vm, one, Given(kernel))) for one in (back, there)]
    for answer in answers:
        answer.pop("destination")  # where its dump was converted from
    assert answers[0] == answers[1]


def test_what_decides_an_answer_tells_parts_apart() -> None:
    there = written(load("builtin:neoverse-n2-linux-6.12"))
    toward = Toward(destination="a", dump=there)
    replace = msgspec.structs.replace
    same = [toward, replace(toward, destination="b")]
    others = [
        replace(toward, kernel="6.12"), replace(toward, kernel="7.3"), replace(toward, vmm="crosvm"),
        replace(toward, host="vgic=v2"), replace(toward, features="none"), replace(toward, gic="none"),
        replace(toward, assume="core"), replace(toward, dump=b""),
        replace(toward, dump=written(load("builtin:neoverse-n2-linux-6.1"))),
    ]  # fmt: skip
    assert len({aim_of(one).digest for one in same}) == 1
    assert len({aim_of(one).digest for one in (toward, *others)}) == 1 + len(others)


@settings(max_examples=40)
@given(st.lists(st.one_of(dumps, st.sampled_from("xyz")), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_what_could_not_be_read_is_counted_in_any_order_and_grouping(
    found: list[Dump | str], dice: random.Random
) -> None:
    """A text stands for a source of that name that cannot be read."""
    asked = Asked(question="compare", skip=True)

    def one(place: int) -> Part:
        tally = Tally("compare")
        add_source(tally, partial(read_or_refuse, found[place]), place % 5, str(found[place])[:1], asked)
        return tally.part()

    each = [one(place) for place in range(len(found))]
    tally = Tally("compare")
    for place in dice.sample(range(len(found)), len(found)):
        add_source(tally, partial(read_or_refuse, found[place]), place % 5, str(found[place])[:1], asked)
    first = in_some_order(each, dice)
    assert first == in_some_order(each, dice) == tally.part() == decode_part(encode_part(first), "here")
    lost = [(place % 5, text) for place, text in enumerate(found) if isinstance(text, str)]
    assert first.dumps == len(found) - len(lost) and first.unread.count == len(lost)
    assert [(one.position, one.source) for one in first.unread.named] == sorted(lost)


def read_or_refuse(told: Dump | str) -> Dump:
    """The dump, or the error of a source of that name."""
    if isinstance(told, str):
        raise SourceError("is damaged", told, "a hint for one source")
    return told


def of_unread(count: int) -> Part:
    """A part of sources that could not be read."""
    tally = Tally("compare")
    for n in range(count):
        add_source(tally, partial(read_or_refuse, f"{n:06}"), n, f"{n:06}", Asked(question="compare", skip=True))
    return tally.part()


def test_unread_sources_are_all_counted_and_the_first_are_named() -> None:
    many = of_unread(50 * NAMED)
    assert many.unread.count == 50 * NAMED
    assert [one.source for one in many.unread.named] == [f"{n:06}" for n in range(NAMED)]
    assert {one.reason for one in many.unread.named} == {"is damaged"}
    assert len(encode_part(many)) < 40 * NAMED + 200
    with pytest.raises(InspectorError, match=f"000000: none of {50 * NAMED} sources could be read; the first: is dam"):
        comparison_of(many)


def test_a_program_that_knows_nothing_of_unread_sources_takes_no_such_part() -> None:
    """It would report the rest as if that was all."""
    assert msgspec.msgpack.decode(encode_part(of_unread(1)))[1] == 2
    assert msgspec.msgpack.decode(DAMAGED)[1] == 1
    whole = decode_part(DAMAGED, "here")
    assert encode_part(merge(whole, of_unread(0))) == DAMAGED


@pytest.mark.parametrize(
    ("unread", "says"),
    [
        ([2, [[0, "a", "b"]]], "do not fit their number"),
        ([1, []], "do not fit their number"),
        ([-1, []], "do not fit their number"),
        ([1 << 62, [[0, "a", "b"]] * NAMED], "do not fit their number"),
        ([2, [[1, "a", "b"], [0, "a", "b"]]], "not in order"),
    ],
    ids=["too few", "none", "negative", "more than there are", "order"],
)
def test_unread_sources_that_contradict_themselves_are_damage(unread: list[Any], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        decode_part(changed(unread=unread), "here")
    assert decode_part(changed(unread=[1, [[0, "a", "b"]]]), "here").unread.count == 1


def test_a_report_with_unread_sources_is_never_firm() -> None:
    """Nothing is known of them: they may differ, or not load."""
    one = summarise(of_values({PFR0: 1}), 0, COMPARE)
    alike, doubtful = (comparison_of(merge(one, other)) for other in (one, of_unread(1)))
    assert (alike.outcome, alike.exit_code) == ("equal", 0)
    assert (doubtful.outcome, doubtful.exit_code, doubtful.same) == ("uncertain", 1, False)
    assert comparison_json(doubtful)["unread"] == {
        "count": 1,
        "sources": [{"source": "000000", "reason": "is damaged"}],
    }
    assert comparison_text(doubtful).endswith("nothing is known of them\n  000000: is damaged")
    assert "| 000000 | is damaged |" in comparison_markdown(doubtful)
    assert "and 3 more" in comparison_text(comparison_of(merge(one, of_unread(NAMED + 3))))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"groups": [["vcpu", bytes(16), bytes(16), [], b"", 1, [[0, 0, "", "", ""]] * 100_000]]}, "length <= 64"),
        ({"groups": [["vcpu", bytes(16), bytes(16), [[1, ""]] * 100_000, b"", 1, []]]}, "length <= 65536"),
        ({"groups": [["vcpu", bytes(16), bytes(16), [], b"", 1, []]] * 130_000}, "more than 1,200,000 steps"),
        (
            {"groups": [["vcpu", bytes(16), bytes(16), [[1, ""]] * 60_000, b"", 1, []]] * 25},
            "more than 1,200,000 steps",
        ),
        ({"state": dict.fromkeys(range(100_000), "")}, "length <= 60000"),
        ({"notes": [[1, ""]] * 100_000}, "length <= 64"),
        ({"unread": [1, [[0, "", ""]] * 100_000]}, "length <= 64"),
        ({"pieces": [b""] * 100_000}, "more lists and texts"),
    ],
    ids=["members", "masks", "groups", "masks of many", "state", "notes", "unread", "pieces"],
)
def test_what_a_part_has_too_much_of_is_refused_before_it_is_made(members: dict[str, object], says: str) -> None:
    """31 MB of some of them took 880 MB, or 14 seconds."""
    data = changed(**members)
    with pytest.raises(SourceError, match=says):
        decode_part(data, "here", budget.Budget("here"))
