"""Properties of the check and of the replacements that hold for any saved values."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.checks.machine.question import Given
from inspector.checks.remedies.replacements import replacement_of
from inspector.checks.restore.migration import migrate
from inspector.checks.vmms.table import VMM_NAMES
from inspector.registers.encoding import size_of
from inspector.reports.migration import migration_json, migration_markdown, migration_text
from inspector.sources.consistency import identifies
from tests.checks.material import shipped

_KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")
_BASE = {kernel: shipped("neoverse-n2", kernel) for kernel in _KERNELS}
_JUDGED = [i for i in _BASE["6.12"].vcpus[0].values if identifies(i) or i >> 16 & 0xFFF in (0x14, 0x16)]

kernels = st.sampled_from(_KERNELS)
mutations = st.dictionaries(st.sampled_from(_JUDGED), st.integers(0, (1 << 64) - 1) | st.integers(0, 15), max_size=12)


@settings(max_examples=60, deadline=None)
@given(old=kernels, new=kernels, vmm=st.sampled_from(VMM_NAMES), values=mutations)
def test_replacing_what_is_refused_leaves_nothing_refused(old: str, new: str, vmm: str, values: dict[int, int]) -> None:
    dump = _BASE[old]
    vcpu = dump.vcpus[0]
    narrow = {i: v & (1 << 8 * size_of(i)) - 1 for i, v in values.items() if i in vcpu.values}
    saved = msgspec.structs.replace(vcpu, values=dict(vcpu.values) | narrow)
    source = msgspec.structs.replace(dump, vcpus=(saved,))
    report = migrate(source, _BASE[new], Given(vmm=vmm), ways_out=False)
    refused = report.of_kind("refused")
    mended = {f.id: replacement_of(f) for f in refused}
    assert None not in mended.values()
    better = msgspec.structs.replace(saved, values=dict(saved.values) | {i: v or 0 for i, v in mended.items()})
    again = migrate(msgspec.structs.replace(dump, vcpus=(better,)), _BASE[new], Given(vmm=vmm), ways_out=False)
    assert not again.of_kind("refused")
    assert {f.id for f in again.of_kind("only_in_source")} == {f.id for f in report.of_kind("only_in_source")}


@settings(max_examples=25, deadline=None)
@given(new=kernels, vmm=st.sampled_from(VMM_NAMES), values=mutations, every=st.booleans())
def test_any_values_can_be_told(new: str, vmm: str, values: dict[int, int], every: bool) -> None:
    """Values wider than their registers as well: a damaged file must not end in a traceback."""
    dump = _BASE["6.1"]
    vcpu = dump.vcpus[0]
    source = msgspec.structs.replace(
        dump, vcpus=(msgspec.structs.replace(vcpu, values=dict(vcpu.values) | values),), host=None
    )
    report = migrate(source, _BASE[new], Given(vmm=vmm))
    assert report.exit_code in (0, 1) and (report.exit_code == 1) == (report.verdict == "fails")
    assert migration_text(report, every) and migration_markdown(report, every)
    found = [f["id"] for f in migration_json(report, every=True)["vcpus"][0]["findings"]]
    assert len(found) == len(set(found))
    assert bool(report.ways_out) == (report.verdict == "fails") or not report.fatal
