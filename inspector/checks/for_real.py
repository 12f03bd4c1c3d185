"""The prediction that goes beside a write to a scratch vCPU: a model that starts from that vCPU's own fresh values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.checks.vcpu_setup import infer_setup
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.policies.model import Policy
    from inspector.policies.writes import Vm
    from inspector.sources.dump import Dump


def predict_writes(fresh: Dump, policy: Policy) -> Vm:
    """A model of the scratch vCPU that `fresh` shows. Raises InspectorError when no scratch vCPU could be made."""
    from inspector.policies.writes import Vm

    vcpu = next((v for v in fresh.vcpus if v.kind == "vcpu" and v.values), None)
    if vcpu is None:
        why = fresh.notes[0] if fresh.notes else "no scratch vCPU could be made"
        raise InspectorError(why, fresh.provenance.source, "needs an arm64 host whose /dev/kvm opens")
    return Vm.from_fresh(vcpu.values, policy, vcpu.setup or infer_setup(vcpu.values))
