"""The restore of one vCPU, register by register, in the VMM's own order."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from functools import cached_property

import msgspec

from inspector.checks.feature_groups import feature_key, feature_set
from inspector.checks.machine.destination import Destination
from inspector.checks.restore.result import FieldDifference, Finding, FindingKind, VcpuResult
from inspector.checks.vmms.base import Vmm
from inspector.kvm.cases import Case
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.vm import Vcpu as Model
from inspector.kvm.vm import unlisted_errno
from inspector.kvm.words.explaining import explain_write, peek_write
from inspector.policies.setup import Feature
from inspector.registers.bits import ALL, Partial, mask_of, ones
from inspector.registers.catalog import by_id
from inspector.registers.encoding import CLASS_CORE, CLASS_SVE, SIZE_U64, class_of, size_of, split_id
from inspector.registers.reading import read
from inspector.sources.dump import Vcpu


def simulate(vcpu: Vcpu, destination: Destination, model: Model, vmm: Vmm, *, brief: bool = False) -> VcpuResult:
    """Restore `vcpu` into `model`, a fresh vCPU of `destination`, as `vmm` does.

    Every write is made, also those that a VMM which stops at the first refusal would not reach: measured loads show no
    effect of one register's refusal on another, and the whole list is what the operator has to settle. Missing ids keep
    the destination's value.

    `brief` leaves out the findings that decide nothing: missing ids, and writes that are kept for sure.
    """
    restore = Restore(vcpu, destination, model, vmm)
    surely, perhaps = restore.bounds
    findings = restore.play(brief)
    return VcpuResult(
        index=vcpu.index,
        name=vcpu.name.shown,
        source_count=len(restore.order),
        destination_count=len(restore.listed),
        fewest=surely if surely != perhaps else None,
        most=perhaps if surely != perhaps else None,
        findings=findings,
    )


class _Orders:
    """In which order the registers of the vCPUs that were asked about last are written."""

    held: tuple[tuple[Vcpu, Vmm, tuple[int, ...]], ...] = ()
    """replaced as a whole: the screens ask from several threads"""


def _order(vcpu: Vcpu, vmm: Vmm) -> tuple[int, ...]:
    """The saved ids in the order in which the VMM writes them; kernel after kernel is asked about the same vCPU."""
    for one, rule, order in _Orders.held:
        if one is vcpu and rule is vmm:
            return order
    order = vmm.order({**vcpu.values, **dict.fromkeys(vcpu.withheld, 0)})
    _Orders.held = ((vcpu, vmm, order), *_Orders.held[:3])
    return order


class Restore:
    """One vCPU's restore, to be played once."""

    def __init__(
        self, vcpu: Vcpu, destination: Destination, model: Model, vmm: Vmm, like: Restore | None = None
    ) -> None:  # fmt: skip
        """As `simulate`. `like`: a restore of the same vCPU by the same VMM, played before on a similar destination:
        what is the same there is not worded again."""
        self.vcpu = vcpu
        self.destination = destination
        self.model = model
        model.finalised = vmm.finalises_first and destination.setup.has(Feature.SVE)
        self.vmm = vmm
        self.like = like
        self.findings: tuple[Finding, ...] = ()
        self.withheld = frozenset(vcpu.withheld)
        self.order: tuple[int, ...] = like.order if like else _order(vcpu, vmm)
        left_out = destination.left_out
        self.listed = vmm.kept(destination.listed | left_out if left_out else destination.listed)
        self.doubtful = vmm.kept(destination.doubtful)

    @property
    def bounds(self) -> tuple[int, int]:
        """How many registers the destination lists at least and at most."""
        if not self.doubtful:
            return len(self.listed), len(self.listed)
        return len(self.listed - self.doubtful), len(self.listed | self.doubtful)

    def play(self, brief: bool = False) -> tuple[Finding, ...]:
        """Every finding in the VMM's order, or with `brief` those that decide."""
        findings = self.lists() if self.vmm.compares_lists else []
        findings += self.writes(len(findings), brief)
        findings += [] if brief else self.missing(len(findings))
        self.findings = tuple(findings)
        return self.findings

    @cached_property
    def same(self) -> dict[int, Finding]:
        """What was found in the other restore, of registers that start from the same value and keep the saved one, and
        are spoken of in the same words where they keep it here too."""
        if self.like is None:
            return {}
        mine, theirs = self.destination, self.like.destination
        alike = self.model.vm.worded_like(self.like.model.vm)
        alike &= {reg_id for reg_id, _ in mine.values.items() & theirs.values.items()}
        alike -= {reg_id for reg_id, _ in mine.known.items() ^ theirs.known.items()}
        return {one.id: one for one in self.like.findings if one.kind == "accepted" and one.id in alike}

    @cached_property
    def kinds(self) -> set[tuple[int, int]]:
        """(class, size) of every register that the destination lists."""
        return {(parts.cls, parts.size) for parts in map(split_id, self.listed)}

    def lists(self) -> list[Finding]:
        """QEMU's comparison of the two id lists: what only the stream has."""
        found = [self._unknown(i, order) for order, i in enumerate(i for i in self.order if i not in self.listed)]
        if not self.vmm.last_id_decides or not found or found[-1].fatal:
            return found
        return [self._overruled(one) if one.fatal else one for one in found]

    def _overruled(self, finding: Finding) -> Finding:
        """An id that fails a load only where the VMM remembers it until the end of its list."""
        title = self.vmm.title
        depends_on = f"whether {title} counts every register that the destination lacks, or only the last one"
        cases = (
            Case(
                when=f"{title} decides by the last of them alone, as 11.1.3 does (cpu_post_load(), its machine code)",
                outcome="named in a line that says `fail migration`, and the load goes on without it",
                about="vmm",
            ),
            Case(
                when=f"a version of {title} that counts each of them",
                outcome="the load fails",
                errno=errno.ENOENT,
                about="vmm",
            ),
        )
        return msgspec.structs.replace(
            finding, certain=False, depends_on=(depends_on,), cases=cases, reason=f"{finding.reason}; {depends_on}"
        )

    def writes(self, start: int, brief: bool = False) -> list[Finding]:
        """Every write, in the VMM's order."""
        known = [i for i in self.order if i in self.listed] if self.vmm.compares_lists else self.order
        found = []
        plain = self._plain() if brief else frozenset[int]()
        for order, reg_id in enumerate(known, start):
            if reg_id in plain:
                continue
            if reg_id in self.destination.listed:
                told = reg_id not in self.withheld
                if brief and told and self.model.keeps(reg_id, self.vcpu.values[reg_id]):
                    continue
                same = self.same.get(reg_id)
                if same is not None and self._keeps(reg_id):
                    found.append(same if same.order == order else msgspec.structs.replace(same, order=order))
                    continue
                found.append(self._written(reg_id, order) if told else self._written_unseen(reg_id, order))
            elif reg_id in self.listed or self._left_out(reg_id):
                found.append(self._untold(reg_id, order))
            else:
                found.append(self._unknown(reg_id, order))
        return found

    def _plain(self) -> frozenset[int]:
        """Registers that keep whatever is written for sure, and that no other write looks at: those writes decide
        nothing. Core registers are none of them: they may lose their upper half."""
        model, values = self.model, self.vcpu.values.keys() - self.withheld
        plain = model.vm.plain.intersection(self.destination.listed, values) if model.initialised else ()
        return frozenset([reg_id for reg_id in plain if class_of(reg_id) != CLASS_CORE])

    def missing(self, start: int) -> list[Finding]:
        """What the destination lists and the saved state lacks: it keeps the value of a fresh vCPU."""
        saved = {*self.vcpu.values, *self.withheld}
        ids = sorted(i for i in self.listed if i not in saved and i not in self.destination.left_out)
        return [self._missing(reg_id, order) for order, reg_id in enumerate(ids, start)]

    def _left_out(self, reg_id: int) -> bool:
        """True when the destination's dump leaves out this whole kind of register, which every such vCPU has.

        Tools that read only system registers write such dumps. V0..V31 are core registers of vCPUs without SVE, the SVE
        class belongs to those with it.
        """
        parts = split_id(reg_id)
        sve = self.destination.setup.has(Feature.SVE)
        if parts.cls not in (CLASS_CORE, CLASS_SVE) or (sve != (parts.cls == CLASS_SVE) and parts.size > SIZE_U64):
            return False
        return (parts.cls, parts.size) not in self.kinds

    def _untold(self, reg_id: int, order: int) -> Finding:
        value = self.vcpu.values.get(reg_id)
        return Finding(
            vcpu=self.vcpu.index,
            id=reg_id,
            kind="accepted",
            order=order,
            value=value,
            withheld=value is None,
            destination=None,
            after=value,
            reason="the destination's dump leaves it out, but every such vCPU has it; KVM keeps what is written",
        )

    def _unknown(self, reg_id: int, order: int) -> Finding:
        tolerated = all(self.vmm.tolerates(reg_id, value) for value in self._possible(reg_id))
        group = feature_set(feature_key(reg_id))
        reason = "the destination does not list this register"
        if group is not None:
            reason += f": {group.text}" + (f", since {group.since}" if group.since else "")
        if tolerated:
            reason += f"; {self.vmm.title} knows it as safe to drop"
        finding = Finding(
            vcpu=self.vcpu.index,
            id=reg_id,
            kind="only_in_source",
            order=order,
            value=self.vcpu.values.get(reg_id),
            withheld=reg_id in self.withheld,
            destination=None,
            errno=unlisted_errno(reg_id),
            reason=reason,
            rule="register-list",
            fatal=not tolerated,
        )
        if reg_id not in self.doubtful:
            return finding
        # It may be listed: the model's own answer to a write of it says what decides.
        verdict = peek_write(self.model, reg_id, self._possible(reg_id)[0])
        return msgspec.structs.replace(
            finding, reason=verdict.reason, rule="", certain=False, depends_on=verdict.depends_on, cases=verdict.cases
        )

    def _missing(self, reg_id: int, order: int) -> Finding:
        group = feature_set(feature_key(reg_id))
        own, part = self._own(reg_id)
        return Finding(
            vcpu=self.vcpu.index,
            id=reg_id,
            kind="missing_in_source",
            order=order,
            value=None,
            destination=own,
            part=part,
            after=own,
            reason="not saved: the destination keeps its own value" + (f" ({group.text})" if group is not None else ""),
            rule="register-list",
        )

    def _written(self, reg_id: int, order: int) -> Finding:
        value = self.vcpu.values[reg_id]
        verdict = explain_write(self.model, reg_id, value)
        own, part = self._own(reg_id)
        after, reason = verdict.after, verdict.reason
        kind: FindingKind = "refused" if verdict.errno else "accepted"
        certain = verdict.certain
        if not certain:
            kind = "uncertain"
        elif not verdict.errno and (after is None or after != value):
            kind = "changed"
        settled = kind == "accepted" and own == value
        return Finding(
            vcpu=self.vcpu.index,
            id=reg_id,
            kind=kind,
            order=order,
            value=value,
            destination=own,
            part=part,
            errno=verdict.errno if certain else 0,
            after=after,
            fields=() if settled else _differences(reg_id, value, own, part, after, verdict, self.vcpu.values),
            reason=reason if kind == "accepted" else self._with_rule(reason, verdict.rule),
            rule=verdict.rule,
            reference=verdict.reference,
            would_pass=verdict.would_pass if certain else None,
            fatal=certain and bool(verdict.errno),
            expected=kind == "changed" and verdict.by_nature,
            certain=certain,
            depends_on=verdict.depends_on,
            cases=verdict.cases,
        )

    def _possible(self, reg_id: int) -> tuple[int, ...]:
        """The saved value; of one that is withheld some that show whether the answer depends on it."""
        if reg_id not in self.withheld:
            return (self.vcpu.values[reg_id],)
        ones = (1 << 8 * size_of(reg_id)) - 1
        return 0, 1, ones, ones // 3

    def _keeps(self, reg_id: int) -> bool:
        """Write the saved value, or those that a withheld one may be, where it is kept for sure; else False."""
        if reg_id not in self.withheld:
            return self.model.keeps(reg_id, self.vcpu.values[reg_id])
        return all(self.model.keeps(reg_id, value) for value in self._possible(reg_id))

    def _written_unseen(self, reg_id: int, order: int) -> Finding:
        """The write of a value that the source's dump withholds: accepted where KVM keeps whatever is written."""
        if self._keeps(reg_id):
            return self._unseen(reg_id, order, "accepted", "the value is withheld; KVM keeps whatever is written")
        tried = [explain_write(self.model, reg_id, value) for value in self._possible(reg_id)]
        verdict = tried[0]
        if all(one.certain and one.errno for one in tried):
            return msgspec.structs.replace(
                self._unseen(reg_id, order, "refused", verdict.reason),
                errno=verdict.errno, rule=verdict.rule, reference=verdict.reference, fatal=True,
            )  # fmt: skip
        depends_on = f"the value of {by_id(reg_id).name}, which the source withholds"
        return msgspec.structs.replace(
            self._unseen(reg_id, order, "uncertain", depends_on),
            rule=verdict.rule, reference=verdict.reference, certain=False, depends_on=(depends_on,),
        )  # fmt: skip

    def _unseen(self, reg_id: int, order: int, kind: FindingKind, reason: str) -> Finding:
        own, part = self._own(reg_id)
        return Finding(
            vcpu=self.vcpu.index,
            id=reg_id,
            kind=kind,
            order=order,
            value=None,
            withheld=True,
            destination=own,
            part=part,
            reason=reason,
        )

    def _own(self, reg_id: int) -> tuple[int | None, Partial]:
        """The destination's own value, or what is known of it."""
        own, unknown = self.destination.values.get(reg_id), self.destination.unknown_bits(reg_id)
        if own is None or not unknown:
            return own, Partial.nothing()
        return None, Partial(own, ALL).forget(unknown)

    def _with_rule(self, reason: str, rule: str) -> str:
        """The verdict's sentence, and the one with which the policy explains its rule."""
        told = next((r.reason for r in self.destination.policy.rules if r.name == rule), "") if rule else ""
        return f"{reason} {told[:1].upper()}{told[1:]}" if told and told not in reason else reason


