"""Policy files: names, chains, overlays, users' own files, and one line for every mistake in them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from inspector.errors import PolicyError
from inspector.kvm.caches import fresh_clidr
from inspector.kvm.words.explaining import explain_write
from inspector.policies.headings import heading
from inspector.policies.loader import load_policy
from inspector.policies.model import Special
from inspector.policies.points import all_names, patch_names, points, policy_names
from inspector.policies.rulebook import rulebook
from tests.kvm.material import exposure, host, made_up, vm

MMFR2, MMFR4 = 0x603000000013C03A, 0x603000000013C016


def test_every_mainline_release_has_a_policy() -> None:
    wanted = [f"5.{n}.0" for n in range(10, 20)] + [f"6.{n}.0" for n in range(20)] + [f"7.{n}.0" for n in range(4)]
    assert set(wanted) <= set(policy_names())


def test_a_series_name_means_its_newest_known_point() -> None:
    assert load_policy("6.12").point == "6.12.118"
    assert load_policy("6.12.0").point == "6.12.0"
    assert load_policy("6.2").point == "6.2.0"
    assert load_policy("6.12").name == "6.12"


def test_a_point_between_known_ones_is_taken_from_the_older() -> None:
    assert load_policy("6.12.60").point == "6.12.57"


def test_policies_load_in_any_order() -> None:
    names = [*policy_names(), *(f"6.2+{patch}" for patch in patch_names())]
    first = {name: load_policy(name).rules for name in names}
    random.Random(7).shuffle(names)
    assert all(load_policy(name).rules == first[name] for name in names)


def test_chains_reach_the_oldest_release() -> None:
    for name in policy_names():
        policy = load_policy(name)
        assert policy.chain[0] == "5.10.0"
        assert policy.chain[-1] == name
        versions = [tuple(map(int, stem.split("."))) for stem in policy.chain]
        assert versions == sorted(versions)
    assert points() == tuple(sorted(points()))


def test_patches_chain_with_plus() -> None:
    policy = load_policy("6.2+mask-ccidx+normalise-caches")
    assert policy.patches == ("mask-ccidx", "normalise-caches")
    assert policy.name == "6.2+mask-ccidx+normalise-caches"
    shown = exposure("neoverse-n2", policy.name)
    merged = exposure("neoverse-n2", "6.3.0")
    assert shown.values[MMFR2] == merged.values[MMFR2] == 0x1221011112001011
    assert fresh_clidr(shown) == fresh_clidr(merged) == 0x1000004


def test_overlay_and_file_equal_a_hand_written_policy(tmp_path: Path) -> None:
    own = tmp_path / "masked.toml"
    own.write_text(
        'extends = "6.1"\n[[rule]]\nkind = "hide"\nfields = ["ID_AA64MMFR2_EL1.CCIDX", "ID_MMFR4_EL1.CCIDX"]\n'
    )
    left, right = exposure("neoverse-n2", str(own)), exposure("neoverse-n2", "6.1+mask-ccidx")
    assert left.values == right.values
    mine, theirs = vm("neoverse-n2", str(own)), vm("neoverse-n2", "6.1+mask-ccidx")
    for value in (0x1221011112101011, 0x1221011112001011, 0):
        assert mine.vcpu(0).set_one_reg(MMFR2, value) == theirs.vcpu(0).set_one_reg(MMFR2, value)


def test_five_lines_make_a_downstream_kernel(tmp_path: Path) -> None:
    own = tmp_path / "amazon-6.1.toml"
    own.write_text(
        'title = "Amazon Linux, 6.1"\nextends = "6.1"\n[[rule]]\nkind = "hide"\n'
        'fields = ["ID_AA64MMFR2_EL1.CCIDX", "ID_MMFR4_EL1.CCIDX"]\n'
    )
    policy = load_policy(str(own))
    assert policy.title == "Amazon Linux, 6.1"
    assert policy.evidence == "user"
    assert exposure("neoverse-n2", str(own)).values[MMFR4] == 0x21110
    assert exposure("neoverse-n2", f"{own}+mask-ccidx-tolerant").values[MMFR4] == 0x21110


def test_a_file_may_extend_a_file(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('extends = "6.1"\n')
    (tmp_path / "top.toml").write_text('extends = "base.toml"\nremove = ["hide AMU"]\n')
    policy = load_policy(str(tmp_path / "top.toml"))
    with pytest.raises(KeyError):
        policy.rule("hide AMU")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('extends = "6.1"\nrulez = 1\n', ["rulez", "extends", "rule"]),
        ('extends = "6.1"\n[[rule]]\nkind = "mask"\nfields = []\n', ["mask", "hide", "tolerate"]),
        ('extends = "6.1"\n[[rule]]\nkind = "hide"\nfields = ["ID_AA64MMFR2_EL1.CCIDXX"]\n', ["CCIDXX", "CCIDX"]),
        ('extends = "6.1"\n[[rule]]\nkind = "hide"\nfields = ["ID_AA64MMFR9_EL1.X"]\n', ["ID_AA64MMFR9_EL1", "close"]),
        ('extends = "6.1"\n[[rule]]\nkind = "hide"\nregister = "X"\nfields = []\n', ["register", "know"]),
        ('extends = "6.1"\n[[rule]]\nkind = "hide"\nfields = []\nwhen = ["svee"]\n', ["svee", "ptrauth"]),
        ('extends = "6.1"\n[[rule]]\nkind = "special"\nfunction = "x"\nvariant = "y"\n', ["'x'", "cache-registers"]),
        ('extends = "6.1"\n[[rule]]\nkind = "special"\nfunction = "pmcr"\nvariant = "y"\n', ["'y'", "counters"]),
        ('extends = "6.1"\n[[rule]]\nkind = "cap"\nfields = ["ID_AA64DFR0_EL1.WRPs"]\nlimit = 99\n', ["99", "0 to 15"]),
        ('extends = "6.1"\n[[rule]]\nkind = "writable"\nfields = ["CTR_EL0.zz"]\n', ["zz", "IminLine"]),
        ('extends = "6.1"\n[[rule]]\nkind = "has"\nbehaviour = "psci-1.2"\n', ["psci-1.2", "close", "psci-1.3"]),
        ('extends = "6.1"\n[[rule]]\nkind = "special"\nfunction = "ctrl"\nvariant = "y"\n', ["'ctrl'", "close: ctr"]),
        ('extends = "6.1"\nremove = ["no such rule"]\n', ["no such rule"]),
        ('extends = "9.9"\n', ["9.9", "5.10"]),
        ('title = "x"\n', ["extends"]),
        ("extends = \n", ["TOML"]),
        ('extends = 6.1\n', ["extends", "str"]),
    ],
)  # fmt: skip
def test_a_bad_file_gets_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_policy(str(path))
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("name", ["", "4.19", "9.0", "6.2+nonsense", "nonsense", "/no/such/file.toml"])
def test_unknown_names_end_in_one_line(name: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(name)
    assert "\n" not in str(caught.value)


def test_every_shipped_rule_says_why_and_where() -> None:
    for name in [*policy_names(), *(f"6.2+{patch}" for patch in patch_names())]:
        for rule in load_policy(name).rules:
            assert rule.name
            assert rule.reason.endswith("."), (name, rule.name)
            assert rule.reference, (name, rule.name)
            assert rule.release


def test_recorded_policies_name_their_releases() -> None:
    for name in policy_names():
        policy = load_policy(name)
        assert policy.evidence in ("recorded", "source")
        assert bool(policy.recorded) == (policy.evidence == "recorded"), name


def test_engine_functions_are_few_and_all_used() -> None:
    used = {rule.function for name in policy_names() for rule in load_policy(name).rules if isinstance(rule, Special)}
    from inspector.policies.model import SPECIALS

    assert used == set(SPECIALS) and len(SPECIALS) <= 12


def test_every_behaviour_is_had_by_some_kernel() -> None:
    from inspector.policies.model import BEHAVIOURS, Has

    rules = [rule for name in policy_names() for rule in load_policy(name).rules]
    assert {rule.behaviour for rule in rules if isinstance(rule, Has)} == set(BEHAVIOURS)


def test_feature_tables_agree_with_the_registers() -> None:
    from inspector.registers.catalog import by_id

    missing = []
    book = rulebook(load_policy("7.3"))
    for reg_id in book.registers:
        schema = by_id(reg_id).schema
        names = {(span.msb, span.lsb): span.name for span in schema.spans} if schema else {}
        missing += [
            (hex(reg_id), field.name)
            for field in book.fields(reg_id)
            if names.get((field.msb, field.lsb), field.name) != field.name and not field.name.startswith("RES")
        ]
    assert not missing


def test_hosts_are_what_the_facts_say() -> None:
    assert host("neoverse-n2").value(0x603000000013C03A) == 0x1221011112101011


def test_files_that_extend_each_other(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('extends = "two.toml"\n')
    (tmp_path / "two.toml").write_text('extends = "one.toml"\n')
    with pytest.raises(PolicyError, match="leads back"):
        load_policy(str(tmp_path / "one.toml"))


def test_an_overlay_takes_back_what_a_newer_base_brought() -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112 | 1 << 40)
    pfr0 = 0x603000000013C020
    for base in ("6.6", "6.12", "7.3"):
        plain, tolerant = vm(machine, f"{base}+hide-mpam"), vm(machine, f"{base}+hide-mpam-tolerant")
        value = plain.vcpu(0).value(pfr0) | 1 << 40
        assert explain_write(plain.vcpu(0), pfr0, value).errno == 22
        assert explain_write(tolerant.vcpu(0), pfr0, value).outcome == "ignored"


def _bad(folder: Path, text: str, name: str = "own.toml") -> str:
    path = folder / name
    path.write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_policy(str(path))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('extends = "own.toml"', ["own.toml", "extends", "leads back"]),
        ('extends = "9.9"', ["own.toml", "extends", "9.9", "5.10"]),
        ('extends = "gone.toml"', ["own.toml", "extends", "gone.toml"]),
        ("x = " + "[" * 5000, ["own.toml", "nested too deeply"]),
        ('extends = "6.1"\nremove = ["mask CCIDY"]', ["own.toml", "remove", "mask CCIDY"]),
        (
            'extends = "6.1"\n[[rule]]\nkind = "hide"\nregister = "ID_AA64MMFR2_EL1"',
            ["own.toml", "rule[1]", "register", "keys of kind hide", "fields"],
        ),
        ('extends = "6.1"\n[[rule]]\nkind = "hide"\nfields = ["ID_AA64MMFR2_EL1.CCIDY"]', ["own.toml", "CCIDX"]),
        (
            'extends = "6.1"\n[[rule]]\nkind = "know"\nregister = "ID_AA64MMFR2_EL1"\nfields = ["A[25:22] lower"]',
            ["own.toml", "overlaps CCIDX, NV"],
        ),
    ],
)
def test_every_bad_file_is_one_line_with_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    told = _bad(tmp_path, text)
    assert "\n" not in told
    assert [word for word in words if word not in told] == []


def test_an_unknown_patch_behind_an_own_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('extends = "6.1"')
    with pytest.raises(PolicyError, match="unknown patch 'nope'"):
        load_policy(f"{tmp_path / 'own.toml'}+nope")


def test_rules_of_an_own_file_say_where_they_come_from(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('extends = "6.1"\n[[rule]]\nkind = "hide"\nfields = ["ID_AA64MMFR2_EL1.CCIDX"]')
    policy = load_policy(str(path))
    assert policy.rules[-1].release in policy.chain


def test_a_patch_is_recorded_only_on_the_kernel_that_was_recorded_with_it() -> None:
    assert load_policy("6.1.176+mask-ccidx").evidence == "recorded"
    assert load_policy("6.12.107+mask-ccidx").evidence == "source"
    assert load_policy("6.1.176+mask-ccidx+hide-mpam").evidence == "source"


@pytest.mark.parametrize("name", all_names())
def test_what_a_policy_says_of_itself_is_read_without_its_rules(name: str) -> None:
    told, whole = heading(name), load_policy(name)
    assert (told.evidence, told.recorded) == (whole.evidence, whole.recorded)
