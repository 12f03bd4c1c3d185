"""What the gates of ID registers share: hooks before the check, then one bitmap of accepted values for each field.

The bitmaps decide and the words read the same ones. Bits outside the judged fields have to be what KVM offers
(arm64_check_features(), arch/arm64/kvm/sys_regs.c; before v6.5 reg comparison in set_id_reg()).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator
from errno import EBUSY, EINVAL
from typing import Self

import msgspec

from inspector.kvm.cases import ACCEPTED, Case
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.doubts import Doubt, fields_in_doubt, supposed, unknown_bits
from inspector.kvm.gates.gate import Fate, Gate, Part, Write
from inspector.kvm.host import HostState
from inspector.kvm.limits import SETTLED_BY
from inspector.kvm.state import VcpuState
from inspector.policies import model
from inspector.policies.model import Rule
from inspector.policies.register_rules import Hook
from inspector.policies.spans import FieldRule, signed_value
from inspector.registers.bits import ALL, mask_of
from inspector.registers.catalog import by_id
from inspector.registers.naming import name_of

_MOST_DOUBTS = 4096


class _Doubts:
    """What was found in doubt on the host that was asked about last."""

    of_host: tuple[HostState | None, dict[Hashable, tuple[Doubt, ...]]] = (None, {})
    """one tuple, replaced as a whole: the screens ask from several threads"""


class Judged(msgspec.Struct, frozen=True):
    """A field that may hold other values than KVM's own."""

    lsb: int
    ones: int
    """the field's mask, moved down to bit 0"""
    allowed: int
    """bit n is set when the field may hold n"""

    @property
    def mask(self) -> int:
        """The field's bits in the register."""
        return self.ones << self.lsb

    def takes(self, value: int) -> bool:
        """True for a register value whose field is accepted."""
        return bool(self.allowed >> (value >> self.lsb & self.ones) & 1)


class Prepared(msgspec.Struct, frozen=True):
    """A written value after the hooks."""

    value: int
    """what is checked"""
    extra: int
    """bits to add once it is accepted"""
    refused: Hook | None
    """the hook that refuses it"""


