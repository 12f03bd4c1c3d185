"""`debugfs:` - the ID registers of running VMs, as the kernel shows them to root (idregs, Linux 6.9 and newer)."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping
from typing import Any

from inspector.errors import SourceError
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.live.collector import DEBUGFS, debugfs_vms
from inspector.sources.live.source import LiveOptions
from inspector.transport.deadline import Deadline, within
from inspector.untrusted import Untrusted

_VM = re.compile(r"[0-9]+-[0-9]+")


class RunningVms:
    """All VMs, or the one named by its VMM's process and descriptor (`debugfs:1234-11`). The VMM is not touched."""

    caution = ""

    def __init__(self, address: str, options: LiveOptions, folder: str = DEBUGFS) -> None:
        self.name = address.removeprefix("debugfs:")
        if self.name and not _VM.fullmatch(self.name):
            raise SourceError("is not debugfs: or debugfs:PID-FD", address, "for example debugfs:1234-11")
        self.address, self.timeout, self._folder = address, options.timeout, folder

    def read(self) -> Dump:
        """One vCPU entry per VM: these registers belong to the whole VM.

        Raises SourceError where nothing can be read.
        """
        notes: list[str] = []
        found = within(Deadline(self.timeout, self.address), lambda: debugfs_vms(notes, self._folder))
        vms = [vm for vm in found if self.name in ("", vm["name"])]
        if self.name:
            own = f"VM {self.name}: "
            notes = [note for note in notes if note.startswith(own) or not found]
            if not vms and notes:
                raise SourceError(notes[0].removeprefix(own), self.address)
        if not vms:
            known = ", ".join(vm["name"] for vm in found) or "none"
            why = notes[0] if notes else "no VM is running"
            raise SourceError(f"no VM {self.name}; there: {known}" if self.name and found else why, self.address)
        system = os.uname()
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = Provenance(
            source=self.address, format="live", tool=Untrusted("KVM debugfs"), kernel=Untrusted(system.release),
            kernel_version=Untrusted(system.version), machine=Untrusted(system.machine), date=Untrusted(now),
        )  # fmt: skip
        vcpus = tuple(_vcpu(index, vm) for index, vm in enumerate(vms))
        return Dump(provenance=about, vcpus=vcpus, one_vm=len(vcpus) == 1, notes=tuple(notes))


def _vcpu(index: int, vm: Mapping[str, Any]) -> Vcpu:
    values = {int(number, 16): int(value, 16) for number, value in vm["registers"].items()}
    return Vcpu(index=index, name=Untrusted(str(vm["name"])), values=values)
