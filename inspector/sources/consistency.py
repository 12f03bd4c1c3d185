"""What the vCPUs of one VM must agree on, and do not."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.registers.catalog import by_id
from inspector.registers.encoding import is_demux, sysreg_of
from inspector.registers.ids import CLIDR_EL1, MIDR_EL1
from inspector.sources.dump import Dump

_MPIDR_INDEX = 0xC005
"""Low 16 bits of MPIDR_EL1's id: the one identification register that tells vCPUs apart."""


def identifies(reg_id: int) -> bool:
    """True for registers that say what the CPU is, which therefore agree between the vCPUs of one VM.

    These are the ID space (op0 3, op1 0, CRn 0; MPIDR_EL1 excepted), CLIDR, CCSIDR in every form, AIDR, CTR and DCZID.
    """
    if is_demux(reg_id):
        return True
    reg = sysreg_of(reg_id)
    if reg is None or reg.op0 != 3 or reg.crn != 0 or reg.packed == _MPIDR_INDEX:
        return False
    return reg.op1 in (0, 1) or (reg.op1 == 3 and reg.crm == 0)


def differing_id_registers(dump: Dump) -> dict[int, tuple[int, ...]]:
    """Identification registers that differ between the vCPUs of one VM: id -> value of each vCPU, in their order.

    KVM keeps most ID registers once per VM, so a difference shows a bug (PSCI CPU_ON reset CLIDR_EL1 before 6.10) or
    of vCPUs created on unlike cores. Only ids that every vCPU lists are compared. Dumps whose vCPUs are
    VMs of their own give an empty result.
    """
    vcpus = _of_one_vm(dump)
    if len(vcpus) < 2:
        return {}
    shared = [i for i in vcpus[0] if identifies(i) and all(i in values for values in vcpus)]
    rows = {i: tuple(values[i] for values in vcpus) for i in shared}
    return {i: row for i, row in rows.items() if len(set(row)) > 1}


def why_unlike(reg_id: int) -> str:
    """How the vCPUs of one VM come to differ in an identification register; empty where no way is known."""
    if reg_id == CLIDR_EL1:
        from inspector.policies.eras import era_with

        era = era_with("clidr-reset-by-cpu-on")
        return f"Linux {era.since} to {era.last} reset it when a guest started a vCPU with PSCI CPU_ON"
    if reg_id == MIDR_EL1:
        return "the vCPUs were created on different cores (big.LITTLE): pin the VM to cores of one kind"
    return ""


def unlike_words(reg_id: int, values: Sequence[int | None]) -> str:
    """`CLIDR_EL1 differs between the vCPUs: vCPU 0: 0x3000123, vCPU 1: 0x1000004; Linux 6.3 to 6.9 ...`."""
    told = ", ".join(f"vCPU {at}: {'none' if one is None else f'0x{one:x}'}" for at, one in enumerate(values))
    why = why_unlike(reg_id)
    return f"{by_id(reg_id).name} differs between the vCPUs: {told}" + f"; {why}" * bool(why)


def _of_one_vm(dump: Dump) -> list[dict[int, int]]:
    return [dict(v.values) for v in dump.vcpus if v.kind == "vcpu"] if dump.one_vm else []
