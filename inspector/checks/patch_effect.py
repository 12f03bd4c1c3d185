"""What a patch changes for one question: restore this vCPU on the same host, with and without it.

Each variant is the same base kernel with other overlays (policies/patches). For each, the VMM's restore is played to
the end (checks/restore), then the guest runs; so the writes can be laid side by side, and what the guest sees
afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from inspector.checks.machine.destination import Destination, OwnMachine
from inspector.checks.machine.machine import refuse_creation
from inspector.checks.machine.question import Given
from inspector.checks.machine.source_kernel import describe_policy, kernel_of
from inspector.checks.restore.result import Finding
from inspector.checks.restore.steps import Restore
from inspector.checks.vmms.table import restoring_vmm
from inspector.errors import InspectorError, one_line
from inspector.kvm.guest import guest_view, trap_in_doubt
from inspector.kvm.vm import Vm
from inspector.policies.loader import combine, load_policy, patch_named
from inspector.policies.model import Policy, Rule
from inspector.policies.points import patch_names, policy_names
from inspector.policies.release import choose
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL, ones
from inspector.registers.caches import narrow_reading, wide_reading
from inspector.registers.encoding import ccsidr_id, class_of
from inspector.registers.ids import CTR_EL0, ID_AA64MMFR2_EL1
from inspector.registers.reading import read
from inspector.sources.dump import Dump, Vcpu

CCSIDR_0 = ccsidr_id(0)
CACHES = "normalise-caches"
"""The patch that makes the caches up."""


def series_base() -> str:
    """The release that the CCIDX and cache series was posted against: the last one whose caches are the host's, which
    is the one before that which merged it."""
    releases = [name for name in policy_names() if name.endswith(".0")]
    return releases[releases.index(f"{patch_named(CACHES).merged}.0") - 1].removesuffix(".0")


NO_CACHE = "not known"
"""What stands for a cache of which nothing is known."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A set of overlays on the base kernel."""

    patches: tuple[str, ...] = ()
    label: str
    """few words: which part or form of the series it is"""
    title: str = ""
    """one line: what it does"""
    series: str = ""
    """the series that it belongs to, by its title"""


BEFORE = Variant(label="before", title="without the patch")
ORDER = (
    ("mask-ccidx",), ("mask-ccidx-tolerant",), ("mask-ccidx-keep",), (CACHES,),
    ("mask-ccidx", CACHES), ("hide-mpam",), ("hide-mpam-tolerant",),
)  # fmt: skip
"""In the order of the story; other overlays that ship follow."""


def variant_of(names: Sequence[str]) -> Variant:
    """The variant of some overlays, worded as their files say."""
    found = [patch_named(name) for name in names]
    labels = [one.label.removesuffix(" as posted") if len(found) > 1 else one.label for one in found]
    return Variant(
        patches=tuple(names), label=" and ".join(labels), title="; ".join(one.title for one in found),
        series=found[0].series,
    )  # fmt: skip


class GuestView(msgspec.Struct, frozen=True, kw_only=True):
    """What the guest reads with MRS once it runs."""

    values: Mapping[int, int]
    known: Mapping[int, int]
    """register id -> mask of the bits that are known, for those that are known only in part"""
    ccidx: int | None
    """ID_AA64MMFR2_EL1.CCIDX: 1 makes the guest read CCSIDR_EL1 in its 64-bit layout; None when not known"""
    cache: str
    """the first-level data cache as the guest works it out of CCSIDR_EL1, e.g. `256 sets x 4 ways x 64 B = 64 KiB`"""