def _differences(
    reg_id: int,
    value: int,
    own: int | None,
    part: Partial,
    after: int | None,
    verdict: Verdict,
    values: Mapping[int, int],
) -> tuple[FieldDifference, ...]:
    """The fields in which the saved value differs from the destination's own or from what is read back."""
    whole = own if own is not None and own != value else after
    # An unknown bit may be anything: a field is shown only where its known bits differ, or where it decides.
    other = part if own is None and part.known else None if whole is None else Partial(whole, -1)
    if other is None or not (~other.known or other.value != value):
        return ()
    judged = {(f.msb, f.lsb): f for f in verdict.fields}
    found = []
    # Every field in the saved value's layout: a CCSIDR_EL1 of the other side may be in another one.
    for field in read(reg_id, value, values, include_reserved=True).fields:
        place = (field.msb, field.lsb)
        there = other.part(*place)
        decides = (place in judged and not judged[place].accepted) or field.name in verdict.uncertain
        if there.differs(Partial(field.value, -1)) or (decides and there.known != mask_of(*place) >> field.lsb):
            found.append(_difference(field.name, place, field.value, there, judged.get(place), verdict))
    return tuple(found)


def _difference(
    name: str, place: tuple[int, int], source: int, other: Partial, judged: JudgedField | None, verdict: Verdict
) -> FieldDifference:
    settled = other.known == ones(place[0] - place[1] + 1) and name not in verdict.uncertain
    return FieldDifference(
        name=name,
        msb=place[0],
        lsb=place[1],
        source=source,
        destination=other.value if settled else None,
        part=Partial.nothing() if settled else other,
        safe=judged.safe if judged else "",
        accepted=judged.accepted if judged else not verdict.errno,
        certain=judged is None or judged.fate != "uncertain",
        reason=judged.reason if judged else "",
    )
