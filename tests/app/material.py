"""Dumps for the screen tests, made in memory or taken from those that ship."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inspector import sources
from inspector.app.shell.application import InspectorApp, StartApp
from inspector.registers import encoding as enc
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu

PFR0 = enc.sysreg_id(3, 0, 0, 4, 0)
PFR1 = enc.sysreg_id(3, 0, 0, 4, 1)
MIDR = enc.sysreg_id(3, 0, 0, 0, 0)
SCTLR = enc.sysreg_id(3, 0, 1, 0, 0)
UNALLOCATED = enc.sysreg_id(3, 0, 0, 7, 7)
TPIDR = enc.sysreg_id(3, 3, 13, 0, 2)
SVE_Z0 = enc.make_id(enc.CLASS_SVE, 0, enc.SIZE_U2048)
V0 = enc.make_id(enc.CLASS_CORE, 0x54, enc.SIZE_U128)
VALUES = {MIDR: 0x410FD490, PFR0: 0x1101_0011_2111_0112, PFR1: 0x21, SCTLR: 0x30D50838}
NEOVERSE = "builtin:neoverse-n2-linux-6.1"


def template_of(constraints: Mapping[int, Constraint]) -> Dump:
    """A template: only some bits are given."""
    vcpu = Vcpu(index=0, values={}, kind="template", constraints=constraints)
    return Dump(provenance=Provenance(source="template.json", format="model"), vcpus=(vcpu,))


def app_on(*dumps: Dump | str, config: Path | None = None, state: Path | None = None) -> InspectorApp:
    """The program on dumps, or on sources that it loads; settings of the machine are left aside."""
    loaded = [sources.load(one) if isinstance(one, str) else one for one in dumps]
    nowhere = Path("/proc/nonexistent")
    return (InspectorApp if loaded else StartApp)(loaded, config=config or nowhere, state=state or nowhere)
