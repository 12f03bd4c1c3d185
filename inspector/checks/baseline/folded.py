"""Hosts of a baseline as parts of a fold: of each dump only what its host and kernel decide, equal ones once.

A dump of one fresh vCPU is packed; any other goes into the part as a dump of ours, without the guest's own state.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from inspector.checks.compare.sets import is_feature_register
from inspector.checks.fleet.packing import packer, shape_of
from inspector.checks.fleet.part import Group, Part, member
from inspector.checks.fleet.tally import Tally
from inspector.checks.fleet.written import read_back, written
from inspector.errors import InspectorError
from inspector.policies.setup import VcpuSetup
from inspector.registers.ids import PMCR_EL0
from inspector.sources.dump import Accelerator, Constraint, Dump, FormatName, Host, Provenance, Vcpu
from inspector.sources.vcpu_setup import setup_of
from inspector.untrusted import Untrusted

_Pairs: TypeAlias = tuple[tuple[int, int], ...]
_GUESTS_BITS = 0xFF
"""Bits of PMCR_EL0 that the guest writes; above are the number of counters and the implementer's."""


def add_host(tally: Tally, dump: Dump, position: int) -> None:
    """Take in the host that a dump shows. Raises InspectorError when it shows none."""
    if not any(v.kind == "vcpu" and v.values for v in dump.vcpus) and dump.host is None:
        raise InspectorError("holds no vCPU and no host registers", dump.provenance.source)
    given = dump.provenance
    if is_plain(dump):
        vcpu = dump.vcpus[0]
        values = {**vcpu.values, PMCR_EL0: counters_of(vcpu)} if PMCR_EL0 in vcpu.values else vcpu.values
        packed, about = Vcpu(index=0, values=values), _about(dump, vcpu)
    else:
        packed, about = Vcpu(index=0, values={}), written(_without_state(dump))
    tally.dumps += 1  # from here on nothing is refused: a dump counts, or it is one that cannot be read
    tally.add(packed, about, member(position, 0, given.source, given.source, given.host.shown))


def is_plain(dump: Dump) -> bool:
    """True for a dump of one vCPU that is known as a whole."""
    if len(dump.vcpus) != 1:
        return False
    vcpu = dump.vcpus[0]
    return vcpu.kind == "vcpu" and bool(vcpu.values) and not vcpu.errors and not vcpu.constraints


def counters_of(vcpu: Vcpu) -> int:
    """PMCR_EL0 without what the guest writes."""
    return vcpu.values[PMCR_EL0] & ~_GUESTS_BITS


def _about(dump: Dump, vcpu: Vcpu) -> bytes:
    """What a plain dump says but for the values of its vCPU. Few hosts of a fleet differ in it."""
    host = dump.host
    given = dump.provenance
    texts = (given.kernel.raw, given.kernel_version.raw, given.cmdline.raw, given.format, given.accelerator)
    raw = None if host is None else (tuple(host.values.items()), tuple(host.known.items()), tuple(host.ccsidr.items()))
    view = "raw" if host is None else host.view
    return _plain_about(texts, setup_of(vcpu), raw, view, tuple(dump.capabilities.items()), dump.one_vm)


@lru_cache(maxsize=4096)
def _plain_about(
    texts: tuple[str, str, str, FormatName, Accelerator],
    setup: VcpuSetup | None,
    raw: tuple[_Pairs, _Pairs, _Pairs] | None,
    view: Literal["raw", "el0"],
    capabilities: tuple[tuple[str, int], ...],
    one_vm: bool,
) -> bytes:
    kernel, version, cmdline, form, accelerator = texts
    host = Host(values=dict(raw[0]), known=dict(raw[1]), ccsidr=dict(raw[2]), view=view) if raw else None
    provenance = Provenance(
        format=form, kernel=Untrusted(kernel), kernel_version=Untrusted(version), cmdline=Untrusted(cmdline),
        accelerator=accelerator,
    )  # fmt: skip
    vcpu = Vcpu(index=0, values={}, setup=setup)
    return written(
        Dump(provenance=provenance, vcpus=(vcpu,), host=host, capabilities=dict(capabilities), one_vm=one_vm)
    )


def _without_state(dump: Dump) -> Dump:
    """A dump with nothing of the guest's own state: such registers stay in the lists, as 0."""
    given = dump.provenance
    provenance = Provenance(
        format=given.format, kernel=given.kernel, kernel_version=given.kernel_version, cmdline=given.cmdline,
        accelerator=given.accelerator,
    )  # fmt: skip
    vcpus = tuple(
        msgspec.structs.replace(
            v,
            values={
                i: value if is_feature_register(i) else value & ~_GUESTS_BITS if i == PMCR_EL0 else 0
                for i, value in v.values.items()
            },
            constraints={
                i: one if is_feature_register(i) else Constraint(0, 0) for i, one in v.constraints.items()
            },
            setup=setup_of(v) if v.kind == "vcpu" and v.values else v.setup,
            guest={}, writable_masks=None, mp_state="", offsets={},
        )
        for v in dump.vcpus
    )  # fmt: skip
    return msgspec.structs.replace(dump, provenance=provenance, vcpus=vcpus, cpus=(), el0={}, notes=(), absent=())


def dump_of(group: Group, part: Part) -> Dump:
    """The dump that stands for a group, under the name of its first member."""
    told = read_back(part.pieces[group.about])
    first = group.members[0]
    provenance = told.provenance.told(source=first.source, host=first.host)
    vcpus = told.vcpus
    ids, kept = shape_of(part.pieces[group.shape])
    if ids:
        values = dict.fromkeys(ids, 0) | packer(kept).unpack(group.values)
        vcpus = (msgspec.structs.replace(vcpus[0], values=values),)
    return msgspec.structs.replace(told, provenance=provenance, vcpus=vcpus)
