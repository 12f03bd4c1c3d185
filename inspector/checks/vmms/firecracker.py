"""Firecracker: restore_state() and VcpuArchError of src/vmm/src/arch/aarch64/vcpu.rs, override_clidr() of its mod.rs
(before 1.7 src/vmm/src/vstate/vcpu/aarch64.rs), read at the tags v1.0.0 to v1.16.1 and in main of Aug 2026."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from inspector.checks.vmms.base import PMU, Failure, Made, Offers, Saved, Vmm, os_error
from inspector.checks.vmms.messages import Message
from inspector.checks.vmms.needed import needed
from inspector.numbers import is_decimal
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.encoding import CLASS_CORE, CLASS_SVE, hex_id, split_id
from inspector.registers.ids import SVE_VLS

_SET = Message(
    key="firecracker-set",
    vmm="firecracker",
    versions="1.13 and newer",
    kind="refused",
    template="Failed to set register {id} to value {wanted}: {err}",
    patterns=(
        "Failed to set register {id} to value {wanted}(?::{err})?",
        'SetOneReg\\({id},"?{wanted}"?,(?:(?:Error|Errno)\\({errno}\\)|{err})',
    ),
    meaning="Firecracker stopped at the first register that KVM refused; later ones were not tried.",
)
_SET_DECIMAL = Message(
    key="firecracker-set-decimal",
    vmm="firecracker",
    versions="1.4 to 1.12",
    kind="refused",
    template="Failed to set register {decimal}: {err}",
    patterns=("SetOneReg\\({decimal},(?:Error|Errno)\\({errno}\\)\\)",),
    meaning="Firecracker stopped at the first register that KVM refused, and prints its id in decimal.",
)
UNNAMED = "firecracker-set-unnamed"
"""Words that any program may use: no register's id, no name of Firecracker's."""
_SET_UNNAMED = Message(
    key=UNNAMED,
    vmm="firecracker",
    versions="1.0 to 1.3",
    kind="put_failed",
    template="Failed to restore the state of the vcpu: Failed to set register: {err}",
    patterns=("Failed to set register: {err}",),
    meaning="Firecracker stopped at the first register that KVM refused, and does not say which one.",
)
_INIT = Message(
    key="firecracker-init",
    vmm="firecracker",
    kind="create_failed",
    template="Error initializing the vcpu: {err}",
    patterns=("Error initializing the vcpu{any}{err}",),
    meaning="KVM refused to create a vCPU with the features that Firecracker asks for (a snapshot's, or a new VM's).",
)
_PMU = Message(
    key="firecracker-pmu",
    vmm="firecracker",
    versions="1.16 and newer",
    kind="create_failed",
    template="Found unsupported KVM_ARM_VCPU_PMU_V3 bit set in vcpu features.",
    meaning="Firecracker cannot set a vPMU up, and refuses a template or a snapshot that asks for one.",
)
MESSAGES = (
    _SET,
    _SET_DECIMAL,
    _SET_UNNAMED,
    _INIT,
    _PMU,
    Message(
        key="firecracker-get",
        vmm="firecracker",
        versions="1.x",
        kind="unreadable",
        patterns=("Failed to get register {id}(?::{err})?", "GetOneReg\\({id},(?:(?:Error|Errno)\\({errno}\\)|{err})"),
        meaning="Firecracker could not read a register.",
    ),
    Message(
        key="snapshot-format",
        vmm="firecracker",
        versions="1.7 and newer",
        kind="format",
        patterns=(
            r"(?:invalid|unsupported)(?:data|snapshot|format|state){0,2}version[^0-9]{0,40}?(?P<found>[0-9]+\.0\.0)",
            r"snapshot(?:data|format|file|'s){0,3}version:?(?P<found>[0-9]+\.0\.0)(?:is)?(?:not|un|in)(?:support|compatib|valid)",
            r"InvalidFormatVersion\(Version\{major:(?P<found>[0-9]+),",
        ),
        meaning="The snapshot was written in another format version than this program reads.",
    ),
)

FORMATS: Mapping[int, tuple[str, str]] = {
    1: ("1.7", "1.7"), 2: ("1.8", "1.8"), 3: ("1.9", "1.9 and 1.10.0"), 4: ("1.10.1", "1.10.1"), 5: ("1.11", "1.11"),
    6: ("1.12", "1.12"), 8: ("1.13", "1.13 and 1.14"), 9: ("1.15", "1.15"), 10: ("1.16", "1.16"),
    11: ("1.17", "main on the way to 1.17"), 12: ("1.17", "1.17"),
}  # fmt: skip
"""Major number of SNAPSHOT_VERSION (src/vmm/src/persist.rs at each tag) -> the first release that writes it, and all of
them in words."""


class Firecracker(Vmm, frozen=True, kw_only=True):
    """Firecracker: the snapshot holds the word of vCPU features, and every register that KVM listed."""

    family: str = "firecracker"
    formats: tuple[str, ...] = ("firecracker",)
    own_rule: bool = True
    option_advice: str = "the snapshot names the vCPU's features: they have to be available on the destination"
    saved_state: str = "the snapshot's vmstate file or a cpu-template-helper fingerprint of the source host"
    set_message: Message = _SET
    lengths_first: bool = True
    """SVE_VLS is written before the vCPU is finalised"""
    saves_features: bool = True
    refuses_pmu: bool = False
    writes_clidr: bool = False
    """at boot it writes the host's cache topology of sysfs into CLIDR_EL1"""
    clidr_gated: bool = False
    """whether it writes it depends on the host's kernel (pull request 6172, Sep 2026, whose code was not read): for
    kernels that reset CLIDR_EL1 with PSCI CPU_ON nothing is sure"""

    def made(self, saved: Saved, offers: Offers) -> Made:
        """The features of the snapshot; before 1.5 PSCI alone. A vPMU is never asked for by Firecracker itself."""
        if not self.saves_features:
            setup = VcpuSetup(features=int(Feature.PSCI), gic=saved.setup.gic)
            return Made(setup=setup, why=f"{self.title} creates every vCPU with PSCI alone", required=True)
        if saved.stated:
            why = "Firecracker creates the vCPU with the feature word that the snapshot holds"
        else:
            why = "Firecracker creates the vCPU with the features of the snapshot; here they follow from its registers"
        return Made(setup=saved.setup, why=why, required=True)

    def cannot_read(self, tool: str) -> str:
        """A snapshot of another format: the major number has to be the own one (Snapshot::load(), from 1.7 on); 1.7
        gave the format its own version and reads nothing older (CHANGELOG.md)."""
        said = re.search(r"snapshot (format|data) ([0-9]{1,3})", tool)
        if said is None:
            return ""
        number = int(said[2])
        first, end = self.version or self.known
        mine = _formats_of(first, end)
        if said[1] == "data":
            return f"{self.title} does not read snapshots of Firecracker up to 1.6" if mine else ""
        if number in mine or (end > _VERSIONS[-1].since and number > max(FORMATS)):
            return ""
        words = FORMATS[number][1] if number in FORMATS else ""
        by = f", which Firecracker {words} write{'' if ' and ' in words else 's'}" if words else ""
        return f"{self.title} does not read snapshot format {number}.0.0{by}"

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """Stored order, but the vector lengths first (since 1.7): KVM must know them before the vCPU is finalised."""
        return (int(reg_id != SVE_VLS),) if self.lengths_first else ()

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """The register at which it stopped."""
        first = fatal[0]
        tokens = {"id": hex_id(first.id), "decimal": str(first.id), "wanted": f"0x{first.value or 0:x}"}
        return (self.set_message.printed(**tokens, err=os_error(first.errno)),)

    def printed_creation(self, number: int, errno: int, lacking: Sequence[str]) -> tuple[str, ...]:
        """init_vcpu() fails."""
        if self.refuses_pmu and PMU in lacking:
            return (_PMU.printed(),)
        return (_INIT.printed(err=os_error(errno)),)

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Templates for later VMs, the snapshot editor for this one."""
        if all(split_id(i).cls in (CLASS_CORE, CLASS_SVE) for i in ids):
            return ("give the VMs of both hosts the same vCPU features by one CPU template, before they are started",)
        return (
            (
                "apply one CPU template to the VMs of both hosts that sets the refused fields to values both accept"
                " (`vcpu-inspector compare HOST_A HOST_B --baseline` writes it); it takes effect when a VM is started"
            ),
            *_last_resort(ids, "last resort: {}: the destination's own values stay then"),
        )

    def unlisted_steps(self, ids: Sequence[int], harmless: Sequence[int], why_harmless: str) -> tuple[str, ...]:
        """The snapshot editor deletes registers."""
        return _last_resort(ids, "{} deletes the registers that the destination does not know")


def _last_resort(ids: Sequence[int], text: str) -> tuple[str, ...]:
    """The snapshot editor's command, for what a guest can do without."""
    removable = [reg_id for reg_id in ids if not needed(reg_id, None)]
    if not removable:
        return ()
    return (text.format(f"`snapshot-editor edit-vmstate remove-regs {' '.join(map(hex_id, removable))}`"),)


