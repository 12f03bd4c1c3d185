"""Mitigation levels: what registers, lists of cores and the command line decide, and what only the firmware does.

arch/arm64/kernel/proton-pack.c of Linux 5.10.223, 5.10.262, 6.1.170, 6.12.107 and 7.3.4.
"""

from __future__ import annotations

import msgspec
import pytest

from inspector.checks.machine.known_host import known_host
from inspector.kvm.exposure import expose
from inspector.kvm.firmware import possible_levels
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import with_inputs
from inspector.kvm.inference.el0 import el0_values
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.kvm.mitigations import bhb_levels, spectre_v2_levels, ssb_levels
from inspector.library import migrate
from inspector.policies.loader import load_policy
from inspector.registers.ids import (
    ID_AA64ISAR2_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    MIDR_EL1,
    WORKAROUND_1,
    WORKAROUND_2,
    WORKAROUND_3,
)
from inspector.sources import load
from inspector.sources.dump import Dump
from inspector.untrusted import Untrusted
from tests.kvm.material import GIC, exposure, made_up

EVERY = (WORKAROUND_1, WORKAROUND_2, WORKAROUND_3)
A72, V2, TSV110 = 0x410FD083, 0x410FD4F1, 0x481FD010


def core(part: int, implementer: int = 0x41, **fields: int) -> HostState:
    """A host of one core, with the lowest bit of each field set that is named."""
    places = {"csv2": ("ID_AA64PFR0_EL1", 56), "ssbs": ("ID_AA64PFR1_EL1", 4), "ecbhb": ("ID_AA64MMFR1_EL1", 60),
              "clrbhb": ("ID_AA64ISAR2_EL1", 28)}  # fmt: skip
    return made_up(
        MIDR_EL1=implementer << 24 | 0xF << 16 | part << 4, ID_AA64PFR0_EL1=0x11 | fields.get("csv2", 0) << 56,
        **{register: fields.get(name, 0) << lsb for name, (register, lsb) in places.items() if name != "csv2"},
    )  # fmt: skip


def levels(machine: HostState, kernel: str) -> dict[int, tuple[int, ...]]:
    asked = expose(machine, load_policy(kernel), GIC)
    return {reg_id: possible_levels(asked, reg_id) for reg_id in EVERY if reg_id in asked.firmware}


def a72_dump(cmdline: str) -> Dump:
    dump = load("builtin:cortex-a72-linux-6.12")
    provenance = msgspec.structs.replace(dump.provenance, cmdline=Untrusted(cmdline))
    return msgspec.structs.replace(dump, provenance=provenance)


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.6", "6.12", "7.3"])
def test_what_a_host_s_own_vcpu_shows_of_its_firmware_holds_under_every_kernel(kernel: str) -> None:
    """Of a Cortex-A72 the firmware decides: its own vCPU shows that this one offers nothing."""
    assert levels(known_host(a72_dump("")).host, kernel) == dict.fromkeys(EVERY, (0,))


@pytest.mark.parametrize("kernel", ["5.10", "6.8", "7.3"])
def test_a_restore_on_the_same_host_rests_on_what_its_vcpu_showed(kernel: str) -> None:
    dump = a72_dump("")
    (vcpu,) = migrate(dump, "same-host", load_policy(kernel), ways_out=False).vcpus
    assert not [finding for finding in vcpu.findings if finding.id in EVERY and not finding.certain]


@pytest.mark.parametrize(
    ("word", "open_"),
    [
        ("mitigations=off", EVERY), ("nospectre_v2", (WORKAROUND_1, WORKAROUND_3)), ("nospectre_bhb", ()),
        ("ssbd=force-off", (WORKAROUND_2,)), ("arm64.nosve", ()),
    ],
)  # fmt: skip
def test_a_level_says_nothing_of_firmware_that_the_command_line_had_switched_off(
    word: str, open_: tuple[int, ...]
) -> None:
    machine = with_inputs(known_host(a72_dump(word)).host, 'cmdline=""')
    found = levels(machine, "7.3")
    assert {reg_id for reg_id, may in found.items() if len(may) > 1} == set(open_)
    assert levels(known_host(a72_dump(word)).host, "7.3") == dict.fromkeys(EVERY, (0,))