class Effect(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One variant's answer."""

    variant: Variant
    policy: Policy
    writes: tuple[Finding, ...]
    """in the VMM's order"""
    missing: tuple[Finding, ...]
    """registers that the saved state lacks: they keep the destination's value"""
    guest: GuestView
    """once the restored VM runs"""
    fresh: GuestView
    """of a VM that was made anew under this kernel"""
    shown: Mapping[int, int]
    """what userspace reads of that new VM's vCPU"""
    shown_known: Mapping[int, int]
    """known bits of those values that are known only in part"""
    host: Mapping[int, int]
    """the host's own values of ID registers"""
    host_known: Mapping[int, int]
    """known bits of each; a register that is not here is not known"""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """`linux-6.2 + mask-ccidx`."""
        return one_line(" + ".join([describe_policy(self.policy).split("+")[0], *self.variant.patches]))

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Writes that stop the load."""
        return tuple(one for one in self.writes if one.errno and one.fatal)

    @property
    def ignored(self) -> tuple[Finding, ...]:
        """Writes that are accepted, but read back as something else; running counters left out."""
        return tuple(one for one in self.writes if one.kind == "changed" and not one.expected)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that the overlays bring."""
        return tuple(rule for rule in self.policy.rules if rule.release in self.variant.patches)

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        return outcome_of(self.writes, len(self.writes))


class PatchStudy:
    """One vCPU, one host, one base kernel; effects are computed when first asked for."""

    def __init__(
        self, dump: Dump, vcpu: Vcpu, base: str = "", setup: VcpuSetup | None = None, host: str = ""
    ) -> None:  # fmt: skip
        """`base`: a policy as the user names it, without overlays; by default `default_base`. `host`: as `--host`
        takes it. Raises InspectorError when the vCPU holds nothing to restore, PolicyError when `base` is no kernel."""
        if vcpu.kind != "vcpu" or not vcpu.values:
            raise InspectorError("holds no vCPU registers to restore", dump.provenance.source, "choose a vCPU")
        self.dump = msgspec.structs.replace(dump, vcpus=(vcpu,))
        self.vcpu = vcpu
        self.base_name = base or default_base(dump)
        choice = choose(self.base_name)
        self.base, self.explanation = choice.policy, choice.text
        self.vmm = restoring_vmm(dump.provenance)
        self._machine = OwnMachine(self.dump, Given(features=setup, host=host))
        self._effects: dict[tuple[str, ...], Effect] = {}
        self._first: Restore | None = None
        """the restore that was played first: the others differ from it in few registers"""

    @property
    def question(self) -> str:
        """What is asked, in one line."""
        name = self.dump.provenance.source.rsplit("/", 1)[-1].removeprefix("builtin:")
        return one_line(f"restore {name}, vCPU {self.vcpu.label}, on the same host ({self.vmm.title}'s order)")

    def effect(self, variant: Variant = BEFORE) -> Effect:
        """The answer under one variant. Raises InspectorError when KVM would not create such a vCPU."""
        if variant.patches not in self._effects:
            self._effects[variant.patches] = self._play(variant)
        return self._effects[variant.patches]

    def _play(self, variant: Variant) -> Effect:
        merged = variant.patches and all(patch_named(name).in_release(self.base) for name in variant.patches)
        # Laid over a kernel that has it, and has moved on since, a patch would take back what came later.
        policy = self.base if merged else combine(self.base, variant.patches)
        target = self._machine.under(policy)
        vm = target.build(1)
        refuse_creation(vm.exposure, describe_policy(policy))
        ids = tuple(vm.exposure.feature_values())
        fresh, shown = _guest(vm, target, ids), dict(vm.exposure.values)
        restore = Restore(self.vcpu, target, vm.vcpu(0), self.vmm, self._first)
        findings = restore.play()
        self._first = self._first or restore
        vm.run(0)
        return Effect(
            variant=variant,
            policy=policy,
            writes=tuple(one for one in findings if one.kind != "missing_in_source"),
            missing=tuple(one for one in findings if one.kind == "missing_in_source"),
            guest=_guest(vm, target, ids),
            fresh=fresh,
            shown=shown,
            shown_known=vm.exposure.known,
            host=vm.exposure.host.values,
            host_known=vm.exposure.host.known,
            notes=target.notes,
        )


def default_base(dump: Dump) -> str:
    """The kernel that patches are laid over when nobody chose one.

    6.2, against which the CCIDX series was posted, for a vCPU from that kernel or an older one; for a newer one its own
    kernel, since an older one would refuse it for other reasons.
    """
    own = kernel_of(dump).policy
    made_up = own is not None and rulebook(own).variant("cache-registers") == "fabricated"
    return own.name if own is not None and made_up else series_base()


def variants(extra: Sequence[str] = ()) -> tuple[Variant, ...]:
    """Every variant but `before`; `extra`, overlays that the user chose, comes first when it is none of the others."""
    used = {name for names in ORDER for name in names}
    order = [*ORDER, *((name,) for name in patch_names() if name not in used)]
    own = tuple(extra)
    if own and own not in order:
        order.insert(0, own)
    return tuple(map(variant_of, order))


def last_without(variant: Variant) -> str:
    """The newest kernel of the catalogue before the release that merged any of a variant's patches; empty where none
    has it."""
    merged = [one for name in variant.patches if (one := patch_named(name)).merged]
    if not merged:
        return ""
    older = [name for name in policy_names() if not any(one.in_release(load_policy(name)) for one in merged)]
    return older[-1] if older else ""


def already_in(effect: Effect) -> str:
    """`already in Linux 6.3 (bf48040cd9b0)` for a variant that the base kernel has; empty for any other."""
    found = [patch_named(name) for name in effect.variant.patches]
    if not found or not all(one.in_release(effect.policy) for one in found):
        return ""
    return "already in " + ", ".join(dict.fromkeys(f"Linux {one.merged} ({one.commit})" for one in found))


def outcome_of(writes: Sequence[Finding], total: int) -> str:
    """`every write accepted`, `2 of 246 refused, EINVAL` or what is not kept; of the first writes when fewer than
    `total` were made."""
    refused = [one for one in writes if one.errno and one.fatal]
    ignored = [one for one in writes if one.kind == "changed" and not one.expected]
    parts = []
    if refused:
        names = ", ".join(dict.fromkeys(one.errno_name for one in refused))
        parts.append(f"{len(refused)} of {len(writes)} refused, {names}")
    if ignored:
        parts.append(f"{len(ignored)} accepted and ignored")
    if not parts:
        return "every write accepted" if len(writes) == total else "every write so far accepted"
    return "; ".join(parts)


def differing(before: Effect, after: Effect) -> tuple[int, ...]:
    """Ids of the writes whose answer or starting value is not the same on both sides, or that a side refuses."""
    other = {one.id: one for one in after.writes}
    return tuple(one.id for one in before.writes if one.id in other and not _alike(one, other[one.id]))


def changes(before: Effect, after: Effect) -> tuple[int, ...]:
    """Ids of the writes whose errno or value read back is another one."""
    other = {one.id: one for one in after.writes}
    pairs = ((one, other[one.id]) for one in before.writes if one.id in other)
    return tuple(a.id for a, b in pairs if (a.errno, a.after) != (b.errno, b.after))


def _alike(one: Finding, other: Finding) -> bool:
    """Nothing to tell: neither side refuses, and both start from and end with the same value."""
    ends = (one.errno, one.after, one.destination) == (other.errno, other.after, other.destination)
    return ends and not one.errno


class GuestChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the guest sees otherwise."""

    id: int
    field: str
    """empty for a register without fields"""
    before: int | None
    after: int | None


def guest_changes(before: Effect, after: Effect) -> tuple[GuestChange, ...]:
    """What a guest reads differently, field by field; bits that are not known on either side are left out."""
    found: list[GuestChange] = []
    for reg_id, old in before.guest.values.items():
        new = after.guest.values.get(reg_id, old)
        if new == old:
            continue
        known = before.guest.known.get(reg_id, ALL) & after.guest.known.get(reg_id, ALL)
        if not (old ^ new) & known:
            continue
        fields = read(reg_id, old, before.guest.values, include_reserved=True).fields
        if class_of(reg_id) == class_of(CCSIDR_0) or not fields:
            found.append(GuestChange(id=reg_id, field="", before=old, after=new))
            continue
        for field in fields:
            mask = ones(field.msb - field.lsb + 1)
            a, b = old >> field.lsb & mask, new >> field.lsb & mask
            if (a ^ b) & known >> field.lsb & mask:
                found.append(GuestChange(id=reg_id, field=field.name, before=a, after=b))
    return tuple(found)


def _guest(vm: Vm, target: Destination, ids: Sequence[int]) -> GuestView:
    """What the guest reads now; `ids`: the registers that say what the vCPU is."""
    exposure = vm.exposure
    state = {reg_id: vm.vcpu(0).value(reg_id) for reg_id in ids}
    values = guest_view(exposure, state)
    written = {reg_id: mask for reg_id, mask in exposure.known.items() if mask & ALL != ALL}
    known = {reg_id: mask for reg_id, mask in written.items() if state.get(reg_id) == exposure.values.get(reg_id)}
    if doubt := trap_in_doubt(exposure):
        known[CTR_EL0] = known.get(CTR_EL0, ALL) & ~doubt
    ccidx = values.get(ID_AA64MMFR2_EL1, 0) >> 20 & 0xF if known.get(ID_AA64MMFR2_EL1, ALL) >> 20 & 0xF == 0xF else None
    hardware = exposure.book.variant("guest-caches") == "hardware"
    host = target.host
    # A saved vCPU carries the low half of a 64-bit CCSIDR_EL1: what the hardware has above it is not known.
    half = hardware and host is not None and host.sanitised
    return GuestView(
        values=values,
        known=known,
        ccidx=ccidx,
        cache=_cache_text(values.get(CCSIDR_0), ccidx, half),
    )


def _cache_text(value: int | None, ccidx: int | None, half: bool) -> str:
    if value is None or ccidx is None:
        return NO_CACHE
    reading = wide_reading(value, half) if ccidx else narrow_reading(value)
    return reading.text
