"""Writes to a scratch vCPU with their predictions, by a model that starts from that vCPU's own fresh values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.errors import InspectorError
from inspector.kvm.inference.fresh import fresh_vm
from inspector.kvm.verdict import Verdict
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.model import Policy
from inspector.sources.dump import Dump
from inspector.sources.live.scratch import ActualWrite, write_to_scratch
from inspector.sources.live.source import LiveOptions
from inspector.sources.vcpu_setup import infer_setup


class PairedWrite(NamedTuple):
    """One write as it was predicted, and as KVM answered it."""

    predicted: Verdict
    actual: ActualWrite

    @property
    def agrees(self) -> bool:
        """True when errno and, where it can be predicted, the value read back are as predicted."""
        return self.predicted.errno == self.actual.errno and self.predicted.after in (None, self.actual.after)


class ScratchWrites(NamedTuple):
    """Writes that were made in order on one scratch vCPU."""

    model: Vm
    """the VM that predicted them"""
    pairs: tuple[PairedWrite, ...]


def write_and_predict(
    address: str, writes: Sequence[tuple[int, int]], policy: Policy, options: LiveOptions | None = None
) -> ScratchWrites:
    """Make writes on one fresh scratch vCPU of a live source, in order; what was predicted beside what KVM answered.

    The prediction starts from that vCPU's own values, read before the first write. Nothing here can reach a running VM.
    Raises SourceError when no scratch vCPU can be made there.
    """
    fresh, actual = write_to_scratch(address, writes, options)
    model = predict_writes(fresh, policy)
    vcpu = model.vcpu(0)
    pairs = (PairedWrite(explain_write(vcpu, *one), done) for one, done in zip(writes, actual, strict=True))
    return ScratchWrites(model, tuple(pairs))


def predict_writes(fresh: Dump, policy: Policy) -> Vm:
    """A model of the scratch vCPU that `fresh` shows. Raises InspectorError when no scratch vCPU could be made."""
    vcpu = next((v for v in fresh.vcpus if v.kind == "vcpu" and v.values), None)
    if vcpu is None:
        why = fresh.notes[0] if fresh.notes else "no scratch vCPU could be made"
        raise InspectorError(why, fresh.provenance.source, "needs an arm64 host whose /dev/kvm opens")
    return fresh_vm(vcpu.values, policy, vcpu.setup or infer_setup(vcpu.values))
