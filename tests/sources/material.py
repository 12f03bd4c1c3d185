"""Dumps that are made in memory, and the questions of a recording whose answers are missing."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.policies.setup import VcpuSetup
from inspector.registers.encoding import hex_id
from inspector.sources.dump import Dump, Kind, Provenance, Vcpu

CTR, CLIDR, DFR0 = 0x603000000013D801, 0x603000000013C801, 0x603000000013C028
QUESTIONS: list[dict[str, object]] = [
    {"type": "recording", "version": 1, "cpu": "made up", "kernel": "6.12.107"},
    {"type": "host", "regs": {hex_id(CTR): "0x86668006", hex_id(CLIDR): "0x80000023"}, "ccsidr": {"0": "0x7007e01c"}},
    {"type": "kernel", "release": "6.12.107", "version": "#1"},
    {"type": "vcpu", "config": "minimal", "features": 4},
    {"type": "get", "id": hex_id(DFR0)},
    {"type": "guest", "id": hex_id(DFR0)},
    {"type": "set", "phase": "field", "id": hex_id(DFR0), "value": "0x0"},
    {"type": "odd", "id": "0x603000000013c007"},
    {"type": "writable_masks"},
    {"type": "run"},
]


def dump_of(
    *values: Mapping[int, int],
    source: str = "made.json",
    kind: Kind = "vcpu",
    setup: VcpuSetup | None = None,
    **provenance: str,
) -> Dump:
    """A dump with a vCPU for each mapping of ids to values."""
    vcpus = tuple(Vcpu(index=index, values=dict(one), kind=kind, setup=setup) for index, one in enumerate(values))
    return Dump(provenance=Provenance(source=source, format="model").told(**provenance), vcpus=vcpus)


SHOWN = """\
From 1234567890abcdef1234567890abcdef12345678 Mon Sep 17 00:00:00 2001
From: Somebody <s@example.org>
Subject: [PATCH v2 3/7] KVM: arm64: Show one more field

One more field for guests.
---
 arch/arm64/kvm/sys_regs.c | 5 +++--
 1 file changed, 3 insertions(+), 2 deletions(-)

diff --git a/arch/arm64/kvm/sys_regs.c b/arch/arm64/kvm/sys_regs.c
index 0123456789ab..ba9876543210 100644
--- a/arch/arm64/kvm/sys_regs.c
+++ b/arch/arm64/kvm/sys_regs.c
@@ -1805,5 +1805,5 @@ static u64 shown(const struct kvm_vcpu *vcpu)
 \tcase SYS_ID_AA64ISAR3_EL1:
-\t\tval &= ID_AA64ISAR3_EL1_FAMINMAX;
+\t\tval &= ID_AA64ISAR3_EL1_FAMINMAX | ID_AA64ISAR3_EL1_LSUI;
 \t\tbreak;
 \tcase SYS_ID_AA64MMFR2_EL1:
 \t\tval &= ~ID_AA64MMFR2_EL1_CCIDX_MASK;
@@ -3249,2 +3249,3 @@ static const struct sys_reg_desc sys_reg_descs[] = {
 \t{ SYS_DESC(SYS_CONTEXTIDR_EL1), access_vm_reg, reset_val, CONTEXTIDR_EL1, 0 },
-\t{ SYS_DESC(SYS_SCTLR_EL1), access_vm_reg, reset_val, SCTLR_EL1, 0x00C50078 },
+\tID_WRITABLE(ID_AA64ISAR3_EL1, ID_AA64ISAR3_EL1_LSUI),
+\t{ SYS_DESC(SYS_SCTLR_EL1), access_vm_reg, reset_val, SCTLR_EL1, 0x30C50078 },
--\x20
2.39.2
"""
"""A patch, as a mail carries it"""
