"""Which value a copy of the saved VM would hold where the destination refuses the saved one."""

from __future__ import annotations

from inspector.checks.restore.result import Finding
from inspector.sources.dump import Dump
from inspector.sources.edits import way_of


def replacement_of(finding: Finding) -> int | None:
    """The value that the destination accepts: the nearest to the saved one where the kernel gives a choice, or its own.

    None when neither is known.
    """
    if finding.would_pass is not None:
        return finding.would_pass
    return finding.destination


def replaceable_format(dump: Dump) -> bool:
    """True when values can be replaced in the file that `dump` was read from."""
    if dump.provenance.source in ("-", "") or "://" in dump.provenance.source:
        return False
    how = way_of(dump.provenance.format)
    return any(vcpu.offsets for vcpu in dump.vcpus) if how == "bytes" else bool(how)
