"""Field by field: what a handler makes of a written value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inspector.kvm import gates as handlers
from inspector.kvm.fabricated import min_line
from inspector.kvm.firmware import BITMAPS
from inspector.kvm.verdict import JudgedField
from inspector.policies import model
from inspector.registers.bits import ALL, mask_of, ones
from inspector.registers.ids import CTR_EL0, MIDR_EL1

if TYPE_CHECKING:
    from inspector.kvm.vm import Vcpu


def judge_fields(vcpu: Vcpu, gate: handlers.Gate, value: int) -> tuple[JudgedField, ...]:
    """Every field that the handler looks at, most significant first; nameless bits follow where they are written."""
    return _judge_id(vcpu, gate, value) if isinstance(gate, handlers.Hooked) else _judge_other(vcpu, gate, value)


def _judge_id(vcpu: Vcpu, gate: handlers.Hooked, value: int) -> tuple[JudgedField, ...]:
    """The fields of an ID register, or of CTR_EL0 where it is kept like one."""
    exposure, reg_id = gate.exposure, gate.reg_id
    now = vcpu.value(reg_id)
    prepared, extra, refused = gate.prepare(value)
    writable, _ = exposure.writable(reg_id)
    stored = isinstance(gate, handlers.Stored) and not gate.raz
    frozen = vcpu.vm.ran and isinstance(gate, handlers.Stored)
    judged, covered = [], 0
    for field in exposure.book.fields(reg_id):
        covered |= field.mask
        limit, written = field.extract(gate.limit), field.extract(value)
        free = stored and field.mask & ~writable == 0
        if isinstance(gate, handlers.Compared):
            free = bool(field.mask & gate.free)
        if isinstance(gate, handlers.Mirrored):
            free = field.lsb == gate.lsb and field.name in ("PMUVer", "PerfMon")
        accepted, reason = True, ""
        if refused and refused.mask == field.mask:
            accepted, reason = False, "a value that this kernel always refuses"
        elif frozen:
            accepted = field.extract(prepared | extra) == field.extract(now)
            reason = "" if accepted else "frozen since the VM ran"
        elif free and stored:
            accepted = bool(field.allowed(limit) >> field.extract(prepared) & 1)
            reason = "" if accepted else _beyond(field.safe, field.extract(prepared), limit)
        elif not free:
            accepted = field.extract(prepared) == limit
            reason = "" if accepted else "not writable, only the value that KVM offers"
        else:
            accepted, reason = _special_field(vcpu, gate, field.name, written)
        if accepted and field.extract(prepared | extra) != written:
            reason = _changed_by(gate, field.mask, field.extract(prepared))
        judged.append(
            JudgedField(
                name=field.name, msb=field.msb, lsb=field.lsb, now=field.extract(now), written=written, limit=limit,
                writable=free, safe=field.direction() if free else "equal", accepted=accepted, reason=reason,
            )
        )  # fmt: skip
    return (*judged, *_unnamed(gate, value, prepared, covered, now, frozen))


def _changed_by(gate: handlers.Hooked, mask: int, taken: int) -> str:
    """What becomes of a field that is accepted but not kept as written."""
    replaced = any(isinstance(hook.rule, model.Replace) and hook.mask & mask for hook in gate.hooks)
    return f"accepted and taken as {taken}" if replaced or taken else "accepted and ignored"


def _beyond(safe: str, written: int, limit: int) -> str:
    if safe.startswith("exact"):
        return f"only {limit} or {safe[6:]}"
    return "above the limit" if safe == "lower" else "below the limit"


def _special_field(vcpu: Vcpu, gate: handlers.Hooked, name: str, written: int) -> tuple[bool, str]:
    """CSV2 and CSV3 up to v6.4; the mirrored PMU version of v6.2 to v6.4."""
    if isinstance(gate, handlers.Compared):
        safe = gate.spectre_safe if name == "CSV2" else gate.meltdown_safe
        good = written <= 1 and (not written or safe)
        return good, "" if good else "more than the host's mitigation state allows"
    if isinstance(gate, handlers.Mirrored):
        good = gate.field_accepted(written)
        return good, "" if good else "no PMU version that this vCPU can have"
    return True, ""


def _unnamed(
    gate: handlers.Hooked, value: int, prepared: int, covered: int, now: int, frozen: bool
) -> tuple[JudgedField, ...]:
    """Bits that the feature table does not know, where they are written with something: by the architecture's names."""
    from inspector.registers.catalog import by_id

    schema = by_id(gate.reg_id).schema
    spans = [(s.name, s.msb, s.lsb) for s in schema.spans if not s.reserved] if schema is not None else []
    groups = []
    for name, msb, lsb in [*spans, *((f"[{n + 3}:{n}]", n + 3, n) for n in range(60, -1, -4))]:
        mask = mask_of(msb, lsb)
        if mask & covered and name.startswith("["):
            # What a field leaves of four bits is told by its own place.
            mask &= ~covered
            msb, lsb = mask.bit_length() - 1, (mask & -mask).bit_length() - 1
            name = f"[{msb}:{lsb}]"
        if mask & covered or not (value ^ gate.limit) & mask:
            continue
        covered |= mask
        width = ones(msb - lsb + 1)
        groups.append(
            JudgedField(
                name=name, msb=msb, lsb=lsb, now=now >> lsb & width, written=value >> lsb & width,
                limit=gate.limit >> lsb & width, writable=False, safe="equal",
                accepted=(prepared ^ gate.limit) & mask == 0,
                reason="frozen since the VM ran" if frozen else "bits that this kernel shows as zero",
            )
        )  # fmt: skip
    return tuple(groups)


