"""Writes to a scratch vCPU with their predictions, by a model that starts from that vCPU's own fresh values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from inspector.errors import InspectorError
from inspector.kvm.cases import Branch
from inspector.kvm.inference.fresh import fresh_vm
from inspector.kvm.verdict import Verdict
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.kvm.words.kernels import merge_verdicts
from inspector.policies.model import Policy
from inspector.sources.dump import Dump
from inspector.sources.live.scratch import ActualWrite, write_to_scratch
from inspector.sources.live.source import LiveOptions
from inspector.sources.vcpu_setup import infer_setup

Comparison = Literal["as predicted", "not as predicted", "one of the cases that were predicted"]


class PairedWrite(NamedTuple):
    """One write as it was predicted, and as KVM answered it."""

    predicted: Verdict
    actual: ActualWrite

    @property
    def agrees(self) -> bool:
        """True when errno and, where it can be predicted, the value read back are as predicted.

        Of a prediction that is uncertain the errno has to be that of one of its cases.
        """
        return self.compared != "not as predicted"

    @property
    def compared(self) -> Comparison:
        """The actual answer beside the predicted one, in words."""
        predicted, actual = self
        if not predicted.certain:
            known = not predicted.cases or actual.errno in {case.errno for case in predicted.cases}
            return "one of the cases that were predicted" if known else "not as predicted"
        after = None if actual.after is None else actual.after & predicted.after_known
        alike = predicted.after is None or predicted.after & predicted.after_known == after
        return "as predicted" if alike and predicted.errno == actual.errno else "not as predicted"


class ScratchWrites(NamedTuple):
    """Writes that were made in order on one scratch vCPU."""

    model: Vm
    """the VM that predicted them, under the policy that was chosen"""
    pairs: tuple[PairedWrite, ...]


def write_and_predict(
    address: str, writes: Sequence[tuple[int, int]], policies: Sequence[Policy], options: LiveOptions | None = None
) -> ScratchWrites:
    """Make writes on one fresh scratch vCPU of a live source, in order; what was predicted beside what KVM answered.

    `policies`: those that its kernel may have, the chosen one first. The prediction starts from that vCPU's own values,
    read before the first write. Nothing here can reach a running VM. Raises SourceError when no scratch vCPU can be
    made there.
    """
    fresh, actual = write_to_scratch(address, writes, options)
    return paired(fresh, policies, actual)


def paired(fresh: Dump, policies: Sequence[Policy], actual: Sequence[ActualWrite]) -> ScratchWrites:
    """Writes that were made, in order, on a vCPU that began as `fresh`, each with its prediction."""
    models = tuple(predict_writes(fresh, policy) for policy in policies)
    pairs = []
    for done in actual:
        answers = [Branch(model.policy, explain_write(model.vcpu(0), done.id, done.value)) for model in models]
        pairs.append(PairedWrite(merge_verdicts(answers), done))
    return ScratchWrites(models[0], tuple(pairs))


def predict_writes(fresh: Dump, policy: Policy) -> Vm:
    """A model of the scratch vCPU that `fresh` shows. Raises InspectorError when no scratch vCPU could be made."""
    vcpu = next((v for v in fresh.vcpus if v.kind == "vcpu" and v.values), None)
    if vcpu is None:
        why = fresh.notes[0] if fresh.notes else "no scratch vCPU could be made"
        raise InspectorError(why, fresh.provenance.source, "needs an arm64 host whose /dev/kvm opens")
    return fresh_vm(vcpu.values, policy, vcpu.setup or infer_setup(vcpu.values))