class IdGate(Gate):
    """An ID register whose written value passes hooks, then the bitmaps of its judged fields."""

    __slots__ = ("fixed", "hooks", "host", "judged", "limit", "raz")
    function = ""
    alone = True

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        hooks = exposure.book.of(reg_id).hooks
        self.hooks: tuple[Hook, ...] = tuple(hook for hook in hooks if exposure.applies(hook.rule))
        self.host = exposure.sanitised[reg_id].value
        self.limit = exposure.limit(reg_id)
        self.raz = exposure.raz(reg_id) is not None
        self.judged: tuple[Judged, ...] = ()
        self.fixed = ALL

    def judge(self, judged: tuple[Judged, ...]) -> None:
        """Take over the judged fields; every other bit is fixed."""
        self.judged = judged
        self.fixed = ALL & ~sum(field.mask for field in judged)

    @abstractmethod
    def beyond(self, field: FieldRule, written: int) -> str:
        """Why a judged field refuses a value, as a clause."""

    def frozen(self, vcpu: VcpuState) -> bool:
        """True when the register only takes what it holds."""
        return False

    def prepare(self, value: int) -> Prepared:
        """What the hooks make of a written value."""
        extra = 0
        for hook in self.hooks:
            field = value & hook.mask
            match hook.rule:
                case model.Tolerate():
                    if field == self.host & hook.mask:
                        value &= ~hook.mask
                case model.Keep():
                    if field and field == self.host & hook.mask:
                        value, extra = value & ~hook.mask, extra | field
                case model.Replace(written=written, taken=taken):
                    if field >> hook.lsb == written:
                        value = value & ~hook.mask | taken << hook.lsb
                case model.Refuse():
                    if refuses(hook.rule, field >> hook.lsb, (self.limit & hook.mask) >> hook.lsb):
                        return Prepared(value, extra, hook)
                case _:
                    pass
        return Prepared(value, extra, None)

    def decide(self, vcpu: VcpuState, value: int) -> int:
        """By the hooks, then by the bitmaps."""
        if self.hooks:
            prepared = self.prepare(value)
            return EINVAL if prepared.refused else self.check(vcpu, prepared.value, prepared.extra)
        return self.check(vcpu, value, 0)

    def check(self, vcpu: VcpuState, value: int, extra: int) -> int:
        """The errno of a value that the hooks let pass."""
        return self.checked(value)

    def takes(self, value: int) -> bool:
        """By the hooks and the bits of the value."""
        prepared = self.prepare(value)
        return prepared.refused is None and not self.checked(prepared.value)

    def checked(self, value: int) -> int:
        """The errno of such a value by the bits alone, whatever the VM holds."""
        if (value ^ self.limit) & self.fixed:
            return EINVAL
        for one in self.judged:
            if not one.allowed >> (value >> one.lsb & one.ones) & 1:
                return EINVAL
        return 0

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the VM, as the hooks leave it."""
        if self.hooks:
            prepared = self.prepare(value)
            value = prepared.value | prepared.extra
        vcpu.vm.stored[self.reg_id] = value

    # -- parts ----------------------------------------------------------------------------------------------------

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """Every field of the feature table; nameless bits follow where they are written."""
        prepared, frozen = self.prepare(value), self.frozen(vcpu)
        now = vcpu.value(self.reg_id) if frozen else 0
        by_lsb = {field.lsb: field for field in self.judged}
        found, covered = [], 0
        for field in self.exposure.book.fields(self.reg_id):
            covered |= field.mask
            judged = by_lsb.get(field.lsb)
            free = judged is not None and judged.mask == field.mask
            fate, reason = self._fate(field, judged if free else None, prepared, value)
            if prepared.refused is not None and prepared.refused.mask == field.mask:
                fate, reason = "refused", "a value that this kernel always refuses"
            elif frozen:
                same = not ((prepared.value | prepared.extra) ^ now) & field.mask
                fate, reason = ("kept", "") if same else ("refused", "frozen since the VM ran")
            if fate == "kept" and field.extract(prepared.value | prepared.extra) != field.extract(value):
                fate, reason = self._changed(field.mask, field.extract(prepared.value))
            safe = field.direction() if free else "equal"
            limit = field.extract(self.limit)
            errno = EBUSY if frozen else EINVAL
            found.append(Part(field.name, field.msb, field.lsb, limit, free, safe, fate, reason, errno))
        return (*found, *self._unnamed(value, prepared.value, covered, frozen))

    def _fate(self, field: FieldRule, judged: Judged | None, prepared: Prepared, value: int) -> tuple[Fate, str]:
        """By the bitmap of a judged field; another one has to be what KVM offers."""
        if judged is None:
            if not (prepared.value ^ self.limit) & field.mask:
                return "kept", ""
            taken = field.extract(prepared.value)
            because = "" if taken == field.extract(value) else f"taken as {taken}, "
            return "refused", f"{because}not writable, only the value that KVM offers"
        if judged.takes(prepared.value):
            return "kept", ""
        return "refused", self.beyond(field, field.extract(prepared.value))

    def _changed(self, mask: int, taken: int) -> tuple[Fate, str]:
        """What becomes of a field that is accepted but not kept as written."""
        replaced = any(isinstance(hook.rule, model.Replace) and hook.mask & mask for hook in self.hooks)
        if replaced or taken:
            return "replaced", f"accepted and taken as {taken}"
        return "ignored", "accepted and ignored"

    def _unnamed(self, value: int, prepared: int, covered: int, frozen: bool) -> Iterator[Part]:
        """Bits that the feature table lacks, where they are written with something: by the architecture's names."""
        if not (value ^ self.limit) & ALL & ~covered:
            return
        schema = by_id(self.reg_id).schema
        spans = [(s.name, s.msb, s.lsb) for s in schema.spans if not s.reserved] if schema is not None else []
        for name, msb, lsb in [*spans, *((f"[{n + 3}:{n}]", n + 3, n) for n in range(60, -1, -4))]:
            mask = mask_of(msb, lsb)
            if mask & covered and name.startswith("["):
                # What a field leaves of four bits is shown by its own place.
                mask &= ~covered
                msb, lsb = mask.bit_length() - 1, (mask & -mask).bit_length() - 1
                name = f"[{msb}:{lsb}]"
            if mask & covered or not (value ^ self.limit) & mask:
                continue
            covered |= mask
            reason = "frozen since the VM ran" if frozen else "bits that this kernel shows as zero"
            fate: Fate = "refused" if (prepared ^ self.limit) & mask else "kept"
            errno = EBUSY if frozen else EINVAL
            yield Part(name, msb, lsb, (self.limit & mask) >> lsb, False, "equal", fate, reason, errno)

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By every value of what is not known of the host's register or of the limit, then by every open condition."""
        found: tuple[Doubt, ...] = ()
        exposure, reg_id = self.exposure, self.reg_id
        unknown = unknown_bits(exposure, reg_id)
        if unknown and (self.frozen(vcpu) or unknown & (value | self.limit | ~self._zero_is_safe())):
            found += self._fields_in_doubt(vcpu, value)
        for word in sorted(self._open_words()):
            found += self._by_condition(word, vcpu, value)
        return found

    def _fields_in_doubt(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By every value of what is not known; worked out once for all kernels of one host that treat it alike."""
        exposure, reg_id = self.exposure, self.reg_id
        asked = (
            type(self), type(exposure), reg_id, value, vcpu.vm.stored[reg_id], vcpu.vm.ran,
            vcpu.vm.open_bits.get(reg_id), exposure.limits[reg_id],
            exposure.sanitised[reg_id], exposure.setup, exposure.conditions, exposure.open_conditions,
            vcpu.vm.exposure.limits[reg_id], exposure.book.of(reg_id),
        )  # fmt: skip
        host, found = _Doubts.of_host
        if host is not exposure.host or len(found) > _MOST_DOUBTS:
            found = {}
            _Doubts.of_host = exposure.host, found
        held = found.get(asked)
        if held is None:
            tried = ((state, self._as(state)._tried(vcpu, value)) for state in supposed(exposure, reg_id))
            held = found[asked] = fields_in_doubt(exposure, reg_id, tried)
        return held

    def _zero_is_safe(self) -> int:
        """The bits of judged fields that accept zero whatever the limit is."""
        fields = self.exposure.book.fields(self.reg_id)
        lower = sum(field.mask for field in fields if field.safe == "lower" and not field.signed)
        return lower & ~self.fixed

    def _as(self, exposure: Exposure) -> Self:
        """This gate in another state of what is not known."""
        return type(self)(exposure, self.reg_id)

    def _tried(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The parts as this state judges them; a register that nobody wrote holds this state's limit, but for what
        the first run made of it."""
        stored, reg_id = vcpu.vm.stored, self.reg_id
        held = stored[reg_id]
        open_ = vcpu.vm.open_bits.get(reg_id, ~(held ^ vcpu.vm.exposure.limit(reg_id)))
        stored[reg_id] = held & ~open_ | self.limit & open_
        parts = self.parts(vcpu, value)
        stored[reg_id] = held
        return parts

    def _open_words(self) -> frozenset[str]:
        """The conditions of this register's rules that are not known to hold or not."""
        exposure, reg_id = self.exposure, self.reg_id
        if not exposure.open_conditions:
            return frozenset()
        said = exposure.book.of(reg_id)
        rules = [
            *(step.rule for step in said.steps), *said.raz, *(rule for _, rule in said.writable),
            *(hook.rule for hook in said.hooks),
        ]  # fmt: skip
        return frozenset().union(*(exposure.open_words(rule) for rule in rules if rule.when or rule.unless))

    def _by_condition(self, word: str, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """The parts whose fate differs with and without one condition."""
        both = []
        for conditions in (self.exposure.conditions | {word}, self.exposure.conditions - {word}):
            gate = self._as(self.exposure.assuming(conditions))
            both.append({part.name: part for part in gate._tried(vcpu, value)})
        found = []
        for name in dict.fromkeys((*both[0], *both[1])):
            told = [parts[name].outcome if name in parts else ACCEPTED for parts in both]
            if told[0] != told[1]:
                words = model.CONDITION_WORDS[word]
                cases = [
                    Case(
                        when=f"{how} {words}",
                        outcome=outcome.text,
                        errno=outcome.errno,
                        settle=f"--host {settled}",
                    )
                    for how, outcome, settled in zip(("with", "without"), told, SETTLED_BY[word], strict=True)
                ]
                found.append(Doubt(name, words, tuple(cases)))
        return tuple(found)

    # -- other values -----------------------------------------------------------------------------------------------

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """Every refused field replaced: by its nearest accepted value, then by the limit."""
        yield self._fitted(value, near=True)
        yield self._fitted(value, near=False)

    def _fitted(self, value: int, near: bool) -> int:
        prepared = self.prepare(value)
        result = self.limit & self.fixed | prepared.value & ~self.fixed & ALL
        named = {field.lsb: field for field in self.exposure.book.fields(self.reg_id)}
        for judged in self.judged:
            written = prepared.value >> judged.lsb & judged.ones
            barred = {v for v in range(judged.ones + 1) if not judged.allowed >> v & 1} | self._barred(judged)
            if written in barred:
                choices = [v for v in range(judged.ones + 1) if v not in barred]
                limit = self.limit >> judged.lsb & judged.ones
                best = _nearest(choices, written, named.get(judged.lsb), limit) if near else limit
                result = result & ~judged.mask | best << judged.lsb
        if value & ~prepared.value and prepared.refused is None:
            result |= self._dropped(value, prepared.value)
        return result

    def _barred(self, judged: Judged) -> set[int]:
        """Values of a field that a hook always refuses."""
        limit = self.limit >> judged.lsb & judged.ones
        rules = [h.rule for h in self.hooks if h.lsb == judged.lsb and isinstance(h.rule, model.Refuse)]
        return {v for rule in rules for v in range(judged.ones + 1) if refuses(rule, v, limit)}

    def _dropped(self, value: int, prepared: int) -> int:
        """Fields whose old value is accepted and dropped stay as written."""
        kinds = model.Tolerate | model.Keep
        dropped = (h.mask for h in self.hooks if isinstance(h.rule, kinds) and value & h.mask and not prepared & h.mask)
        bits = 0
        for mask in dropped:
            bits |= value & mask
        return bits

    # -- words ------------------------------------------------------------------------------------------------------

    def refusal(self, value: int) -> str:
        """Where no single field is to blame."""
        return "not what this kernel takes"

    def acceptance(self, write: Write) -> str:
        """Where nothing was changed on the way."""
        if write.value == self.limit and self.exposure.limit_known(self.reg_id) == ALL:
            return "equal to what KVM offers"
        return "every field is within what KVM offers"

    def rule(self) -> Rule | None:
        """The rule about how this kernel keeps ID registers."""
        return self.exposure.book.special_rule("id-registers")

    def why(self, write: Write) -> tuple[Rule | None, str]:
        """By the hook, the field, or the register as a whole."""
        return self._why_refused(write) if write.errno else self._why_accepted(write)

    def _why_refused(self, write: Write) -> tuple[Rule | None, str]:
        name, hook = name_of(self.reg_id), self.prepare(write.value).refused
        if hook:
            field = (write.value & hook.mask) >> hook.lsb
            return hook.rule, f"{name}.{hook.name} = {field} is refused: {hook.rule.reason}"
        if write.errno == EBUSY:
            return self.rule(), f"{name} cannot change once the VM has run."
        if self.raz:
            return self.exposure.raz(self.reg_id), f"{name} reads as zero here and takes only zero."
        bad = [part for part in write.parts if not part.accepted]
        if not bad:
            return super().why(write)
        first, others = bad[0], f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        written = (write.value & mask_of(first.msb, first.lsb)) >> first.lsb
        limit = "" if first.safe.startswith("exact") else f" ({first.limit})"
        return self._rule_behind(first), f"{name}.{first.name} = {written} is refused: {first.reason}{limit}{others}."

    def _why_accepted(self, write: Write) -> tuple[Rule | None, str]:
        name, value = name_of(self.reg_id), write.value
        if write.after is not None and write.after != value:
            lost = [part for part in write.parts if part.fate in ("ignored", "replaced")]
            hooks = [hook for hook in self.hooks if any(hook.name == part.name for part in lost)]
            what = next((part.reason for part in lost if part.fate == "replaced"), "accepted, but not kept")
            fields = ", ".join(part.name for part in lost) or "value"
            rule = hooks[0].rule if hooks else self.rule()
            return rule, f"{name}.{fields}: {what}; the register reads back 0x{write.after:x}."
        for hook in self.hooks:
            if isinstance(hook.rule, model.Keep) and value & hook.mask:
                text = f"{name}.{hook.name} is masked until userspace sets it: it now reads back as written."
                return hook.rule, text
        rule = self.exposure.writable(self.reg_id)[1] if value != self.limit else None
        return rule or self.rule(), f"{name}: {self.acceptance(write)}."

    def _rule_behind(self, part: Part) -> Rule | None:
        """The last rule that changed the part between host and limit, else the one that makes it writable."""
        mask = mask_of(part.msb, part.lsb)
        for trace in reversed(self.exposure.traces(self.reg_id)):
            if trace.touches(mask):
                return trace.step.rule
        return (self.exposure.writable(self.reg_id)[1] if part.writable else None) or self.rule()


def refuses(rule: model.Refuse, field: int, limit: int) -> bool:
    """True when a refuse rule bars this value of the field that KVM offers as `limit`."""
    if rule.only_limit_or is not None and field != limit and field not in rule.only_limit_or:
        return True
    return field < rule.below or field in rule.values


def _nearest(choices: list[int], written: int, field: FieldRule | None, limit: int) -> int:
    """The choice closest to what was written, in the field's own number system; the limit where there is none."""

    def number(value: int) -> int:
        return signed_value(value, field.width) if field is not None and field.signed else value

    return min(choices, key=lambda v: (abs(number(v) - number(written)), v), default=limit)