class _Span(NamedTuple):
    """One part of a register outside the ID space, as its handler judges it."""

    name: str
    msb: int
    lsb: int
    limit: int
    writable: bool
    safe: str
    accepted: bool
    reason: str


def _judge_other(vcpu: Vcpu, gate: handlers.Gate, value: int) -> tuple[JudgedField, ...]:
    """The parts of a cache, implementation-id, PMU or firmware register."""
    now = vcpu.value(gate.reg_id)
    good = vcpu.would_accept(gate.reg_id, value) == 0

    def part(span: _Span) -> JudgedField:
        mask = ones(span.msb - span.lsb + 1)
        return JudgedField(
            name=span.name, msb=span.msb, lsb=span.lsb, now=now >> span.lsb & mask, written=value >> span.lsb & mask,
            limit=span.limit, writable=span.writable, safe=span.safe, accepted=span.accepted,
            reason="" if span.accepted else span.reason,
        )  # fmt: skip

    return tuple(part(span) for span in _spans(vcpu, gate, value, now, good))


def _spans(vcpu: Vcpu, gate: handlers.Gate, value: int, now: int, good: bool) -> list[_Span]:
    match gate:
        case handlers.Clidr():
            return _clidr_spans(gate, value)
        case handlers.Ccsidr():
            least = min_line(gate.exposure.limit(CTR_EL0), gate.csselr)
            fits = value & 7 >= least
            return [
                _Span("[31:3]", 31, 3, (1 << 29) - 1, True, "any", True, ""),
                _Span("LineSize", 2, 0, least, True, "higher", fits, "shorter than the host's lines"),
            ]
        case handlers.Pmcr():
            return [_Span("N", 15, 11, gate.exposure.pmcr_counters, not vcpu.vm.ran, "lower", True, "")]
        case handlers.Implementation() if gate.reg_id == MIDR_EL1:
            return [
                _Span("[63:32]", 63, 32, 0, False, "equal", value >> 32 == 0, "reserved"),
                _Span("MIDR", 31, 0, now & 0xFFFFFFFF, vcpu.vm.setup.writable_imp_id, "any", good or value >> 32 != 0,
                      "needs the capability, before the first run"),
            ]  # fmt: skip
        case handlers.Oslsr():
            return [
                _Span("others", 63, 2, 2, False, "equal", value >> 2 == 2, "only OSLK may change"),
                _Span("OSLK", 1, 1, 1, True, "any", True, ""),
                _Span("OSLM[0]", 0, 0, 0, False, "equal", not value & 1, "only OSLK may change"),
            ]
        case handlers.Workaround():
            reason = "more than this host provides"
            return [_Span("level", 63, 0, now, True, "lower", good, reason)]
        case handlers.Psci():
            return [_Span("version", 63, 0, gate.versions[-1], True, "one of a list", good, "not offered")]
        case handlers.Bitmap():
            reason = "unknown services" if value & ~BITMAPS[gate.reg_id] else "frozen since the VM ran"
            return [_Span("services", 63, 0, BITMAPS[gate.reg_id], not vcpu.vm.ran, "subset", good, reason)]
        case handlers.Plain():
            return [_Span("value", 63, 0, ALL, True, "any", True, "")]
        case handlers.Invariant() if fields := gate.exposure.book.fields(gate.reg_id):
            covered = sum(field.mask for field in fields)
            spans = [
                _Span(f.name, f.msb, f.lsb, f.extract(now), False, "equal", not (value ^ now) & f.mask, "invariant")
                for f in fields
            ]
            if (value ^ now) & ~covered & ALL:
                spans.append(_Span("others", 63, 0, now, False, "equal", False, "invariant"))
            return spans
        case _:
            msb = 31 if gate.reg_id >> 52 & 0xF == 2 else 63
            free = type(gate) is handlers.Gate
            return [_Span("value", msb, 0, now, free, "any" if free else "equal", good, "invariant")]


def _clidr_spans(gate: handlers.Clidr, value: int) -> list[_Span]:
    """Only the reserved bits and the points of coherency and unification are judged."""
    loc, louu, louis = value >> 24 & 7, value >> 27 & 7, value >> 21 & 7
    host_idc = gate.exposure.limit(CTR_EL0) >> 28 & 1
    reason = "promises that no clean to the point of unification is needed, which the host's CTR_EL0.IDC denies"
    return [
        _Span("RES0", 63, 47, 0, False, "equal", value >> 47 == 0, "reserved"),
        _Span("[46:30]", 46, 30, (1 << 17) - 1, True, "any", True, ""),
        _Span("LoUU", 29, 27, 7, True, "any", bool(host_idc or loc == 0 or louu or louis), reason),
        _Span("LoC", 26, 24, 7, True, "any", bool(host_idc or loc), reason),
        _Span("LoUIS", 23, 21, 7, True, "any", bool(host_idc or loc == 0 or louu or louis), reason),
        _Span("[20:0]", 20, 0, (1 << 21) - 1, True, "any", True, ""),
    ]