def clidr_of_caches(current: int, caches: Sequence[Mapping[str, str]]) -> int | None:
    """CLIDR_EL1 as Firecracker writes it at boot: cache types and LoC of `caches` over the value that KVM shows.

    `caches`: the sysfs files of the host's cpu0, cache/index*/ in order. LoUIS, LoUU, ICB and the tag types stay
    (merge_clidr(), src/vmm/src/arch/aarch64/cache_info.rs). None where sysfs shows no cache of level 1: then nothing is
    written.
    """
    kinds: dict[int, set[str]] = {}
    for cache in caches:
        level = cache.get("level", "")
        if is_decimal(level) and len(level) < 4 and cache.get("type"):
            kinds.setdefault(int(level), set()).add(cache["type"].strip().lower())
    if 1 not in kinds:
        return None
    types, last = 0, 0
    for number in range(1, 8):
        if number not in kinds:
            break
        types |= _cache_type(kinds[number]) << 3 * (number - 1)
        last = number
    return current & ~CLIDR_REPLACED | types | last << 24


CLIDR_REPLACED = (1 << 21) - 1 | 7 << 24
"""CLIDR_EL1.Ctype1 to Ctype7 and LoC: what Firecracker writes"""


def _cache_type(kinds: set[str]) -> int:
    """CLIDR_EL1.Ctype of one level (Arm ARM, CLIDR_EL1): 4 unified, 3 both, 2 data, 1 instruction."""
    if "unified" in kinds:
        return 4
    return 2 * ("data" in kinds) + ("instruction" in kinds)