def saved(midr: int, kernel: str, given: dict[int, int]) -> HostState:
    """What a saved vCPU of such a core without CSV2 shows, its mitigation levels as given."""
    values = exposure(made_up(MIDR_EL1=midr, ID_AA64PFR0_EL1=0x11), kernel, GIC).values
    return from_vcpu({**values, **given}, GIC, load_policy(kernel))


def test_a_mitigation_that_was_on_is_off_where_the_command_line_says_so() -> None:
    """A saved Cortex-A72 whose firmware helps: without the call for Spectre v2 there is none for Spectre-BHB."""
    machine = saved(A72, "6.12", {WORKAROUND_1: 1, WORKAROUND_2: 3, WORKAROUND_3: 1})
    assert levels(machine, "7.3") == {WORKAROUND_1: (1,), WORKAROUND_2: (3,), WORKAROUND_3: (1,)}
    for line, expected in (
        ("nospectre_bhb", ((1,), (3,), (0,))), ("nospectre_v2", ((0,), (3,), (0,))),
        ("ssbd=force-off", ((1,), (0, 3), (1,))), ("mitigations=off", ((0,), (0, 3), (0,))),
    ):  # fmt: skip
        switched = with_inputs(machine, f'cmdline="{line}"')
        assert tuple(levels(switched, "7.3").values()) == expected, line
    given = with_inputs(core(0xD49, csv2=2), 'bhb=mitigated,cmdline="nospectre_bhb"')
    assert levels(given, "7.3")[WORKAROUND_3] == (0,)


def test_where_the_mitigation_is_off_firmware_may_still_call_the_cpu_unaffected() -> None:
    """spectre_v4_enable_mitigation() asks the firmware wherever SSBS does not mitigate."""
    n2 = core(0xD49, csv2=2, ssbs=2)
    assert ssb_levels(n2, 2) == (0,)
    assert set(ssb_levels(msgspec.structs.replace(n2, mitigations_off=frozenset(("ssb",))), 2)) == {0, 3}


def test_firmware_may_call_a_core_unaffected_that_no_list_names() -> None:
    """has_spectre_v2(): so the CSV2 of an A64FX guest is open; firmware of a Cortex-A72 has no such answer."""
    a64fx = core(0x001, 0x46)
    assert spectre_v2_levels(a64fx) == (0, 1, 2) and spectre_v2_levels(core(0xD08)) == (0, 1)
    assert expose(a64fx, load_policy("6.12"), GIC).limit_known(ID_AA64PFR0_EL1) >> 56 & 0xF == 0xE
    told = with_inputs(a64fx, "spectre-v2=vulnerable")
    assert expose(told, load_policy("6.12"), GIC).limit_known(ID_AA64PFR0_EL1) >> 56 & 0xF == 0xF


@pytest.mark.parametrize(
    ("machine", "old", "new"),
    [
        (core(0xD49, csv2=2), (1,), (1,)),
        (core(0xD4F, csv2=2, ecbhb=1), (2, 1), (1,)),
        (core(0xD4D, csv2=2, clrbhb=1), (1,), (1,)),
        (core(0xD0E, csv2=1), (2, 1), (1,)),
        (core(0xD49, 0x6D, csv2=2), (2, 1), (0, 1)),
        (core(0xAC3, 0xC0, csv2=2), (1, 2), (1,)),
        (core(0xD01, 0x48), (1, 2), (1, 0)),
        (core(0xD09), (0, 1), (0, 1)),
        (core(0xD05), (2,), (2,)),
        (core(0xD84, csv2=3), (2,), (2,)),
    ],
    ids=[
        "loops", "ECBHB, listed since v6.15", "CLRBHB", "listed since v6.15", "on no list", "Ampere1, since v6.1",
        "TSV110, listed later", "firmware alone", "safe", "CSV2_3",
    ],
)  # fmt: skip
def test_kernels_differ_in_the_cores_that_they_list(
    machine: HostState, old: tuple[int, ...], new: tuple[int, ...]
) -> None:
    """Before v6.15 a core on no list is affected where it has CLRBHB, or where the firmware offers the call."""
    assert (bhb_levels(machine, unknown_is_safe=True), bhb_levels(machine, unknown_is_safe=False)) == (old, new)