class _Version(msgspec.Struct, frozen=True):
    """Where Firecracker's restore, or what it prints, changed."""

    since: tuple[int, ...]
    title: str
    set_message: Message = _SET
    lengths_first: bool = True
    saves_features: bool = True
    refuses_pmu: bool = False
    writes_clidr: bool = False
    clidr_gated: bool = False
    writable_ids: bool = False


_VERSIONS = (
    _Version((1, 0), "1.0 to 1.3", _SET_UNNAMED, lengths_first=False, saves_features=False),
    _Version((1, 4), "1.4", _SET_DECIMAL, lengths_first=False, saves_features=False),
    _Version((1, 5), "1.5 and 1.6", _SET_DECIMAL, lengths_first=False),
    _Version((1, 7), "1.7 to 1.12", _SET_DECIMAL),
    _Version((1, 13), "1.13 to 1.14.3"),
    _Version((1, 14, 4), "1.14.4", writes_clidr=True),
    _Version((1, 15), "1.15.0"),
    _Version((1, 15, 1), "1.15.1", writes_clidr=True),
    _Version((1, 16), "1.16", refuses_pmu=True, writes_clidr=True),
    _Version((1, 17), "1.17", refuses_pmu=True, writes_clidr=True, clidr_gated=True, writable_ids=True),
)
"""Vector lengths: init_vcpu_fd() of restore_state() finalises the vCPU up to 1.6; pull request 4413 (1.7).
CLIDR_EL1: commits b5ac3a6ee (1.16), ca4912c93 (1.15.1), 1dd26ef8a (1.14.4). Writable implementation ids: pull
request 6116, merged in Aug 2026 when main stood at 1.17.0-dev."""


def _formats_of(since: tuple[int, ...], end: tuple[int, ...]) -> frozenset[int]:
    """Majors of the formats that some release from `since` on and before `end` reads; none before 1.7."""
    firsts = [(number, tuple(map(int, first.split(".")))) for number, (first, _) in FORMATS.items()]
    after = {number: next((later for _, later in firsts if later > first), (1000,)) for number, first in firsts}
    return frozenset(number for number, first in firsts if first < end and after[number] > since)


STANDARD = (1, 16)
"""the newest release that was read"""


def _entry(version: _Version, end: tuple[int, ...]) -> Firecracker:
    number = ".".join(map(str, version.since))
    standard = version.since == STANDARD
    return Firecracker(
        name="firecracker" if standard else f"firecracker-{number}",
        title=f"Firecracker {version.title}",
        since=version.since,
        known=(version.since, end),
        evidence="read in main of Aug 2026" if version is _VERSIONS[-1] else "",
        standard=standard,
        messages=MESSAGES,
        names_register=version.set_message is not _SET_UNNAMED,
        set_message=version.set_message,
        lengths_first=version.lengths_first,
        finalises_first=not version.lengths_first,
        saves_features=version.saves_features,
        refuses_pmu=version.refuses_pmu,
        writes_clidr=version.writes_clidr,
        clidr_gated=version.clidr_gated,
        writable_ids=version.writable_ids,
    )


VMMS = tuple(map(_entry, _VERSIONS, (*(later.since for later in _VERSIONS[1:]), (1, 18))))