@pytest.mark.parametrize(
    ("features", "by_bc", "by_clrbhb"),
    [(1 << 20, (1,), (2, 1)), (1 << 28, (2, 1), (1,)), (0x101 << 20, (1,), (1,)), (0, (2, 1), (2, 1))],
)
def test_between_6_0_and_6_6_kernels_looked_for_clrbhb_in_the_place_of_bc(
    features: int, by_bc: tuple[int, ...], by_clrbhb: tuple[int, ...]
) -> None:
    """supports_clearbhb() of 6.5 reads BC, and that of 5.10.258 CLRBHB (479965a2b7ec)."""
    machine = made_up(MIDR_EL1=0x410FD4D0, ID_AA64PFR0_EL1=2 << 56 | 0x11, ID_AA64ISAR2_EL1=features)
    for kernel in ("6.0", "6.1.56", "6.4", "6.5.6"):
        assert levels(machine, kernel)[WORKAROUND_3] == by_bc, kernel
    for kernel in ("5.10.218", "5.19", "6.1.57", "6.5.7", "6.6.50"):
        assert levels(machine, kernel)[WORKAROUND_3] == by_clrbhb, kernel


def test_a_level_of_a_kernel_that_looked_at_bc_tells_of_bc() -> None:
    """A core on no list that 6.4 takes as affected: BC or its firmware is why, which 7.3 may not know of."""
    values = exposure(made_up(MIDR_EL1=0x410FD0E0, ID_AA64PFR0_EL1=2 << 56 | 0x11), "6.4", GIC).values
    machine = from_vcpu({**values, WORKAROUND_3: 1, ID_AA64ISAR2_EL1: 1 << 20}, GIC, load_policy("6.4"))
    assert levels(machine, "6.4")[WORKAROUND_3] == (1,)
    assert set(levels(machine, "6.12.20")[WORKAROUND_3]) == {1, 2}


def test_a_level_that_a_newer_kernel_shows_is_no_older_kernel_s() -> None:
    """A saved Neoverse V2: ECBHB mitigates it, where the kernel takes it as affected."""
    values = exposure(core(0xD4F, csv2=2, ecbhb=1, ssbs=2), "7.3", GIC).values
    newer = from_vcpu(values, GIC, load_policy("7.3"))
    assert values[MIDR_EL1] >> 4 & 0xFFF == 0xD4F and levels(newer, "7.3")[WORKAROUND_3] == (1,)
    assert levels(newer, "6.6.50")[WORKAROUND_3] == (2, 1)


def test_a_core_that_came_onto_the_lists_apart_is_known_under_the_kernel_that_showed_it() -> None:
    machine = saved(TSV110, "7.3", {WORKAROUND_3: 1})
    assert levels(machine, "7.3")[WORKAROUND_3] == (1,)
    assert set(levels(machine, "6.18.5")[WORKAROUND_3]) == {0, 1}


def test_the_level_of_a_kernel_that_may_be_either_says_nothing_of_lists() -> None:
    """openEuler's 5.10 may or may not have what made unlisted cores affected."""
    dump = a72_dump("")
    provenance = msgspec.structs.replace(
        dump.provenance, kernel=Untrusted("5.10.0-136.12.0.86.oe2203sp1.aarch64"), kernel_version=Untrusted("")
    )
    shown = known_host(msgspec.structs.replace(dump, provenance=provenance)).host.shown
    assert shown is not None and (shown.spectre_v2, shown.ssb, shown.bhb) == (0, 0, None)


@pytest.mark.parametrize(
    ("part", "implementer", "hidden"), [(0xD49, 0x6D, True), (0xD83, 0x41, True), (0xD0E, 0x41, False)]
)
def test_ssbs_is_hidden_from_processes_on_the_cores_of_the_erratum(part: int, implementer: int, hidden: bool) -> None:
    """erratum_spec_ssbs_list: Azure Cobalt 100 and Neoverse V3AE are on it, Cortex-A76AE is not."""
    seen = el0_values(core(part, implementer, csv2=1, ssbs=2), load_policy("6.12"))
    assert (seen[ID_AA64PFR1_EL1] >> 4 & 0xF == 0) == hidden
